using System.Text.Json;
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

    /// <summary>The pictures' height in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The pictures' width in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The pictures' channels.</summary>
    public required int Channels { get; init; }

    /// <summary><see cref="PixelNormalization.Mean"/>: [Channels], or [Height, Width, Channels].</summary>
    public required double[] Mean { get; init; }

    /// <summary><see cref="PixelNormalization.Deviation"/>: [Channels].</summary>
    public required double[] Deviation { get; init; }

    /// <summary>How the pictures' pixels become numbers.</summary>
    /// <exception cref="EngineException">The mean or deviation does not fit the pictures.</exception>
    public PixelNormalization Normalization() =>
        Deviation.Length == Channels && (Mean.Length == Channels || Mean.Length == (long)Height * Width * Channels)
            ? PixelNormalization.Constant(Mean, Deviation, Mean.Length != Channels)
            : throw new EngineException($"the weights' description of '{Name}' has {Mean.Length} means and {Deviation.Length} deviations for pictures of {Height}x{Width}x{Channels}");

    /// <summary>Describes a data set.</summary>
    public static DataDescription Of(ImageSet data, PixelNormalization normalization) => new()
    {
        Name = data.Name,
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
            return JsonSerializer.Deserialize(json, TrainingJson.Default.DataDescription);
        }
        catch (JsonException e)
        {
            throw new EngineException("the weights' description of their data set is not valid JSON", e);
        }
    }

    /// <summary>The description as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingJson.Default.DataDescription);
}
