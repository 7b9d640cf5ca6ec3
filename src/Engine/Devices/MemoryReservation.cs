namespace Engine;

/// <summary>
/// Blocks of a <see cref="MemoryPool"/> that are kept apart from all others, because recorded work will use their addresses again
/// whenever it is replayed.
/// </summary>
public sealed class MemoryReservation : IDisposable
{
    private readonly MemoryPool _pool;

    internal MemoryReservation(MemoryPool pool) => _pool = pool;

    internal Dictionary<long, Stack<DeviceMemory>> Idle { get; } = [];

    /// <summary>How many recordings use the blocks.</summary>
    internal int Holders { get; set; }

    /// <summary>Ends the lending from this reservation; its blocks stay apart.</summary>
    /// <returns>
    /// Marks all that was written since the reservation began, but for its idle blocks, as written once more: to be called whenever the
    /// recorded work is replayed.
    /// </returns>
    public Action End() => _pool.EndReservation(this);

    /// <summary>Gives the blocks to the pool at large, unless another recording still uses them: the work will not be replayed any more.</summary>
    public void Dispose()
    {
        End();
        if (--Holders == 0)
        {
            _pool.Dissolve(this);
        }
    }
}
