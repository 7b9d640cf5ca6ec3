using Engine.Formats;

namespace Engine.Vision;

/// <summary>What an image folder is opened for.</summary>
public enum FolderUse
{
    /// <summary>To train: what is measured after each epoch is the folder of validation images, or else that of test images.</summary>
    Training,

    /// <summary>To measure a network that has been trained: on the folder of test images, or else on that of validation images.</summary>
    Testing,
}

/// <summary>Which of an image folder's folders are used for what; names are those on disk.</summary>
/// <param name="Train">The folder of training images; null for none.</param>
/// <param name="Test">The folder that is tested with; null for none.</param>
/// <param name="Others">Folders of test or validation images that are not used.</param>
internal sealed record FolderParts(string? Train, string? Test, IReadOnlyList<string> Others)
{
    // The likeliest first; capitals do not matter.
    private static readonly string[] TrainNames = ["train", "training"];
    private static readonly string[] ValidationNames = ["val", "valid", "validation", "dev"];
    private static readonly string[] TestNames = ["test", "testing"];

    /// <summary>Looks for the folders.</summary>
    /// <exception cref="EngineException">There is none of them, or the folder cannot be read.</exception>
    public static FolderParts Of(string folder, FolderUse use)
    {
        try
        {
            string[] there = [.. Directory.EnumerateDirectories(folder).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];
            string[] validation = Among(there, ValidationNames), test = Among(there, TestNames);
            string[] tested = use == FolderUse.Training ? [.. validation, .. test] : [.. test, .. validation];
            string? train = Among(there, TrainNames).FirstOrDefault();
            return train is not null || tested.Length > 0
                ? new FolderParts(train, tested.FirstOrDefault(), tested.Length > 1 ? tested[1..] : [])
                : throw new EngineException(
                    $"the image folder '{ShownName.Of(folder)}' has none of the folders train, test and val (or valid, validation, dev); expected "
                        + $"{FolderSet.Expected}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the image folder '{ShownName.Of(folder)}' cannot be read: {FileProblem.Of(e)}", e);
        }
    }

    /// <summary>A line that says which folder is used for what.</summary>
    public string Remark(FolderUse use)
    {
        string others = Others.Count == 0 ? "" : $"; {string.Join(" and ", Others.Select(o => $"{o}/"))} {(Others.Count == 1 ? "is" : "are")} not used";
        return use == FolderUse.Testing ? $"tests on {Test ?? "no folder"}/{others}"
            : Test is null ? $"trains on {Train}/; there are no images to test on"
            : Train is null ? $"tests on {Test}/; there are no images to train on"
            : $"trains on {Train}/, tests on {Test}/ after each epoch{others}";
    }

    private static string[] Among(string[] there, string[] names) =>
        [.. names.SelectMany(name => there.Where(t => t.Equals(name, StringComparison.OrdinalIgnoreCase)).OrderBy(t => t != name))];
}
