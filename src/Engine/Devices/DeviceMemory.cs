namespace Engine;

/// <summary>One block of a device's memory, lent by its <see cref="MemoryPool"/>.</summary>
public sealed class DeviceMemory
{
    internal DeviceMemory(nint address, long capacity)
    {
        Address = address;
        Capacity = capacity;
    }

    /// <summary>Where the block starts, in the device's own address space; a multiple of 64.</summary>
    public nint Address { get; }

    /// <summary>The bytes the block holds.</summary>
    public long Capacity { get; }

    /// <summary>Grows whenever something is written to the block.</summary>
    internal long Version { get; set; }

    /// <summary>The bytes that were asked for when the block was lent last.</summary>
    internal long Bytes { get; set; }

    /// <summary>Whether the block has gone back to the system, with its device.</summary>
    internal bool IsFreed { get; set; }

    /// <summary>How many tensors share the block.</summary>
    internal int References { get; set; }

    /// <summary>Where the block goes when it is returned; null for the pool at large.</summary>
    internal MemoryReservation? Reservation { get; set; }
}
