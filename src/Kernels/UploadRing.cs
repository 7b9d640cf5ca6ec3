using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>
/// Host data on its way to the device. Each copy goes through one of a few slots, a pinned buffer on the host and a buffer of the
/// same size on the device: the copy stream fills the slot while the compute stream still works on the step before, and only the
/// last hop, from the slot to the tensor, which runs at the memory's full speed, takes its turn on the compute stream. The caller's
/// memory is free again on return.
/// </summary>
internal sealed class UploadRing(CudaStream compute) : IDisposable
{
    private const int SlotCount = 3;
    private const int SmallestSlot = 64 * 1024;
    private const int LargestSlot = 32 * 1024 * 1024;

    private readonly CudaStream _copies = new();
    private readonly Slot[] _slots = new Slot[SlotCount];
    private int _next;

    /// <summary>Queues a copy; what follows on the compute stream sees it.</summary>
    internal void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        while (source.Length > 0)
        {
            int bytes = Math.Min(source.Length, LargestSlot);
            Slot slot = NextSlot(bytes);
            source[..bytes].CopyTo(slot.Host.Span);
            CudaMemory.CopyToDeviceAsync(slot.Host.Pointer, slot.Device, bytes, _copies);
            slot.Arrived.Record(_copies);
            compute.WaitEvent(slot.Arrived);
            CudaMemory.CopyAsync(slot.Device, destination, bytes, compute);
            slot.Emptied.Record(compute);
            source = source[bytes..];
            destination += bytes;
        }
    }

    /// <summary>Copies at once, beside the compute stream and without it, for memory that no queued work uses; allowed while the compute stream is captured.</summary>
    internal unsafe void UploadBeside(ReadOnlySpan<byte> source, nint destination)
    {
        fixed (byte* data = source)
        {
            CudaMemory.CopyToDeviceAsync((nint)data, destination, source.Length, _copies);
            _copies.Synchronize();
        }
    }

    public void Dispose()
    {
        foreach (Slot slot in _slots)
        {
            slot?.Dispose();
        }

        _copies.Dispose();
    }

    private Slot NextSlot(int bytes)
    {
        int index = _next;
        _next = (_next + 1) % SlotCount;
        Slot? slot = _slots[index];
        slot?.Emptied.Synchronize();
        if (slot is null || slot.Host.Size < bytes)
        {
            slot?.Dispose();
            _slots[index] = slot = new Slot((int)Math.Max(SmallestSlot, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)bytes)));
        }

        return slot;
    }

    private sealed class Slot(int size) : IDisposable
    {
        internal CudaPageLockedHostMemory<byte> Host { get; } = new(size);

        internal nint Device { get; } = CudaMemory.Allocate(size);

        /// <summary>The data are on the device.</summary>
        internal CudaEvent Arrived { get; } = new();

        /// <summary>The compute stream has taken them away, so that the slot can be filled again.</summary>
        internal CudaEvent Emptied { get; } = new();

        public void Dispose()
        {
            Host.Dispose();
            CudaMemory.Free(Device);
            Arrived.Dispose();
            Emptied.Dispose();
        }
    }
}
