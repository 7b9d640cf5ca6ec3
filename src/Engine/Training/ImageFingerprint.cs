using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Data;

namespace Engine.Training;

/// <summary>
/// Which images a run is made with: how many, and a hash of their names and labels. A checkpoint has it, so that a run is not resumed on other images
/// by mistake: its order of images, and so its weights, would be another run's. What the images show is not part of it, nor is where they are stored.
/// </summary>
/// <param name="TrainCount">Images to train on.</param>
/// <param name="Train">The hash of their names and labels.</param>
/// <param name="TestCount">Images to test on.</param>
/// <param name="Test">The hash of theirs.</param>
internal sealed record ImageFingerprint(int TrainCount, string Train, int TestCount, string Test)
{
    /// <summary>The name of the entry in a checkpoint's header; checkpoints of earlier versions have none.</summary>
    public const string MetadataKey = "images";

    /// <summary>Characters of a hash that are kept.</summary>
    internal const int HashLength = 16;

    /// <summary>What messages call the samples.</summary>
    public string Noun { get; init; } = "images";

    /// <summary>Reads the names and labels of a set's images; none is opened.</summary>
    public static ImageFingerprint Of(ImageDataset data) => new(data.Train.Count, HashOf(data.Train), data.Test.Count, HashOf(data.Test));

    /// <summary>Demands that a run is resumed with the images that its checkpoint was made with.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="metadata">Its header.</param>
    /// <exception cref="EngineException">There are others; the message says how many there were and are.</exception>
    public void Check(string path, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(MetadataKey, out string? text))
        {
            return;
        }

        string[] words = text.Split(' ');
        if (words.Length != 4 || !int.TryParse(
            words[0], CultureInfo.InvariantCulture, out int train) || !int.TryParse(words[2], CultureInfo.InvariantCulture, out int test))
        {
            throw new EngineException($"'{path}' is damaged: the description of the images in its header is not valid");
        }

        Check(path, $"training {Noun}", new(train, words[1]), new(TrainCount, Train));
        Check(path, $"test {Noun}", new(test, words[3]), new(TestCount, Test));
    }

    /// <summary>The text in a checkpoint's header.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{TrainCount} {Train} {TestCount} {Test}");

    private static void Check(string path, string what, Images before, Images now)
    {
        if (before == now)
        {
            return;
        }

        string difference = before.Count == now.Count
            ? $"there are still {now.Count:N0}, but their {(what.EndsWith("samples", StringComparison.Ordinal) ? "numbers, names or scaling" : "names or labels")} differ"
            : string.Create(CultureInfo.InvariantCulture, $"there were {before.Count:N0}, now there are {now.Count:N0}");
        throw new EngineException(
            $"the {what} have changed since '{path}' was written: {difference}; restore them, or start a new run from its weights (--weights)");
    }

    private static string HashOf(IImageSource source)
    {
        Sha256 hash = new();
        foreach (string name in source.ClassNames)
        {
            Append(hash, name);
        }

        for (int i = 0; i < source.Count; i++)
        {
            Append(hash, source.NameOf(i) ?? "");
            hash.AppendData(MemoryMarshal.AsBytes<int>([source.Label(i)]));
        }

        return Convert.ToHexStringLower(hash.Finish())[..HashLength];
    }

    // As UTF-16: names of files need not be valid UTF-8. The end is marked, so that no two lists of names look alike.
    private static void Append(Sha256 hash, string name) => hash.AppendData(MemoryMarshal.AsBytes<char>([.. name, '\0']));

    private readonly record struct Images(int Count, string Hash);
}
