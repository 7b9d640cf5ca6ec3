using System.Diagnostics.CodeAnalysis;

namespace Engine;

/// <summary>
/// A device's memory: blocks come back to the pool and are lent again, so that from the third training step on no native
/// allocation happens. Used by one thread at a time, as its device is.
/// </summary>
public sealed partial class MemoryPool
{
    private const int Alignment = 64;
    private readonly Func<long, nint> _allocate;
    private readonly Action<nint, long> _free;
    private readonly DeviceGate _gate;
    private readonly Dictionary<long, Stack<DeviceMemory>> _idle = [];
    private readonly HashSet<DeviceMemory> _lent = [];
    private readonly List<MemoryReservation> _reservations = [];
    private readonly HashSet<DeviceMemory> _writtenMeanwhile = [];
    private readonly HashSet<Tensor> _usedMeanwhile = [];
    private MemoryReservation? _reservation;

    /// <summary>Bytes in idle blocks of reservations, which recorded work uses whenever it is replayed.</summary>
    private long _setApart;

    internal MemoryPool(Func<long, nint> allocate, Action<nint, long> free, DeviceGate gate)
    {
        _allocate = allocate;
        _free = free;
        _gate = gate;
    }

    /// <summary>Bytes taken from the system and not given back: blocks in use and idle ones.</summary>
    public long ReservedBytes { get; private set; }

    /// <summary>Bytes in blocks that tensors use now.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>The most bytes that were in use or set apart for recorded work at once, since the start or the last <see cref="ResetPeak"/>.</summary>
    public long PeakUsedBytes { get; private set; }

    /// <summary>How many blocks were ever taken from the system: it stands still in a steady training loop.</summary>
    public long NativeAllocations { get; private set; }

    /// <summary>Starts measuring <see cref="PeakUsedBytes"/> anew.</summary>
    public void ResetPeak() => PeakUsedBytes = UsedBytes + _setApart;

    /// <summary>Gives all idle blocks back to the system.</summary>
    public void Trim()
    {
        using DeviceUse use = _gate.Enter();
        foreach (Stack<DeviceMemory> blocks in _idle.Values)
        {
            while (blocks.TryPop(out DeviceMemory? block))
            {
                Free(block);
            }
        }
    }

    /// <summary>
    /// From now until <see cref="MemoryReservation.End"/>, lends only blocks that belong to the returned reservation, and takes them
    /// back there: for work that is recorded once and replayed at the same addresses, which nobody else may use meanwhile.
    /// </summary>
    /// <param name="earlier">
    /// A reservation that has ended, to go on lending from: for work that never runs at the same time as the earlier one's. It is
    /// dissolved when it has been disposed as often as it was begun. Null for a new one.
    /// </param>
    /// <exception cref="EngineException">Another reservation has not ended.</exception>
    public MemoryReservation BeginReservation(MemoryReservation? earlier = null)
    {
        using DeviceUse use = _gate.Enter();
        if (_reservation is not null)
        {
            throw new EngineException("a reservation of memory has begun and not ended: recordings cannot be nested");
        }

        if (earlier is null)
        {
            _reservations.Add(earlier = new MemoryReservation(this));
        }

        earlier.Holders++;
        _writtenMeanwhile.Clear();
        _usedMeanwhile.Clear();
        return _reservation = earlier;
    }

    internal Action EndReservation(MemoryReservation reservation)
    {
        if (!ReferenceEquals(_reservation, reservation))
        {
            return () => { };
        }

        _reservation = null;
        // Intermediates that have gone back are nobody's; what the work made and kept counts.
        DeviceMemory[] written = [.. _writtenMeanwhile.Where(block => !ReferenceEquals(block.Reservation, reservation) || _lent.Contains(block))];
        Tensor[] used = [.. _usedMeanwhile];
        _writtenMeanwhile.Clear();
        _usedMeanwhile.Clear();
        return () =>
        {
            foreach (DeviceMemory block in written)
            {
                MarkWritten(block);
            }

            // Recorded work knows addresses, not tensors: these must not be taken for forgotten as long as it may be replayed.
            GC.KeepAlive(used);
        };
    }

    /// <summary>Whether a reservation has begun and not ended.</summary>
    internal bool IsReserving => _reservation is not null;

    /// <summary>Notes that recorded work has asked for the address of a tensor that belongs to the program.</summary>
    internal void MarkUsed(Tensor tensor) => _usedMeanwhile.Add(tensor);

    /// <summary>Notes that something is about to be written to a block.</summary>
    internal void MarkWritten(DeviceMemory block)
    {
        block.Version++;
        if (_reservation is not null)
        {
            _writtenMeanwhile.Add(block);
        }
    }

