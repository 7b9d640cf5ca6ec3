using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>A native library that the CUDA device needs: the file names it may have, newest first, and how to get it.</summary>
/// <param name="Key">The name that the P/Invoke declarations use.</param>
/// <param name="Title">How it is named to a user.</param>
/// <param name="FileNames">The sonames that are accepted, the preferred one first.</param>
/// <param name="NewestEntryPoint">The most recent function in use; a library without it is too old.</param>
/// <param name="Companions">Patterns of files in the same folder that it opens by name, loaded before it so that they match.</param>
/// <param name="HowToGet">What to install, in a few words.</param>
internal sealed record NativeLibraryDescription(
    string Key, string Title, IReadOnlyList<string> FileNames, string NewestEntryPoint, IReadOnlyList<string> Companions, string HowToGet);

/// <summary>
/// Where native CUDA libraries are looked for, in order: the folders in ENGINE_CUDA_PATH, the loader's own search,
/// /usr/local/cuda*/lib64, and the nvidia/*/lib folders that pip and conda make.
/// </summary>
/// <param name="explicitFolders">The folders of ENGINE_CUDA_PATH, in order.</param>
/// <param name="toolkitFolders">Folders of installed toolkits, newest first.</param>
/// <param name="packageFolders">Folders of Python packages.</param>
internal sealed class LibrarySearch(IReadOnlyList<string> explicitFolders, IReadOnlyList<string> toolkitFolders, IReadOnlyList<string> packageFolders)
{
    /// <summary>The environment variable with folders to search first, separated by the system's path separator.</summary>
    internal const string Variable = "ENGINE_CUDA_PATH";

    internal static NativeLibraryDescription Driver { get; } = new(
        "cuda", "NVIDIA driver", OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1"], "cuStreamBeginCapture_v2", [],
        "install the NVIDIA driver, version 525 or newer");

    internal static NativeLibraryDescription Nvrtc { get; } = new(
        "nvrtc", "NVRTC",
        OperatingSystem.IsWindows()
            ? ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"]
            : ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.8", "libnvrtc.so.11.2"],
        "nvrtcGetCUBIN", ["libnvrtc-builtins.so*"], "pip install nvidia-cuda-nvrtc-cu12, or apt install cuda-nvrtc-12-8");

    internal static NativeLibraryDescription Cublas { get; } = new(
        "cublas", "cuBLAS", OperatingSystem.IsWindows() ? ["cublas64_13.dll", "cublas64_12.dll"] : ["libcublas.so.13", "libcublas.so.12"],
        "cublasGemmStridedBatchedEx", ["libcublasLt.so.1?"], "pip install nvidia-cublas-cu12, or apt install libcublas-12-8");

    internal static NativeLibraryDescription Cudnn { get; } = new(
        "cudnn", "cuDNN 9", OperatingSystem.IsWindows() ? ["cudnn64_9.dll"] : ["libcudnn.so.9"], "cudnnGetConvolutionForwardAlgorithm_v7",
        ["libcudnn_graph.so.9", "libcudnn_engines_precompiled.so.9", "libcudnn_engines_runtime_compiled.so.9", "libcudnn_heuristic.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9"],
        "pip install nvidia-cudnn-cu12, or apt install cudnn9-cuda-12");

    /// <summary>All that the CUDA device needs, in the order in which they must be loaded.</summary>
    internal static IReadOnlyList<NativeLibraryDescription> All { get; } = [Driver, Nvrtc, Cublas, Cudnn];

    /// <summary>The search as this process's environment has it.</summary>
    internal static LibrarySearch FromEnvironment()
    {
        string[] explicitFolders = (Environment.GetEnvironmentVariable(Variable) ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new LibrarySearch(explicitFolders, ToolkitFolders("/usr/local"), PackageFolders(PythonRoots(Environment.GetEnvironmentVariable("PATH") ?? "")));
    }

    /// <summary>
    /// Every path to try for a library, in order. A bare file name stands for the loader's own search. Within a place a newer
    /// version comes first; a place nearer the front wins over a newer version further back.
    /// </summary>
    internal IEnumerable<string> Candidates(NativeLibraryDescription library) =>
        explicitFolders.SelectMany(folder => InFolder(folder, library))
            .Concat(library.FileNames)
            .Concat(toolkitFolders.SelectMany(folder => InFolder(folder, library)))
            .Concat(packageFolders.SelectMany(folder => InFolder(folder, library)));

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
                    folders.AddRange(Matching(Path.Combine(python, packages, "nvidia"), "*").Select(folder => Path.Combine(folder, "lib")).Where(Directory.Exists));
                }
            }
        }

        return folders;
    }

    /// <summary>The folders below which Python keeps its packages: those of the environments in use, of every python3 on the PATH, and the usual ones.</summary>
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

    private static IEnumerable<string> Matching(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.EnumerateDirectories(folder, pattern).Order(StringComparer.Ordinal) : [];

    private static IEnumerable<string> InFolder(string folder, NativeLibraryDescription library) =>
        library.FileNames.Select(name => Path.Combine(folder, name)).Where(File.Exists);

    private static Version VersionOf(string folder) =>
        Version.TryParse(Path.GetFileName(folder).AsSpan(4).TrimStart('-') is { Length: > 0 } text ? (text.Contains('.') ? text : $"{text}.0") : "0.0", out Version? version)
            ? version
            : new Version(0, 0);

    /// <summary>
    /// Loads the first candidate that loads and has the newest function in use. <paramref name="problems"/> says why others did not.
    /// </summary>
    internal nint TryLoad(NativeLibraryDescription library, out string? path, List<string> problems)
    {
        foreach (string candidate in Candidates(library))
        {
            if (Path.GetDirectoryName(candidate) is { Length: > 0 } folder)
            {
                LoadCompanions(folder, library);
            }

            if (!NativeLibrary.TryLoad(candidate, out nint handle))
            {
                if (Path.IsPathRooted(candidate))
                {
                    problems.Add($"{candidate} does not load");
                }
            }
            else if (NativeLibrary.TryGetExport(handle, library.NewestEntryPoint, out nint address))
            {
                path = LoadedFiles.Containing(address) ?? candidate;
                return handle;
            }
            else
            {
                problems.Add($"{LoadedFiles.Containing(handle) ?? candidate} is too old: it has no {library.NewestEntryPoint}");
            }
        }

        path = null;
        return 0;
    }

    /// <summary>A library opens its companions by bare name; loaded from its own folder first, they are found and are the right ones.</summary>
    private static void LoadCompanions(string folder, NativeLibraryDescription library)
    {
        foreach (string pattern in library.Companions)
        {
            foreach (string file in Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal))
            {
                NativeLibrary.TryLoad(file, out _);
            }
        }
    }
}
