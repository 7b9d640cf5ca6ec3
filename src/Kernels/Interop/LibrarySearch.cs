namespace Engine.Kernels.Interop;

/// <summary>
/// Where native CUDA libraries are looked for, in order: the folders in ENGINE_CUDA_PATH, the loader's own search,
/// /usr/local/cuda*/lib64, and the nvidia/*/lib folders that pip and conda make.
/// </summary>
/// <param name="explicitFolders">The folders of ENGINE_CUDA_PATH, in order.</param>
/// <param name="toolkitFolders">Folders of installed toolkits, newest first.</param>
/// <param name="packageFolders">Folders of Python packages.</param>
/// <param name="loader">What stands for the loader's own search of a bare name: files, or that name; null for the system's.</param>
internal sealed class LibrarySearch(
    IReadOnlyList<string> explicitFolders, IReadOnlyList<string> toolkitFolders, IReadOnlyList<string> packageFolders,
    Func<string, IEnumerable<string>>? loader = null)
{
    /// <summary>The environment variable with folders to search first, separated by the system's path separator.</summary>
    internal const string Variable = "ENGINE_CUDA_PATH";

    /// <summary>What is wrong with the folders of <see cref="Variable"/> themselves, a phrase each.</summary>
    internal IReadOnlyList<string> FolderProblems { get; } =
    [
        .. explicitFolders.Where(folder => !Directory.Exists(folder)).Select(folder => File.Exists(folder)
            ? $"{Variable} names {folder}, which is a file: name the folder that it is in"
            : $"{Variable} names {folder}, which does not exist"),
    ];

    /// <summary>The search as this process's environment has it.</summary>
    internal static LibrarySearch FromEnvironment()
    {
        // In full, so that every candidate is a file that can be looked at.
        string[] explicitFolders = [.. (Environment.GetEnvironmentVariable(Variable) ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Path.GetFullPath)];
        return new LibrarySearch(explicitFolders, ToolkitFolders("/usr/local"), PackageFolders(PythonRoots(Environment.GetEnvironmentVariable("PATH") ?? "")));
    }

    /// <summary>
    /// Every path to try for a library, in order. Within a place a newer version comes first; a place nearer the front wins over a newer
    /// version further back. What the loader would find by itself is named in full, so that it can be looked at before it is loaded; a
    /// bare name stands for the loader's search where that is not known.
    /// </summary>
    internal IEnumerable<string> Candidates(NativeLibraryDescription library) =>
        explicitFolders.SelectMany(folder => InFolder(folder, library))
            .Concat(library.FileNames.SelectMany(loader ?? ByLoader))
            .Concat(toolkitFolders.SelectMany(folder => InFolder(folder, library)))
            .Concat(packageFolders.SelectMany(folder => InFolder(folder, library)))
            .Distinct();

    /// <summary>
    /// A file of the library in one of the folders that has none of the accepted names, such as one of another version; null when there is none.
    /// </summary>
    internal string? OtherVersion(NativeLibraryDescription library)
    {
        string stem = library.FileNames[0];
        int mark = stem.IndexOf(".so.", StringComparison.Ordinal);
        return mark < 0
            ? null
            : explicitFolders.Concat(toolkitFolders).Concat(packageFolders).Where(Directory.Exists)
                .SelectMany(folder => Directory.EnumerateFiles(folder, stem[..(mark + 4)] + "*").Order(StringComparer.Ordinal))
                .FirstOrDefault(file => !library.FileNames.Contains(Path.GetFileName(file)));
    }

    /// <summary>The lib64 folders of the toolkits below a root, the unversioned link first, then the newest.</summary>
    internal static IReadOnlyList<string> ToolkitFolders(string root) =>
        Directory.Exists(root)
            ? [.. Directory.EnumerateDirectories(root, "cuda*")
                .OrderByDescending(folder => Path.GetFileName(folder) == "cuda")
                .ThenByDescending(VersionOf)
                .Select(folder => Path.Combine(folder, "lib64"))
                .Where(Directory.Exists)]
            : [];

    /// <summary>The nvidia/*/lib folders below Python's package folders, and conda's own lib folders.</summary>
    internal static IReadOnlyList<string> PackageFolders(IEnumerable<string> roots)
    {
        List<string> folders = [];
        foreach (string root in roots.Distinct().Where(Directory.Exists))
        {
            folders.Add(Path.Combine(root, "lib"));
            foreach (string python in Matching(Path.Combine(root, "lib"), "python3*"))
            {
                foreach (string packages in (string[])["site-packages", "dist-packages"])
                {
                    // CUDA 13's packages share one folder, nvidia/cu13; those of 12 have one each.
                    folders.AddRange(Matching(
                        Path.Combine(python, packages, "nvidia"), "*").Select(folder => Path.Combine(folder, "lib")).Where(Directory.Exists));
                }
            }
        }

        return folders;
    }

    /// <summary>
    /// The folders below which Python keeps its packages: those of the environments in use, of every python3 on the PATH, and the usual ones.
    /// </summary>
    internal static IEnumerable<string> PythonRoots(string path)
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        foreach (string variable in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } prefix)
            {
                yield return prefix;
            }
        }

        // A virtual environment need not be activated: its python3 may just come first on the PATH.
        foreach (string folder in path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            if (File.Exists(Path.Combine(folder, "python3")) && Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(folder)) is { Length: > 0 } root)
            {
                yield return root;
            }
        }

        yield return Path.Combine(home, ".local");
        yield return "/usr/local";
        yield return "/usr";
        yield return "/opt/conda";
        foreach (string version in Matching(Path.Combine(home, ".pyenv", "versions"), "*"))
        {
            yield return version;
        }
    }

    private static IEnumerable<string> ByLoader(string name) => LoaderPaths.Find(name).DefaultIfEmpty(name);

    private static IEnumerable<string> Matching(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.EnumerateDirectories(folder, pattern).Order(StringComparer.Ordinal) : [];

    private static IEnumerable<string> InFolder(string folder, NativeLibraryDescription library) =>
        library.FileNames.Select(name => Path.Combine(folder, name)).Where(LoaderPaths.IsThere);

    private static Version VersionOf(string folder) =>
        Version.TryParse(
            Path.GetFileName(folder).AsSpan(4).TrimStart('-') is { Length: > 0 } text ? (text.Contains('.') ? text : $"{text}.0") : "0.0",
            out Version? version)
            ? version
            : new Version(0, 0);
}
