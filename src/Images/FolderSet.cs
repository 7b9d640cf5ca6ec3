using Engine.Data;
using Engine.Training;

namespace Engine.Images;

/// <summary>A data set of picture files: DIR/train/CLASS/*.jpg to train on, DIR/test or DIR/val to test with.</summary>
public static class FolderSet
{
    /// <summary>What the command line puts before the folder.</summary>
    public const string Prefix = "folder:";

    /// <summary>Whether a data set's name is that of an image folder.</summary>
    public static bool IsFolder(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The name with the folder's whole path, so that it means the same everywhere.</summary>
    /// <exception cref="EngineException">There is no such folder.</exception>
    public static string Resolve(string name)
    {
        string folder = name[Prefix.Length..];
        return folder.Length > 0 && Directory.Exists(folder)
            ? Prefix + Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))
            : throw new EngineException($"there is no image folder '{folder}'; expected {Prefix}DIR with DIR/train/CLASS/*.jpg and DIR/test or DIR/val");
    }

    /// <summary>
    /// Lists an image folder. Colours are normalised with ImageNet's constants; where training or test pictures are missing, that source is
    /// empty, so that a folder of test pictures can be evaluated and one without can be split.
    /// </summary>
    /// <param name="name">folder:DIR.</param>
    /// <param name="options">How the files become pictures of one size.</param>
    /// <exception cref="EngineException">There is no such folder, or it is not arranged in this way.</exception>
    public static ImageSet Open(string name, PictureOptions options)
    {
        name = Resolve(name);
        string folder = name[Prefix.Length..];
        string train = Path.Combine(folder, "train");
        string? test = ((string[])["test", "val"]).Select(t => Path.Combine(folder, t)).FirstOrDefault(Directory.Exists);
        if (!Directory.Exists(train) && test is null)
        {
            throw new EngineException($"the image folder '{folder}' has none of the folders train, test and val; expected DIR/train/CLASS/*.jpg and DIR/test or DIR/val");
        }

        FolderSource? trained = Directory.Exists(train) ? FolderSource.Open(train, options) : null;
        FolderSource? tested = test is null ? null : FolderSource.Open(test, options, trained?.ClassNames);
        IReadOnlyList<string> classes = (trained ?? tested)!.ClassNames;

        // Where the source takes no crops of its own, a small picture is padded by an eighth before it is cropped, as on CIFAR.
        int padding = options.Crop == RandomCrop.None ? options.ImageSize / 8 : 0;
        return new ImageSet(
            name, trained ?? FolderSource.Empty(options, classes), tested ?? FolderSource.Empty(options, classes),
            new Augmentation(padding, Mirror: true), $"the picture files in {folder}")
        {
            Normalization = PixelNormalization.ImageNet,
        };
    }

    /// <summary>What training options mean for a network made for pictures of some size.</summary>
    /// <exception cref="EngineException">A name is unknown or a size out of range.</exception>
    public static PictureOptions OptionsOf(TrainingOptions options, int networkSize)
    {
        PictureOptions usual = PictureOptions.For(options.ImageSize ?? networkSize);
        PictureOptions result = usual with
        {
            Resize = options.Resize ?? usual.Resize,
            Crop = options.Crop switch
            {
                null => usual.Crop,
                "none" => RandomCrop.None,
                "resized-crop" => RandomCrop.ResizedCrop,
                "scale-jitter" => RandomCrop.ScaleJitter,
                _ => throw new EngineException($"there is no random crop '{options.Crop}'; there are none, resized-crop and scale-jitter"),
            },
            Color = options.Color switch
            {
                null or "none" => ColorChange.None,
                "lighting" => ColorChange.Lighting,
                "jitter" => ColorChange.Jitter,
                _ => throw new EngineException($"there is no change of colours '{options.Color}'; there are none, lighting and jitter"),
            },
        };
        result.Check();
        return result;
    }
}
