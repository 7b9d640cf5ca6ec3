using System.Text.Json.Nodes;
using Engine.Training;

namespace Engine.Vision;

/// <summary>What a user may choose of <see cref="ImageOptions"/>, as a run keeps it; null for what suits the network.</summary>
public sealed record ImageChoices : IRunPart<ImageChoices>
{
    /// <summary>The filters by name, as in Pillow and torchvision.</summary>
    public static IReadOnlyDictionary<string, ResizeFilter> Interpolations { get; } =
        new Dictionary<string, ResizeFilter> { ["bilinear"] = ResizeFilter.Bilinear, ["bicubic"] = ResizeFilter.Bicubic };

    /// <summary>The random crops by name.</summary>
    public static IReadOnlyDictionary<string, RandomCrop> Crops { get; } =
        new Dictionary<string, RandomCrop> { ["none"] = RandomCrop.None, ["resized-crop"] = RandomCrop.ResizedCrop, ["scale-jitter"] = RandomCrop.ScaleJitter };

    /// <summary>The changes of color by name.</summary>
    public static IReadOnlyDictionary<string, ColorChange> Colors { get; } =
        new Dictionary<string, ColorChange> { ["none"] = ColorChange.None, ["lighting"] = ColorChange.Lighting, ["jitter"] = ColorChange.Jitter };

    /// <summary>The height and width of the crops; null for what the network is made for.</summary>
    public int? ImageSize { get; init; }

    /// <summary>What the shorter side becomes before the middle is cropped for evaluation; null for 8/7 of the crop.</summary>
    public int? Resize { get; init; }

    /// <summary>How pixels are weighed in a resize; null for bilinear.</summary>
    public ResizeFilter? Interpolation { get; init; }

    /// <summary>How training crops are taken; null for what is usual at their size.</summary>
    public RandomCrop? Crop { get; init; }

    /// <summary>What is done to training images' colors; null for nothing.</summary>
    public ColorChange? Color { get; init; }

    /// <summary>What a preset of <see cref="TrainingRecipes"/> chooses: imagenet the paper's crops and AlexNet's lighting, others nothing.</summary>
    public static ImageChoices Preset(string name) =>
        name == "imagenet" ? new ImageChoices { Crop = RandomCrop.ScaleJitter, Color = ColorChange.Lighting } : new ImageChoices();

    /// <summary>What the choices mean for a network made for images of some size.</summary>
    /// <exception cref="EngineException">A size is out of range.</exception>
    public ImageOptions For(int networkSize)
    {
        ImageOptions usual = ImageOptions.For(ImageSize ?? networkSize);
        ImageOptions options = usual with
        {
            Resize = Resize ?? usual.Resize,
            Filter = Interpolation ?? usual.Filter,
            Crop = Crop ?? usual.Crop,
            Color = Color ?? usual.Color,
        };
        options.Check();
        return options;
    }

    /// <inheritdoc/>
    static ImageChoices IRunPart<ImageChoices>.ReadFrom(JsonObject manifest) => new()
    {
        ImageSize = (int?)manifest["image_size"],
        Resize = (int?)manifest["resize"],
        Interpolation = Named(Interpolations, "interpolation", (string?)manifest["interpolation"]),
        Crop = Named(Crops, "random crop", (string?)manifest["crop"]),
        Color = Named(Colors, "change of colors", (string?)manifest["color"]),
    };

    /// <inheritdoc/>
    void IRunPart<ImageChoices>.WriteTo(JsonObject manifest)
    {
        Write("image_size", ImageSize);
        Write("resize", Resize);
        Write("interpolation", NameOf(Interpolations, Interpolation));
        Write("crop", NameOf(Crops, Crop));
        Write("color", NameOf(Colors, Color));

        void Write(string name, JsonNode? value)
        {
            if (value is not null)
            {
                manifest[name] = value;
            }
        }
    }

    private static T? Named<T>(IReadOnlyDictionary<string, T> names, string kind, string? name)
        where T : struct => name is null ? null
        : names.TryGetValue(name, out T value) ? value
        : throw new EngineException($"there is no {kind} '{name}'; there are {string.Join(", ", names.Keys.SkipLast(1))} and {names.Keys.Last()}");

    private static string? NameOf<T>(IReadOnlyDictionary<string, T> names, T? value)
        where T : struct => value is null ? null : names.First(n => n.Value.Equals(value)).Key;
}
