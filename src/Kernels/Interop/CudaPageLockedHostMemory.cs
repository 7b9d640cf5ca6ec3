namespace Engine.Kernels.Interop;

/// <summary>Host memory that the GPU copies to and from by itself, while the host goes on. No finalizer frees it.</summary>
/// <typeparam name="T">What it holds.</typeparam>
public sealed unsafe class CudaPageLockedHostMemory<T> : IDisposable where T : unmanaged
{
    /// <summary>Takes pinned memory for a number of elements.</summary>
    public CudaPageLockedHostMemory(int size)
    {
        Size = size;
        nint pointer;
        DriverApi.Check(DriverApi.cuMemHostAlloc(&pointer, (nuint)Math.Max(1, SizeInBytes), flags: 1), "cuMemHostAlloc", $"{SizeInBytes} bytes");
        Pointer = pointer;
    }

    /// <summary>Its address on the host; 0 once disposed.</summary>
    public nint Pointer { get; private set; }

    /// <summary>How many elements it has.</summary>
    public int Size { get; }

    /// <summary>How many bytes it has.</summary>
    public long SizeInBytes => (long)Size * sizeof(T);

    /// <summary>Its elements.</summary>
    public Span<T> Span => new((void*)Pointer, Pointer == 0 ? 0 : Size);

    /// <summary>Frees it; copies that use it must be done.</summary>
    public void Dispose()
    {
        nint pointer = Pointer;
        Pointer = 0;
        if (pointer != 0)
        {
            DriverApi.CheckRelease(DriverApi.cuMemFreeHost(pointer), "cuMemFreeHost");
        }
    }
}
