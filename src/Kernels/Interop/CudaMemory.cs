namespace Engine.Kernels.Interop;

/// <summary>The current context's memory, by raw address. Copies on a stream return at once unless the host memory is pageable.</summary>
public static unsafe class CudaMemory
{
    /// <summary>Takes device memory, aligned to at least 256 bytes. Its content is arbitrary.</summary>
    /// <exception cref="CudaException">There is none left (<see cref="CudaException.IsOutOfMemory"/>).</exception>
    public static nint Allocate(long bytes)
    {
        nint pointer;
        DriverApi.Check(DriverApi.cuMemAlloc_v2(&pointer, (nuint)bytes), "cuMemAlloc", $"{bytes} bytes");
        return pointer;
    }

    /// <summary>Gives device memory back, after all work queued so far.</summary>
    public static void Free(nint pointer) => DriverApi.CheckRelease(DriverApi.cuMemFree_v2(pointer), "cuMemFree", $"address 0x{pointer:x}");

    /// <summary>Copies from the host and waits until it is done.</summary>
    public static void CopyToDevice(ReadOnlySpan<byte> source, nint destination)
    {
        fixed (byte* data = source)
        {
            DriverApi.Check(DriverApi.cuMemcpyHtoD_v2(destination, data, (nuint)source.Length), "cuMemcpyHtoD", $"{source.Length} bytes");
        }
    }

    /// <summary>Copies to the host and waits until it is done. It does not wait for work on streams made by <see cref="CudaStream"/>.</summary>
    public static void CopyToHost(nint source, Span<byte> destination)
    {
        fixed (byte* data = destination)
        {
            DriverApi.Check(DriverApi.cuMemcpyDtoH_v2(data, source, (nuint)destination.Length), "cuMemcpyDtoH", $"{destination.Length} bytes");
        }
    }

    /// <summary>Queues a copy from the host; the source must stay as it is until the copy is done.</summary>
    public static void CopyToDeviceAsync(nint source, nint destination, long bytes, CudaStream stream) =>
        Check(DriverApi.cuMemcpyHtoDAsync_v2(destination, (void*)source, (nuint)bytes, stream.Handle), "cuMemcpyHtoDAsync", bytes, stream);

    /// <summary>Queues a copy to the host; the destination is valid once the stream or a later event of it was waited for.</summary>
    public static void CopyToHostAsync(nint source, nint destination, long bytes, CudaStream stream) =>
        Check(DriverApi.cuMemcpyDtoHAsync_v2((void*)destination, source, (nuint)bytes, stream.Handle), "cuMemcpyDtoHAsync", bytes, stream);

    /// <summary>Queues a copy within the device.</summary>
    public static void CopyAsync(nint source, nint destination, long bytes, CudaStream stream) =>
        Check(DriverApi.cuMemcpyDtoDAsync_v2(destination, source, (nuint)bytes, stream.Handle), "cuMemcpyDtoDAsync", bytes, stream);

    /// <summary>Queues setting every byte.</summary>
    public static void SetAsync(nint destination, byte value, long bytes, CudaStream stream) =>
        Check(DriverApi.cuMemsetD8Async(destination, value, (nuint)bytes, stream.Handle), "cuMemsetD8Async", bytes, stream);

    /// <summary>Queues setting every 32-bit word; the address must be a multiple of 4.</summary>
    public static void SetWordsAsync(nint destination, uint value, long words, CudaStream stream) =>
        Check(DriverApi.cuMemsetD32Async(destination, value, (nuint)words, stream.Handle), "cuMemsetD32Async", words * sizeof(uint), stream);

    private static void Check(int status, string call, long bytes, CudaStream stream)
    {
        if (status != 0)
        {
            throw DriverApi.Error(status, call, $"{bytes} bytes");
        }

        if (CudaSynchronization.IsOn)
        {
            CudaSynchronization.Wait(stream.Handle, $"{call} of {bytes} bytes");
        }
    }
}
