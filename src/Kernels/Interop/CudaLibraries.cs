using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>What was found of one native library.</summary>
/// <param name="Name">NVIDIA driver, NVRTC, cuBLAS or cuDNN 9.</param>
/// <param name="Path">The file that was loaded; null when there is none.</param>
/// <param name="Version">Its version, such as 12.8 or 9.10.2; null when not found or not told.</param>
/// <param name="Problem">What is wrong with it, in one line; null when nothing is.</param>
/// <param name="HowToGet">What to install where it is missing.</param>
public sealed record CudaLibraryStatus(string Name, string? Path, string? Version, string? Problem, string HowToGet)
{
    /// <summary>Whether it can be used.</summary>
    public bool IsAvailable => Path is not null && Problem is null;
}

/// <summary>What was found of CUDA on this machine.</summary>
/// <param name="Libraries">The four native libraries, in the order driver, NVRTC, cuBLAS, cuDNN.</param>
/// <param name="Devices">The GPUs that the driver shows; empty without a driver.</param>
/// <param name="DriverProblem">Why a driver that is there shows no GPU; null when it does or is missing.</param>
public sealed record CudaProbe(IReadOnlyList<CudaLibraryStatus> Libraries, IReadOnlyList<CudaDeviceProperties> Devices, string? DriverProblem)
{
    /// <summary>Whether a CUDA device can be made.</summary>
    public bool IsAvailable => Problem is null;

    /// <summary>In one line what is missing and how to get it; null when nothing is.</summary>
    public string? Problem
    {
        get
        {
            List<string> parts = [.. Libraries.Where(library => !library.IsAvailable)
                .Select(library => $"{library.Name} {(library.Problem is null ? "was not found" : $"cannot be used, {library.Problem}")} ({library.HowToGet})")];
            if (DriverProblem is not null)
            {
                parts.Add(DriverProblem);
            }

            return parts.Count == 0
                ? null
                : $"CUDA is not available: {string.Join("; ", parts)}; folders in {LibrarySearch.Variable} are searched first, and `--device cpu` needs none of it";
        }
    }
}

/// <summary>
/// Finds and loads the native CUDA libraries when they are first needed. They are looked for in the folders of ENGINE_CUDA_PATH,
/// by the loader's own search, in /usr/local/cuda*/lib64, and in the nvidia/*/lib folders of Python's packages.
/// </summary>
public static class CudaLibraries
{
    private sealed record Loaded(nint Handle, string? Path, string? Problem);

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, Loaded> Cache = [];

    /// <summary>Looks for the libraries and the GPUs, and never fails.</summary>
    public static CudaProbe Probe()
    {
        List<CudaLibraryStatus> libraries = [.. LibrarySearch.All.Select(library =>
        {
            Loaded loaded = Load(library);
            return new CudaLibraryStatus(library.Title, loaded.Path, loaded.Handle == 0 ? null : Attempt(() => VersionOf(library)), loaded.Problem, library.HowToGet);
        })];
        List<CudaDeviceProperties> devices = [];
        string? driverProblem = null;
        if (libraries[0].IsAvailable)
        {
            try
            {
                int count = CudaContext.GetDeviceCount();
                for (int device = 0; device < count; device++)
                {
                    devices.Add(CudaContext.GetDeviceProperties(device));
                }

                driverProblem = count == 0 ? "the NVIDIA driver shows no GPU (see nvidia-smi, and CUDA_VISIBLE_DEVICES)" : null;
            }
            catch (EngineException exception)
            {
                driverProblem = $"the NVIDIA driver does not start, {exception.Message} (see nvidia-smi)";
            }
        }

        return new CudaProbe(libraries, devices, driverProblem);
    }

    /// <summary>Returns when a CUDA device can be made.</summary>
    /// <exception cref="EngineException">It cannot: in one line what is missing and how to get it.</exception>
    public static void Require()
    {
        if (Probe().Problem is { } problem)
        {
            throw new EngineException(problem);
        }
    }

    /// <summary>From then on this assembly's P/Invoke declarations find their libraries here.</summary>
#pragma warning disable CA2255 // The resolver must be in place before the first native call, whichever class makes it.
    [ModuleInitializer]
    internal static void Initialize() => NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, Resolve);
#pragma warning restore CA2255

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        NativeLibraryDescription? library = LibrarySearch.All.FirstOrDefault(candidate => candidate.Key == name);
        if (library is null)
        {
            return 0;
        }

        Loaded loaded = Load(library);
        return loaded.Handle != 0
            ? loaded.Handle
            : throw new EngineException($"{library.Title} {(loaded.Problem is null ? "was not found" : $"cannot be used, {loaded.Problem}")} ({library.HowToGet})");
    }

    private static Loaded Load(NativeLibraryDescription library)
    {
        lock (Gate)
        {
            if (!Cache.TryGetValue(library.Key, out Loaded? loaded))
            {
                List<string> problems = [];
                nint handle = LibrarySearch.FromEnvironment().TryLoad(library, out string? path, problems);
                loaded = new Loaded(handle, path, handle == 0 && problems.Count > 0 ? string.Join(", ", problems) : null);
                Cache.Add(library.Key, loaded);
            }

            return loaded;
        }
    }

    private static string VersionOf(NativeLibraryDescription library) => library.Key switch
    {
        "cuda" => CudaContext.GetDriverVersion().ToString(),
        "nvrtc" => CudaRuntimeCompiler.GetVersion().ToString(),
        "cublas" => CudaBlas.GetVersion().ToString(),
        _ => CudaDNNContext.GetVersion().ToString(),
    };


    private static string? Attempt(Func<string> question)
    {
        try
        {
            return question();
        }
        catch (Exception exception) when (exception is EngineException or EntryPointNotFoundException)
        {
            return null;
        }
    }
}