    /// <summary>Gives a reservation's blocks to everybody: the idle ones now, those in use when they come back.</summary>
    internal void Dissolve(MemoryReservation reservation)
    {
        EndReservation(reservation);
        _reservations.Remove(reservation);
        foreach (Stack<DeviceMemory> blocks in reservation.Idle.Values)
        {
            foreach (DeviceMemory block in blocks)
            {
                _setApart -= block.Capacity;
                block.Reservation = null;
                Push(_idle, block);
            }
        }

        reservation.Idle.Clear();
        foreach (DeviceMemory block in _lent)
        {
            block.Reservation = ReferenceEquals(block.Reservation, reservation) ? null : block.Reservation;
        }
    }

    /// <summary>Lends a block of at least <paramref name="bytes"/> bytes, of unspecified content.</summary>
    /// <exception cref="EngineException">The system has no memory left.</exception>
    internal DeviceMemory Rent(long bytes)
    {
        using DeviceUse use = _gate.Enter();
        long capacity = RoundUp(bytes);
        Dictionary<long, Stack<DeviceMemory>> idle = _reservation?.Idle ?? _idle;
        if (!TryPop(idle, capacity, out DeviceMemory? block) && !(CollectForgotten() && TryPop(idle, capacity, out block)))
        {
            block = new DeviceMemory(Take(capacity), capacity) { Reservation = _reservation };
            NativeAllocations++;
            ReservedBytes += capacity;
        }
        else if (_reservation is not null)
        {
            _setApart -= capacity;
        }

        block.References = 1;
        block.Bytes = bytes;
        _lent.Add(block);
        UsedBytes += capacity;
        PeakUsedBytes = Math.Max(PeakUsedBytes, UsedBytes + _setApart);
        return block;
    }

    /// <summary>
    /// The bytes that were asked for of the block in use that starts at an address, for devices that account for what work moves; null
    /// where none starts there. It looks at all blocks in use.
    /// </summary>
    public long? FindBytes(nint address)
    {
        foreach (DeviceMemory block in _lent)
        {
            if (block.Address == address)
            {
                return block.Bytes;
            }
        }

        return null;
    }

    /// <summary>Drops one reference; the last one returns the block.</summary>
    internal void Return(DeviceMemory block)
    {
        if (--block.References > 0 || !_lent.Remove(block))
        {
            return;
        }

        UsedBytes -= block.Capacity;
        _setApart += block.Reservation is null ? 0 : block.Capacity;
        Push(block.Reservation?.Idle ?? _idle, block);
    }

    /// <summary>Frees everything, lent blocks too: the device is gone.</summary>
    internal void FreeAll()
    {
        while (_reservations.Count > 0)
        {
            Dissolve(_reservations[^1]);
        }

        Trim();
        foreach (DeviceMemory block in _lent)
        {
            Free(block);
        }

        _lent.Clear();
        UsedBytes = 0;
    }

    // Sizes within one eighth of each other share blocks: little is wasted, and last batches that are smaller find a block.
    private static long RoundUp(long bytes)
    {
        long quantum = Alignment;
        while (quantum * 16 <= bytes)
        {
            quantum *= 2;
        }

        return Math.Max(Alignment, (bytes + quantum - 1) / quantum * quantum);
    }

    private static bool TryPop(Dictionary<long, Stack<DeviceMemory>> idle, long capacity, [NotNullWhen(true)] out DeviceMemory? block)
    {
        block = null;
        return idle.TryGetValue(capacity, out Stack<DeviceMemory>? blocks) && blocks.TryPop(out block);
    }

    private static void Push(Dictionary<long, Stack<DeviceMemory>> idle, DeviceMemory block)
    {
        if (!idle.TryGetValue(block.Capacity, out Stack<DeviceMemory>? blocks))
        {
            idle[block.Capacity] = blocks = new Stack<DeviceMemory>();
        }

        blocks.Push(block);
    }

    private nint Take(long capacity)
    {
        try
        {
            return _allocate(capacity);
        }
        catch (OutOfMemoryException)
        {
            FindForgotten();
            Trim();
        }

        try
        {
            return _allocate(capacity);
        }
        catch (OutOfMemoryException e)
        {
            throw new EngineException(
                $"out of memory: {capacity:N0} bytes were asked for while {UsedBytes:N0} are in use; use a smaller batch or a smaller model", e);
        }
    }

    private void Free(DeviceMemory block)
    {
        block.IsFreed = true;
        _free(block.Address, block.Capacity);
        ReservedBytes -= block.Capacity;
    }
}
