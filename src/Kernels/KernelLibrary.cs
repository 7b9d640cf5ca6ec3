using System.Text;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>For what storage an entry point of kernels.cu was made; its name ends accordingly.</summary>
public enum KernelVariant
{
    /// <summary>The entry point exists once.</summary>
    Only,

    /// <summary>Floats, 16 bytes at a time: _f32.</summary>
    Float32,

    /// <summary>Floats, one at a time, for channel counts that do not divide by 4: _f32_1.</summary>
    Float32Scalar,

    /// <summary>Bfloat16, 16 bytes at a time: _bf16.</summary>
    BFloat16,

    /// <summary>Bfloat16, one at a time, for channel counts that do not divide by 8: _bf16_1.</summary>
    BFloat16Scalar,
}

/// <summary>
/// kernels.cu, which travels inside the assembly: compiled by NVRTC for the GPU at hand at first use, and from then on read from
/// disk. The file's name has the hash of source and options, the architecture and the compiler's version, so that none is ever stale.
/// </summary>
public sealed class KernelLibrary : IDisposable
{
    /// <summary>
    /// The environment variable that names the folder of compiled kernels and convolution plans; unset, it is engine below the user's cache folder.
    /// </summary>
    public const string CacheVariable = "ENGINE_CACHE";

    private readonly Dictionary<(string, KernelVariant), CudaFunction> _kernels = [];
    private readonly CudaModule _module;

    /// <summary>Loads the kernels into the current context.</summary>
    /// <param name="computeCapability">The GPU's architecture.</param>
    /// <exception cref="EngineException">The GPU is older than compute capability 8.0, or the kernels do not compile.</exception>
    public KernelLibrary(Version computeCapability)
    {
        if (computeCapability < LeastComputeCapability)
        {
            throw new EngineException(
                $"the GPU has compute capability {computeCapability}, but the kernels need {LeastComputeCapability} (Ampere) or later; use --device cpu");
        }

        _module = Load(Source, "kernels.cu", computeCapability);
    }

    /// <summary>The oldest architecture that kernels.cu is written for.</summary>
    public static Version LeastComputeCapability { get; } = new(8, 0);

    /// <summary>The source of the kernels.</summary>
    public static string Source { get; } = ReadSource();

    /// <summary>The compiler's options for an architecture, such as sm_90.</summary>
    public static IReadOnlyList<string> Options(string target) =>
        [$"--gpu-architecture={target}", "--std=c++17", "--device-as-default-execution-space"];

    /// <summary>An entry point.</summary>
    /// <param name="name">Its name in kernels.cu, without the ending of the variant.</param>
    /// <param name="variant">For what storage.</param>
    /// <exception cref="CudaException">There is none of that name.</exception>
    public CudaFunction Get(string name, KernelVariant variant)
    {
        if (!_kernels.TryGetValue((name, variant), out CudaFunction? kernel))
        {
            _kernels[(name, variant)] = kernel = _module.GetKernel(name + Ending(variant));
        }

        return kernel;
    }

    /// <summary>Unloads the kernels.</summary>
    public void Dispose() => _module.Dispose();

    /// <summary>Loads a source into the current context: from disk if it has been compiled before for this GPU by this compiler.</summary>
    /// <param name="source">CUDA C++.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="computeCapability">The GPU's architecture.</param>
    /// <exception cref="EngineException">It does not compile.</exception>
    internal static CudaModule Load(string source, string name, Version computeCapability)
    {
        string target = Target(computeCapability, CudaRuntimeCompiler.GetSupportedArchitectures());
        string path = CachePath(source, target);
        return LoadCached(path) ?? CompileAndCache(path, source, name, target);
    }

    /// <summary>
    /// The GPU's own architecture where the compiler knows it (sm_90); otherwise the newest older one that it knows, as an
    /// intermediate form that the driver translates (compute_90).
    /// </summary>
    internal static string Target(Version computeCapability, IReadOnlyList<int> supported)
    {
        int own = (computeCapability.Major * 10) + computeCapability.Minor;
        if (supported.Contains(own))
        {
            return $"sm_{own}";
        }

        int newest = supported.Where(architecture => architecture < own).DefaultIfEmpty(0).Max();
        return newest >= 80
            ? $"compute_{newest}"
            : throw new EngineException($"NVRTC {CudaRuntimeCompiler.GetVersion()} knows no architecture from 80 to {own}: install CUDA 11.8 or newer");
    }

    /// <summary>What the name of an entry point ends in.</summary>
    internal static string Ending(KernelVariant variant) => variant switch
    {
        KernelVariant.Float32 => "_f32",
        KernelVariant.Float32Scalar => "_f32_1",
        KernelVariant.BFloat16 => "_bf16",
        KernelVariant.BFloat16Scalar => "_bf16_1",
        _ => "",
    };

    private static string ReadSource()
    {
        using Stream stream = typeof(KernelLibrary).Assembly.GetManifestResourceStream("kernels.cu")
            ?? throw new EngineException("the assembly Engine.Kernels was built without kernels.cu: build it from the repository's root");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private static string CachePath(string source, string target)
    {
        ulong hash = HashOf(string.Join('\n', [source, .. Options(target)]));
        return Path.Combine(EngineCache.Folder, $"kernels-{hash:x16}-{target}-nvrtc{CudaRuntimeCompiler.GetVersion()}.bin");
    }

    /// <summary>What tells versions of a source apart in a file's name.</summary>
    internal static ulong HashOf(string text) => Fnv1a.Of(Encoding.UTF8.GetBytes(text));

    // A file that the driver refuses (cut short, or made by another toolkit) is as good as none.
    private static CudaModule? LoadCached(string path)
    {
        try
        {
            return File.Exists(path) ? new CudaModule(File.ReadAllBytes(path)) : null;
        }
        catch (Exception e) when (e is CudaException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static CudaModule CompileAndCache(string path, string source, string name, string target)
    {
        byte[] image = CudaRuntimeCompiler.Compile(source, name, Options(target), out _);
        CudaModule module = new(image);
        try
        {
            // Written aside and then renamed: another process sees the whole file or none.
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            string aside = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
            File.WriteAllBytes(aside, image);
            File.Move(aside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without a folder to write to, the kernels are compiled at each start, which takes some seconds.
        }

        return module;
    }
}
