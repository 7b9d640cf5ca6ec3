using System.Text;

namespace Engine.Kernels.Interop;

/// <summary>Compiled kernels, loaded into the current context.</summary>
public sealed unsafe class CudaModule : IDisposable
{
    /// <summary>Loads a cubin, or PTX, which the driver compiles.</summary>
    public CudaModule(ReadOnlySpan<byte> image)
    {
        // PTX is text that must end in a zero; a cubin knows its own length.
        byte[] terminated = new byte[image.Length + 1];
        image.CopyTo(terminated);
        nint handle;
        fixed (byte* data = terminated)
        {
            DriverApi.Check(DriverApi.cuModuleLoadData(&handle, data), "cuModuleLoadData", $"an image of {image.Length} bytes");
        }

        Handle = handle;
    }

    /// <summary>The raw CUmodule; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>One of its kernels, by the name that <c>extern "C"</c> gave it.</summary>
    /// <exception cref="CudaException">It has none of that name.</exception>
    public CudaFunction GetKernel(string name)
    {
        nint function;
        byte[] text = [.. Encoding.UTF8.GetBytes(name), 0];
        fixed (byte* bytes = text)
        {
            DriverApi.Check(DriverApi.cuModuleGetFunction(&function, Handle, bytes), "cuModuleGetFunction", $"kernel {name}");
        }

        return new CudaFunction(function, name);
    }

    /// <summary>Unloads it; its kernels are gone.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(DriverApi.cuModuleUnload(handle), "cuModuleUnload");
        }
    }
}
