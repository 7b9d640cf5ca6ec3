using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>What became of one library.</summary>
/// <param name="Loaded">The library; null when no candidate can be loaded.</param>
/// <param name="Problem">Why there is none, or why it cannot serve; null when it does, and when there is no candidate at all.</param>
/// <param name="PassedOver">The candidates that were tried before and why they do not serve, a phrase each.</param>
/// <param name="IsFound">Whether a file of it is there, be it usable or not.</param>
/// <param name="IsConsequence">Whether it is not there only because another library is not.</param>
internal sealed record LibraryOutcome(LoadedLibrary? Loaded, string? Problem, IReadOnlyList<string> PassedOver, bool IsFound, bool IsConsequence = false);

/// <summary>
/// Chooses among all files that a search finds those that serve together, and loads them. The driver comes first: it runs libraries
/// of its own CUDA major version and of older ones. cuBLAS and cuDNN must belong to one CUDA major version, since cuDNN opens cuBLASLt
/// by that name; NVRTC belongs to the same where there is such a one.
/// </summary>
internal sealed unsafe class LibrarySelection
{
    private const int StubLibrary = 34;
    private const int OldestCuda = 12;

    private readonly LibrarySearch _search;
    private readonly Dictionary<string, LoadedLibrary?> _tried = [];
    private readonly Dictionary<string, Dictionary<string, string>> _problems = [];
    private readonly Version? _driverCuda;
    private (string Path, LoadedLibrary Loaded, int? Cuda)? _cudnn;

    /// <summary>Searches and loads. It never fails; what is missing is in the outcomes.</summary>
    internal LibrarySelection(LibrarySearch search)
    {
        _search = search;
        foreach (NativeLibraryDescription library in NativeLibraryDescription.All)
        {
            _problems[library.Key] = [];
        }

        LoadedLibrary? driver = FindDriver();
        _driverCuda = driver is null ? null : CudaOf(driver.Handle);
        string? old = _driverCuda is { } cuda && cuda.Major < OldestCuda ? $"{driver!.Path} supports CUDA {cuda}, and the least is {OldestCuda}.0" : null;

        LoadedLibrary? nvrtc, cublas = null, cudnn = null;
        int? major = FindSet();
        if (major is not null)
        {
            cublas = Find(NativeLibraryDescription.Cublas, major);
            cudnn = FindCudnn(major.Value);
        }

        nvrtc = (major is null ? null : Find(NativeLibraryDescription.Nvrtc, major)) ?? Find(NativeLibraryDescription.Nvrtc, null);
        Cuda = major ?? _driverCuda?.Major;
        Outcomes = new Dictionary<string, LibraryOutcome>
        {
            [NativeLibraryDescription.Driver.Key] = old is null
                ? Outcome(NativeLibraryDescription.Driver, driver) : new LibraryOutcome(driver, old, [], IsFound: true),
            [NativeLibraryDescription.Nvrtc.Key] = Outcome(NativeLibraryDescription.Nvrtc, nvrtc),
            [NativeLibraryDescription.Cublas.Key] = Outcome(NativeLibraryDescription.Cublas, cublas),
            [NativeLibraryDescription.Cudnn.Key] = cublas is null && search.Candidates(NativeLibraryDescription.Cudnn).Any(Path.IsPathRooted)
                ? new LibraryOutcome(null, "was not tried, because it needs cuBLAS", [], IsFound: true, IsConsequence: true)
                : Outcome(NativeLibraryDescription.Cudnn, cudnn),
        };
    }

    /// <summary>The outcomes by the libraries' keys.</summary>
    internal IReadOnlyDictionary<string, LibraryOutcome> Outcomes { get; }

    /// <summary>The CUDA major version of the libraries, or else of the driver; null when there is neither.</summary>
    internal int? Cuda { get; }

    /// <summary>What is wrong with the folders of ENGINE_CUDA_PATH.</summary>
    internal IReadOnlyList<string> FolderProblems => _search.FolderProblems;

    private LibraryOutcome Outcome(NativeLibraryDescription library, LoadedLibrary? loaded)
    {
        string[] problems = [.. _problems[library.Key].Values];
        if (loaded is not null)
        {
            return new LibraryOutcome(loaded, null, problems, IsFound: true);
        }

        string? other = problems.Length > 0 ? null : _search.OtherVersion(library);
        return new LibraryOutcome(
            null, problems.Length > 0 ? string.Join(", ", problems) : other is null
                ? null : $"there is {other}, but no {string.Join(" or ", library.FileNames)}", [],
            IsFound: problems.Length > 0);
    }

    /// <summary>The first CUDA major version of which all three libraries are there, else of which cuBLAS and cuDNN are, else cuBLAS.</summary>
    private int? FindSet()
    {
        int? pair = null, single = null;
        foreach (int major in _search.Candidates(NativeLibraryDescription.Cublas)
            .Select(path => NativeLibraryDescription.Cublas.CudaMajorOf(Path.GetFileName(path))).OfType<int>().Distinct())
        {
            if (Find(NativeLibraryDescription.Cublas, major) is null)
            {
                continue;
            }

            single ??= major;
            if (FindCudnn(major) is not null)
            {
                pair ??= major;
                if (Find(NativeLibraryDescription.Nvrtc, major) is not null)
                {
                    return major;
                }
            }
        }

        return pair ?? single;
    }

    private LoadedLibrary? FindDriver()
    {
        foreach (string path in _search.Candidates(NativeLibraryDescription.Driver))
        {
            if (Try(NativeLibraryDescription.Driver, path) is not { } loaded)
            {
                continue;
            }

            if (((delegate* unmanaged<uint, int>)NativeLibrary.GetExport(loaded.Handle, "cuInit"))(0) != StubLibrary)
            {
                return loaded;
            }

            // Another driver of the same name can only be found once this one is gone.
            Refuse(
                NativeLibraryDescription.Driver, path, loaded,
                $"is the stub for linking that comes with the CUDA toolkit, not a driver (cuInit returns {StubLibrary}, CUDA_ERROR_STUB_LIBRARY)");
        }

        return null;
    }

