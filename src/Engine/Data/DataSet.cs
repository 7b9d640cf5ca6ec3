namespace Engine.Data;

/// <summary>A data set that the engine knows by name: where it may lie, how it is read, and where it comes from.</summary>
public abstract class DataSet
{
    private protected DataSet(string name, string description, string credit, IReadOnlyList<RemoteFile> downloads)
    {
        Name = name;
        Description = description;
        Credit = credit;
        Downloads = downloads;
    }

    /// <summary>What the command line calls it.</summary>
    public string Name { get; }

    /// <summary>One line: how many images of what size and how many classes.</summary>
    public string Description { get; }

    /// <summary>One line: who made the set, and under which license.</summary>
    public string Credit { get; }

    /// <summary>The official files; none where the set is built in.</summary>
    public IReadOnlyList<RemoteFile> Downloads { get; }

    /// <summary>The names of the classes in the order of the labels; empty where only the files tell them.</summary>
    public virtual IReadOnlyList<string> ClassNames => [];

    /// <summary>The shape of one image, [1, H, W, C]; null where only the files tell it.</summary>
    public virtual Shape? ImageShape => null;

    /// <summary>Folders besides the cache in which an operating system keeps the set.</summary>
    private protected virtual IReadOnlyList<string> SystemFolders => [];

    /// <summary>Where the set lies: a folder, a file or "built in"; null where it is nowhere.</summary>
    /// <param name="directory">The folder to look in; null for the cache folder and those where an operating system keeps it.</param>
    /// <exception cref="EngineException">A place holds only some of the files, and no other holds all.</exception>
    public string? Find(string? directory = null)
    {
        if (directory is not null)
        {
            return Locate(directory);
        }

        EngineException? incomplete = null;
        foreach (string folder in (IEnumerable<string>)[DataFolder.For(Name), .. SystemFolders])
        {
            try
            {
                if (Locate(folder) is { } location)
                {
                    return location;
                }
            }
            catch (EngineException e)
            {
                incomplete ??= e;
            }
        }

        return incomplete is null ? null : throw incomplete;
    }

    /// <summary>Reads the set into memory.</summary>
    /// <param name="directory">The folder (or, for CIFAR, the .tar.gz file) to read it from; null to look where <see cref="Find"/> does.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="EngineException">The set is not there, or one of its files is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public ImageDataset Open(string? directory = null, CancellationToken cancellation = default) => Read(Find(directory) ?? throw Missing(directory), cancellation);

    /// <summary>The name and the description.</summary>
    public override string ToString() => $"{Name}: {Description}";

    /// <summary>Finds the set in one folder: what <see cref="Read"/> takes, or null.</summary>
    private protected abstract string? Locate(string folder);

    /// <summary>Reads the set from where <see cref="Locate"/> found it.</summary>
    private protected abstract ImageDataset Read(string location, CancellationToken cancellation);

    /// <summary>
    /// The first place that holds all files; null where none holds any. A place that holds some but not all is an error, not a
    /// miss: the user has forgotten one.
    /// </summary>
    /// <param name="places">Folders to look in, the likeliest first.</param>
    /// <param name="fileNames">The files that belong to the set.</param>
    /// <param name="pathOf">The path of a file of a given name in a given folder.</param>
    private protected string? LocateFiles(
        IEnumerable<string> places, IReadOnlyCollection<string> fileNames, Func<string, string, string> pathOf)
    {
        foreach (string place in places)
        {
            string[] missing = [.. fileNames.Where(f => !File.Exists(pathOf(place, f)))];
            if (missing.Length == 0)
            {
                return place;
            }

            if (missing.Length < fileNames.Count)
            {
                throw new EngineException($"{Name}: {place} lacks {string.Join(", ", missing)}; put them there, or run 'engine data get {Name}'");
            }
        }

        return null;
    }

    private EngineException Missing(string? directory)
    {
        if (directory is not null && !Directory.Exists(directory))
        {
            return new EngineException($"{Name}: the data folder {directory} does not exist");
        }

        string folder = directory ?? DataFolder.For(Name);
        string get = directory is null ? $"engine data get {Name}" : $"engine data get {Name} --data-dir {directory}";
        string files = string.Join(", ", Downloads.Select(d => d.FileName));
        return new EngineException($"{Name} is not in {folder}: run '{get}', or put {files} there (from {Downloads[0].BaseAddress})");
    }
}
