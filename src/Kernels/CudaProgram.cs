using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>
/// A program's own CUDA source, compiled for the GPU at hand by <see cref="CudaDevice.Compile"/>. It belongs to the device and goes with it.
/// </summary>
public sealed class CudaProgram
{
    // CUDA_ERROR_NOT_FOUND.
    private const int NotFound = 500;

    private readonly CudaDevice _device;
    private readonly CudaModule _module;
    private readonly SourceSignatures _signatures;
    private readonly Dictionary<string, CudaKernel> _kernels = [];

    internal CudaProgram(CudaDevice device, CudaModule module, string source, string name)
    {
        _device = device;
        _module = module;
        _signatures = SourceSignatures.Parse(source);
        Name = name;
    }

    /// <summary>What the source is called in messages.</summary>
    public string Name { get; }

    /// <summary>The names of the kernels that the source declares as <c>extern "C" __global__ void</c>; those that a macro makes are not among them.</summary>
    public IReadOnlyList<string> KernelNames => _signatures.Names;

    /// <summary>One of its kernels.</summary>
    /// <param name="name">Its name in the source, where it is <c>extern "C"</c>.</param>
    /// <exception cref="EngineException">There is none of that name; the message lists those that there are.</exception>
    public CudaKernel GetKernel(string name)
    {
        if (_kernels.TryGetValue(name, out CudaKernel? kernel))
        {
            return kernel;
        }

        _device.Enter();
        try
        {
            kernel = new CudaKernel(_device, _module.GetKernel(name), _signatures.Find(name));
        }
        catch (CudaException e) when (e.Status == NotFound)
        {
            string known = KernelNames.Count == 0
                ? "it declares none; a kernel is extern \"C\" __global__ void name(...)"
                : $"its kernels are {string.Join(", ", KernelNames)}";
            string mangled = _signatures.IsMangled(name) ? $"; '{name}' needs extern \"C\" before __global__" : "";
            throw new EngineException($"{Name} has no kernel '{name}': {known}{mangled}", e);
        }

        return _kernels[name] = kernel;
    }

    /// <summary>Unloads it, when the device is disposed.</summary>
    internal void Unload() => _module.Dispose();
}