    /// <summary>The first candidate that serves: of a CUDA major version, or of any that the driver runs when null.</summary>
    private LoadedLibrary? Find(NativeLibraryDescription library, int? major)
    {
        foreach (string path in _search.Candidates(library))
        {
            int? own = library.CudaMajorOf(Path.GetFileName(path));
            if (own > _driverCuda?.Major)
            {
                if (Path.IsPathRooted(path))
                {
                    _problems[library.Key].TryAdd(path, $"{path} is for CUDA {own}, and the NVIDIA driver supports CUDA {_driverCuda}");
                }
            }
            else if (major is null || own == major)
            {
                bool isNew = !_tried.ContainsKey(path);
                if (Try(library, path) is { } loaded && (!isNew || Serves(library, path, loaded, own)))
                {
                    return loaded;
                }
            }
        }

        return null;
    }

    /// <summary>Asks a library for its version, and NVRTC for its builtins.</summary>
    private bool Serves(NativeLibraryDescription library, string path, LoadedLibrary loaded, int? own)
    {
        int found = 0, minor = 0;
        if (library.Key == NativeLibraryDescription.Nvrtc.Key)
        {
            _ = ((delegate* unmanaged<int*, int*, int>)NativeLibrary.GetExport(loaded.Handle, "nvrtcVersion"))(&found, &minor);
        }
        else
        {
            _ = ((delegate* unmanaged<int, int*, int>)NativeLibrary.GetExport(loaded.Handle, "cublasGetProperty"))(0, &found);
        }

        if (own is not null && found != own)
        {
            Refuse(library, path, loaded, $"is of version {found}, not {own}");
            return false;
        }

        if (library.Key == NativeLibraryDescription.Nvrtc.Key && BuiltinsFault(path, loaded, $"{found}.{minor}") is { } fault)
        {
            Refuse(library, path, loaded, fault);
            return false;
        }

        return true;
    }

    /// <summary>NVRTC opens the library of its built-in functions by name when it first compiles.</summary>
    private static string? BuiltinsFault(string path, LoadedLibrary nvrtc, string version)
    {
        if (!OperatingSystem.IsLinux() || ElfImage.Read(nvrtc.Path, out _) is not { OpensOthers: true })
        {
            return null;
        }

        string name = $"libnvrtc-builtins.so.{version}";
        string?[] folders = [Path.GetDirectoryName(path), Path.GetDirectoryName(nvrtc.Path)];
        string? file = LoaderPaths.In(
            folders.Where(folder => !string.IsNullOrEmpty(folder)).OfType<string>(), name).Concat(LoaderPaths.Find(name)).FirstOrDefault();
        return file is null ? $"needs {name}, which is not beside it"
            : LibraryFile.LoadPart(file, out _) is { } fault ? $"needs {name}: {fault}"
            : null;
    }

    /// <summary>
    /// The first cuDNN that was built for a CUDA major version. Only one is loaded at a time: all of them open their parts by the same names.
    /// </summary>
    private LoadedLibrary? FindCudnn(int major)
    {
        NativeLibraryDescription library = NativeLibraryDescription.Cudnn;
        foreach (string path in _search.Candidates(library))
        {
            if (_cudnn is { } current && current.Path == path)
            {
                if (current.Cuda is null || current.Cuda == major)
                {
                    return current.Loaded;
                }

                continue;
            }

            if (_tried.TryGetValue(path, out LoadedLibrary? before) && before is null)
            {
                continue;
            }

            _cudnn?.Loaded.Unload();
            _cudnn = null;
            _tried.Remove(path);
            if (Try(library, path) is not { } loaded)
            {
                continue;
            }

            // major * 10000 + minor * 100 + patch; until version 8 the major version was multiplied by 1000.
            int version = (int)((delegate* unmanaged<nuint>)NativeLibrary.GetExport(loaded.Handle, "cudnnGetVersion"))();
            if (version / 10000 != 9)
            {
                Refuse(library, path, loaded, $"is cuDNN {(version < 10000 ? version / 1000 : version / 10000)}, not 9");
                continue;
            }

            int? cuda = NativeLibrary.TryGetExport(loaded.Handle, "cudnnGetCudartVersion", out nint function)
                ? (int)((delegate* unmanaged<nuint>)function)() / 1000
                : null;
            _cudnn = (path, loaded, cuda);
            if (cuda is null || cuda == major)
            {
                _problems[library.Key].Remove(path);
                return loaded;
            }

            _problems[library.Key][path] = $"{path} is built for CUDA {cuda}, and cuBLAS is for CUDA {major}";
        }

        return null;
    }

    private LoadedLibrary? Try(NativeLibraryDescription library, string path)
    {
        if (!_tried.TryGetValue(path, out LoadedLibrary? loaded))
        {
            _tried[path] = loaded = LibraryFile.TryLoad(library, path, out string? problem);
            if (problem is not null && Path.IsPathRooted(path))
            {
                _problems[library.Key][path] = problem;
            }
        }

        return loaded;
    }

    private void Refuse(NativeLibraryDescription library, string path, LoadedLibrary loaded, string why)
    {
        loaded.Unload();
        _tried[path] = null;
        _problems[library.Key][path] = $"{path} {why}";
    }

    private static Version? CudaOf(nint driver)
    {
        int version;
        return ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver, "cuDriverGetVersion"))(&version) == 0
            ? new Version(version / 1000, version % 1000 / 10)
            : null;
    }
}
