namespace Engine;

/// <content>What programs own, and may forget.</content>
public partial class MemoryPool
{
    // The garbage collector runs when managed memory grows. Tensors take next to none of that, however large their blocks are, so the
    // pool asks it to look around once programs' tensors have grown by half, and by this much.
    private const long LeastGrowth = 32L << 20;

    private static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(1);

    private long _leasedAtCollection;
    private int _collections;

    /// <summary>Whether blocks stand for real memory, for which it is worth looking for forgotten tensors.</summary>
    internal bool IsReal { get; set; } = true;

    /// <summary>Bytes in blocks of tensors that programs made or kept, forgotten ones that have not been found among them.</summary>
    internal long LeasedBytes { get; private set; }

    /// <summary>Counts a block that a program has from now on; <see cref="EndLease"/> ends that.</summary>
    internal void BeginLease(DeviceMemory block) => LeasedBytes += block.Capacity;

    /// <summary>Takes back what a program had of a block.</summary>
    internal void EndLease(DeviceMemory block)
    {
        LeasedBytes -= block.Capacity;
        _leasedAtCollection = Math.Min(_leasedAtCollection, LeasedBytes);
        Return(block);
    }

    // Called before memory is taken from the system, hence not in a steady loop.
    private bool CollectForgotten()
    {
        if (!IsReal || LeasedBytes < LeastGrowth)
        {
            return false;
        }

        int collections = GC.CollectionCount(GC.MaxGeneration);
        if (_collections != collections)
        {
            // The collector has been here without us.
            (_collections, _leasedAtCollection) = (collections, LeasedBytes);
            return false;
        }

        if (LeasedBytes <= _leasedAtCollection + Math.Max(LeastGrowth, _leasedAtCollection / 2))
        {
            return false;
        }

        FindForgotten();
        (_collections, _leasedAtCollection) = (GC.CollectionCount(GC.MaxGeneration), LeasedBytes);
        return true;
    }

    // Also the last resort before a device is out of memory.
    private void FindForgotten()
    {
        if (!IsReal)
        {
            return;
        }

        GC.Collect();

        // A program's own finalizer may wait for what this thread holds.
        Task.Run(GC.WaitForPendingFinalizers).Wait(MostPatience);
        _gate.DisposeLeft();
    }
}
