using System.Text;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests;

/// <summary>A context on the emulator with the planted kernels and one stream; disposing it leaves the emulator as new.</summary>
internal sealed class EmulatedContext : IDisposable
{
    private readonly CudaModule _planted;

    internal EmulatedContext()
    {
        CudaEmulator.Reset();
        Context = new CudaContext();
        Stream = new CudaStream();
        _planted = Context.LoadModule(PlantedImage());
    }

    internal CudaContext Context { get; }

    internal CudaStream Stream { get; }

    private bool IsBroken()
    {
        try
        {
            Context.Synchronize();
            return false;
        }
        catch (CudaException)
        {
            return true;
        }
    }

    /// <summary>The sources of the emulator and of the planted kernels.</summary>
    internal static string SourceFolder => Path.Combine(Sources.Folder, "tests", "Kernels.Tests", "Emulator");

    /// <summary>The planted kernels, compiled.</summary>
    internal static byte[] PlantedImage() =>
        CudaRuntimeCompiler.Compile(
            File.ReadAllText(Path.Combine(SourceFolder, "planted.cu"), Encoding.UTF8), "planted.cu", ["--gpu-architecture=sm_90"], out _);

    internal CudaFunction Kernel(string name) => _planted.GetKernel(name);

    /// <summary>Device memory with 1, 2, 3 ...</summary>
    internal static CudaDeviceVariable<float> Ramp(int length)
    {
        CudaDeviceVariable<float> ramp = new(length);
        ramp.CopyToDevice([.. Enumerable.Range(1, length).Select(i => (float)i)]);
        return ramp;
    }

    public void Dispose()
    {
        if (IsBroken())
        {
            // Nothing can be given back in order any more.
            CudaEmulator.Reset();
        }
        else
        {
            _planted.Dispose();
            Stream.Dispose();
        }

        Context.Dispose();
    }
}
