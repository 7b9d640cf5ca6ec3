namespace Engine.Data;

/// <summary>The data sets that the engine knows by name.</summary>
public static class DataSets
{
    /// <summary>All sets, in the order in which help lists them.</summary>
    public static IReadOnlyList<DataSet> All { get; } = [new DigitsSet(), new MnistSet(), new FashionMnistSet(), CifarSet.Ten, CifarSet.Hundred];

    /// <summary>The set of a name.</summary>
    /// <exception cref="EngineException">There is none; the message lists those that exist.</exception>
    public static DataSet Get(string name) =>
        All.FirstOrDefault(s => s.Name == name)
        ?? throw new EngineException(
            $"there is no data set called '{name}'{Suggestion.Phrase(name, All.Select(s => s.Name), ".")} The sets are {string.Join(", ", All.Select(s => s.Name))}");

    /// <summary>Reads a set into memory.</summary>
    /// <param name="name">digits, mnist, fashion-mnist, cifar10 or cifar100.</param>
    /// <param name="directory">The folder (or, for CIFAR, the .tar.gz file) to read it from; null to look in the cache folder and where an operating system keeps it.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="EngineException">The name is unknown, the set is not there, or one of its files is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ImageDataset Open(string name, string? directory = null, CancellationToken cancellation = default) => Get(name).Open(directory, cancellation);
}
