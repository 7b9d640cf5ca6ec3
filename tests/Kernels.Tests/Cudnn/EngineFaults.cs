using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Tests.Cudnn;

/// <summary>Lets engines of the emulator's cuDNN be at fault until it is disposed: "nan:62,wrong:*,unsupported:1".</summary>
internal sealed class EngineFaults : IDisposable
{
    internal EngineFaults(string faults) => Set(faults);

    public void Dispose() => Set(null);

    private static unsafe void Set(string? faults)
    {
        nint library = NativeLibrary.Load(Path.Combine(Environment.GetEnvironmentVariable(LibrarySearch.Variable)!, "libcudnn.so.9"));
        nint text = faults is null ? 0 : Marshal.StringToCoTaskMemUTF8(faults);
        ((delegate* unmanaged<nint, void>)NativeLibrary.GetExport(library, "emu_cudnn_faults"))(text);
        Marshal.FreeCoTaskMem(text);
    }
}
