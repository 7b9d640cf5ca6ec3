using System.Runtime.ExceptionServices;

namespace Engine.Data;

/// <summary>
/// Fills a ring of host batches ahead of their use on threads of its own, in order. Threads that find the ring full, and a
/// consumer that finds it empty, sleep on a monitor.
/// </summary>
internal sealed class BatchQueue : IDisposable
{
    private readonly object _gate = new();
    private readonly HostBatch[] _ring;
    private readonly State[] _states;
    private readonly ExceptionDispatchInfo?[] _errors;
    private readonly Action<int, HostBatch> _fill;
    private readonly Thread[] _threads;
    private readonly int _end;
    private int _toFill;
    private int _toTake;
    private bool _isStopped;

    /// <summary>Starts the threads.</summary>
    /// <param name="ring">The batches to reuse; the one that is taken counts among them.</param>
    /// <param name="start">The first step to fill.</param>
    /// <param name="end">The step after the last.</param>
    /// <param name="workers">How many threads fill.</param>
    /// <param name="fill">Fills the batch of a step; called from the threads.</param>
    public BatchQueue(HostBatch[] ring, int start, int end, int workers, Action<int, HostBatch> fill)
    {
        _ring = ring;
        _states = new State[ring.Length];
        _errors = new ExceptionDispatchInfo?[ring.Length];
        _fill = fill;
        _toFill = start;
        _toTake = start;
        _end = end;
        _threads = new Thread[Math.Clamp(workers, 1, Math.Max(1, end - start))];
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
                ObjectDisposedException.ThrowIf(_isStopped, typeof(Loader));
                Monitor.Wait(_gate);
            }

            ObjectDisposedException.ThrowIf(_isStopped, typeof(Loader));
            _errors[slot]?.Throw();
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

    private void Work()
    {
        while (Claim() is { } step)
        {
            int slot = step % _ring.Length;
            try
            {
                _fill(step, _ring[slot]);
            }
            catch (Exception e)
            {
                _errors[slot] = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                _states[slot] = State.Ready;
                Monitor.PulseAll(_gate);
            }
        }
    }

    // The next step to fill, once its slot is free; null when there is none left.
    private int? Claim()
    {
        lock (_gate)
        {
            while (!_isStopped && _toFill < _end && _states[_toFill % _ring.Length] != State.Free)
            {
                Monitor.Wait(_gate);
            }

            if (_isStopped || _toFill >= _end)
            {
                return null;
            }

            _states[_toFill % _ring.Length] = State.Filling;
            return _toFill++;
        }
    }
}
