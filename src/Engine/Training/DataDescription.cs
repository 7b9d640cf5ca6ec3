using System.Text.Json;
using System.Text.Json.Serialization;
using Engine.Data;

namespace Engine.Training;

/// <summary>
/// What must be known of a data set to use a network that was trained on it: weights carry it in their header, so that they are of use
/// where the data set is not.
/// </summary>
public sealed record DataDescription
{
    /// <summary>The name of the entry in a file's header.</summary>
    public const string MetadataKey = "data";

    /// <summary>What the command line calls the set.</summary>
    public required string Name { get; init; }

    /// <summary>The classes' names, by label.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The images' height in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The images' width in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The images' channels.</summary>
    public required int Channels { get; init; }

    /// <summary><see cref="PixelNormalization.Mean"/>: [Channels], or [Height, Width, Channels].</summary>
    public required double[] Mean { get; init; }

    /// <summary><see cref="PixelNormalization.Deviation"/>: [Channels].</summary>
    public required double[] Deviation { get; init; }

    /// <summary>Which images these are; known where the set itself is.</summary>
    [JsonIgnore]
    internal ImageFingerprint? Fingerprint { get; init; }

    /// <summary>A data set's name without the place where its folder is on somebody's machine: folder:NAME of folder:/home/me/NAME.</summary>
    /// <param name="name">What the command line calls the set.</param>
    public static string WithoutPlace(string name)
    {
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        string[] parts = name[(colon + 1)..].Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries);
        return colon < 0 || parts.Length == 0 ? name : name[..(colon + 1)] + parts[^1];
    }

    /// <summary>How the images' pixels become numbers.</summary>
    /// <exception cref="EngineException">The mean or deviation does not fit the images.</exception>
    public PixelNormalization Normalization() =>
        Deviation.Length == Channels && (Mean.Length == Channels || Mean.Length == (long)Height * Width * Channels)
            ? PixelNormalization.Constant(Mean, Deviation, Mean.Length != Channels)
            : throw new EngineException(
                $"the weights' description of '{Name}' has {Mean.Length} means and {Deviation.Length} deviations for images of {Height}x{Width}x{Channels}");

    /// <summary>Describes a data set.</summary>
    public static DataDescription Of(ImageDataset data, PixelNormalization normalization) => new()
    {
        Name = WithoutPlace(data.Name),
        Fingerprint = ImageFingerprint.Of(data),
        Classes = data.ClassNames,
        Height = data.Train.Height,
        Width = data.Train.Width,
        Channels = data.Train.Channels,
        Mean = normalization.Mean.ToArray(),
        Deviation = normalization.Deviation.ToArray(),
    };

    /// <summary>The description in a file's header; null where there is none, or a text of another program's under its name.</summary>
    /// <exception cref="EngineException">It is damaged.</exception>
    public static DataDescription? Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(MetadataKey, out string? json) || !MetadataJson.IsObjectWith(json, "classes", "mean", "deviation"))
        {
            return null;
        }

        try
        {
            // Earlier versions wrote the folder's whole path.
            return JsonSerializer.Deserialize(json, TrainingJson.Default.DataDescription) is not { } read ? null
                : read.IsSound ? read with { Name = WithoutPlace(read.Name) }
                : throw new EngineException(
                    $"the weights' description of '{WithoutPlace(read.Name)}' does not fit images of {read.Height}x{read.Width}x{read.Channels}");
        }
        catch (JsonException e)
        {
            throw new EngineException("the weights' description of their data set is not valid JSON", e);
        }
    }

    private bool IsSound => Height >= 1 && Width >= 1 && Channels >= 1 && Classes.Count >= 1 && Deviation.Length == Channels
        && (Mean.Length == Channels || Mean.Length == (long)Height * Width * Channels);

    /// <summary>The description as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingJson.Default.DataDescription);
}
