using System.Runtime.ExceptionServices;

namespace Engine.Data;

/// <summary>
/// Fills a ring of host batches ahead of their use on threads of its own, in order. A batch may have several parts, which the threads
/// share. Threads that find the ring full, and a consumer that finds it empty, sleep on a monitor.
/// </summary>
internal sealed class BatchQueue : IDisposable
{
    private readonly object _gate = new();
    private readonly HostBatch[] _ring;
    private readonly State[] _states;
    private readonly int[] _partsLeft;
    private readonly (int Part, ExceptionDispatchInfo Error)?[] _errors;
    private readonly Func<int, int> _parts;
    private readonly Action<int, int, HostBatch, RandomSource> _fill;
    private readonly Thread[] _threads;
    private readonly int _end;
    private int _toFill;
    private int _nextPart;
    private int _toTake;
    private bool _isStopped;

    /// <summary>Starts the threads.</summary>
    /// <param name="ring">The batches to reuse; the one that is taken counts among them.</param>
    /// <param name="start">The first step to fill.</param>
    /// <param name="end">The step after the last.</param>
    /// <param name="workers">How many threads fill.</param>
    /// <param name="parts">How many parts the batch of a step has, at least 1.</param>
    /// <param name="fill">Fills a part of the batch of a step; called from the threads, each with random numbers of its own to restart.</param>
    public BatchQueue(HostBatch[] ring, int start, int end, int workers, Func<int, int> parts, Action<int, int, HostBatch, RandomSource> fill)
    {
        _ring = ring;
        _states = new State[ring.Length];
        _partsLeft = new int[ring.Length];
        _errors = new (int, ExceptionDispatchInfo)?[ring.Length];
        _parts = parts;
        _fill = fill;
        _toFill = start;
        _toTake = start;
        _end = end;
        _threads = new Thread[Math.Clamp(workers, 1, (int)Math.Clamp((end - start) * (long)(end > start ? parts(start) : 1), 1, int.MaxValue))];
        for (int i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"loader {i}" };
            _threads[i].Start();
        }
    }

    private enum State : byte
    {
        Free,
        Filling,
        Ready,
    }

    /// <summary>Waits for the next step's batch; it may be used until <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">The queue has been stopped.</exception>
    /// <remarks>What the filling of this batch threw is thrown here.</remarks>
    public HostBatch Take()
    {
        lock (_gate)
        {
            int slot = _toTake % _ring.Length;
            while (_states[slot] != State.Ready)
            {
                ThrowIfStopped();
                Monitor.Wait(_gate);
            }

            ThrowIfStopped();
            _errors[slot]?.Error.Throw();
            return _ring[slot];
        }
    }

    /// <summary>Gives the batch that was taken back to be filled anew.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _states[_toTake % _ring.Length] = State.Free;
            _toTake++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Stops the threads and waits for them to end.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopped = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    /// <summary>What a loader answers that has been disposed.</summary>
    internal static ObjectDisposedException Disposed() => new(null, "this loader was disposed: make a new one, or dispose it after its last epoch");

    private void ThrowIfStopped()
    {
        if (_isStopped)
        {
            throw Disposed();
        }
    }

    private void Work()
    {
        RandomSource random = new();
        while (Claim() is (int step, int part))
        {
            int slot = step % _ring.Length;
            ExceptionDispatchInfo? error = null;
            try
            {
                _fill(step, part, _ring[slot], random);
            }
            catch (Exception e)
            {
                error = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                // Of several errors the first part's is told, whichever thread was the fastest.
                if (error is not null && !(_errors[slot]?.Part < part))
                {
                    _errors[slot] = (part, error);
                }

                if (--_partsLeft[slot] == 0)
                {
                    _states[slot] = State.Ready;
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    // The next part to fill, once its batch's slot is free; null when there is none left.
    private (int Step, int Part)? Claim()
    {
        lock (_gate)
        {
            while (!_isStopped && _toFill < _end && _nextPart == 0 && _states[_toFill % _ring.Length] != State.Free)
            {
                Monitor.Wait(_gate);
            }

            if (_isStopped || _toFill >= _end)
            {
                return null;
            }

            int slot = _toFill % _ring.Length;
            int parts = _parts(_toFill);
            if (_nextPart == 0)
            {
                (_states[slot], _partsLeft[slot], _errors[slot]) = (State.Filling, parts, null);
            }

            (int, int) claim = (_toFill, _nextPart++);
            if (_nextPart == parts)
            {
                (_toFill, _nextPart) = (_toFill + 1, 0);
            }

            return claim;
        }
    }
}
