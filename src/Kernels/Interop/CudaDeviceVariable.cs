using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>An array in device memory, its own or somebody else's. No finalizer frees it: it is disposed, or lives as long as the context.</summary>
/// <typeparam name="T">What it holds.</typeparam>
public sealed unsafe class CudaDeviceVariable<T> : IDisposable where T : unmanaged
{
    private readonly bool _isOwner;

    /// <summary>Takes memory for a number of elements.</summary>
    public CudaDeviceVariable(long size)
    {
        Size = size;
        DevicePointer = CudaMemory.Allocate(Math.Max(1, SizeInBytes));
        _isOwner = true;
    }

    /// <summary>Views memory that somebody else owns.</summary>
    /// <param name="devicePointer">Its address.</param>
    /// <param name="size">How many elements it has.</param>
    public CudaDeviceVariable(nint devicePointer, long size)
    {
        DevicePointer = devicePointer;
        Size = size;
    }

    /// <summary>Its address on the device, a raw CUdeviceptr; 0 once disposed.</summary>
    public nint DevicePointer { get; private set; }

    /// <summary>How many elements it has.</summary>
    public long Size { get; }

    /// <summary>How many bytes it has.</summary>
    public long SizeInBytes => Size * sizeof(T);

    /// <summary>Copies from the host and waits until it is done.</summary>
    public void CopyToDevice(ReadOnlySpan<T> source)
    {
        CheckLength(source.Length);
        CudaMemory.CopyToDevice(MemoryMarshal.AsBytes(source), DevicePointer);
    }

    /// <summary>Copies to the host and waits until it is done; work on a <see cref="CudaStream"/> must have been waited for.</summary>
    public void CopyToHost(Span<T> destination)
    {
        CheckLength(destination.Length);
        CudaMemory.CopyToHost(DevicePointer, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>A new array with a copy of the content.</summary>
    public T[] ToArray()
    {
        T[] copy = new T[Size];
        CopyToHost(copy);
        return copy;
    }

    /// <summary>Frees memory of its own, after all work queued so far.</summary>
    public void Dispose()
    {
        nint pointer = DevicePointer;
        DevicePointer = 0;
        if (_isOwner && pointer != 0)
        {
            CudaMemory.Free(pointer);
        }
    }

    private void CheckLength(int length)
    {
        if (length > Size)
        {
            throw new EngineException($"a copy of {length} elements does not fit a device array of {Size}");
        }
    }
}
