using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>
/// Host data on its way to the device. Each copy goes through a slot, a pinned buffer on the host and a buffer of the same size on the
/// device: the copy stream fills the slot while the compute stream still works on the step before, and only the last hop, from the
/// slot to the tensor, which runs at the memory's full speed, takes its turn on the compute stream. The caller's memory is free again
/// on return.
/// </summary>
internal sealed class UploadRing(CudaStream compute) : IDisposable
{
    private readonly CudaStream _copies = new();
    private readonly UploadSlots _order = new();
    private readonly Dictionary<(int Size, int Index), Slot> _slots = [];

    /// <summary>Queues a copy; what follows on the compute stream sees it.</summary>
    internal void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        while (source.Length > 0)
        {
            int bytes = Math.Min(source.Length, UploadSlots.Largest);
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

    /// <summary>
    /// Copies at once, beside the compute stream and without it, for memory that no queued work uses; allowed while the compute stream is captured.
    /// </summary>
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
        foreach (Slot slot in _slots.Values)
        {
            slot.Dispose();
        }

        _copies.Dispose();
    }

    private Slot NextSlot(int bytes)
    {
        (int Size, int Index) place = _order.Take(bytes);
        if (_slots.TryGetValue(place, out Slot? slot))
        {
            slot.Emptied.Synchronize();
        }
        else
        {
            _slots[place] = slot = new Slot(place.Size);
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
