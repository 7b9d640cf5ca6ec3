using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>
/// Finds and loads the native CUDA libraries when they are first needed. They are looked for in the folders of ENGINE_CUDA_PATH,
/// by the loader's own search, in /usr/local/cuda*/lib64, and in the nvidia/*/lib folders of Python's packages. A file that is cut
/// short, incomplete or of the wrong version is passed over, and the next one tried.
/// </summary>
public static class CudaLibraries
{
    private static readonly Lazy<LibrarySelection> Selection = new(() => new LibrarySelection(LibrarySearch.FromEnvironment()));

    /// <summary>Looks for the libraries and the GPUs, and never fails.</summary>
    public static CudaProbe Probe()
    {
        LibrarySelection selection = Selection.Value;
        List<CudaLibraryStatus> libraries = [.. NativeLibraryDescription.All.Select(library =>
        {
            LibraryOutcome outcome = selection.Outcomes[library.Key];
            string? version = outcome.Loaded is null ? null : Attempt(() => VersionOf(library));
            return new CudaLibraryStatus(library.Title, outcome.Loaded?.Path, version, outcome.Problem, library.HowToGet(selection.Cuda))
            {
                IsFound = outcome.IsFound,
                PassedOver = outcome.PassedOver,
                IsConsequence = outcome.IsConsequence,
            };
        })];
        List<CudaDeviceProperties> devices = [];
        string? driverProblem = libraries[0].IsAvailable ? FindDevices(devices) : null;
        return new CudaProbe(libraries, devices, driverProblem) { FolderProblems = selection.FolderProblems };
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
        NativeLibraryDescription? library = NativeLibraryDescription.All.FirstOrDefault(candidate => candidate.Key == name);
        if (library is null)
        {
            return 0;
        }

        LibraryOutcome outcome = Selection.Value.Outcomes[library.Key];
        return outcome.Loaded?.Handle
            ?? throw new EngineException(
                $"{library.Title} {(outcome.Problem is null ? "was not found" : $"cannot be used, {outcome.Problem}")} "
                + $"({library.HowToGet(Selection.Value.Cuda)})");
    }

    /// <summary>Adds the GPUs that the driver shows.</summary>
    /// <returns>Why it shows none; null when it does.</returns>
    private static string? FindDevices(List<CudaDeviceProperties> devices)
    {
        try
        {
            int count = CudaContext.GetDeviceCount();
            for (int device = 0; device < count; device++)
            {
                devices.Add(CudaContext.GetDeviceProperties(device));
            }

            return count == 0 ? $"the NVIDIA driver shows no GPU: {DriverStatus.Advice(100)}" : null;
        }
        catch (CudaException e)
        {
            return $"the NVIDIA driver does not start, {e.Message}: {DriverStatus.Advice(e.Status)}";
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
        catch (Exception exception) when (exception is EngineException)
        {
            return null;
        }
    }
}
