using System.Collections.Concurrent;

namespace Engine;

/// <summary>
/// Lets one thread at a time into a device: whoever finds another one inside gets an error, since waiting would only hide a program's
/// mistake. One thread after another is fine. Takes back from any thread what belongs to the device.
/// </summary>
/// <param name="name">What messages call the device.</param>
internal sealed class DeviceGate(string name)
{
    private readonly ConcurrentQueue<IDisposable> _left = new();

    /// <summary>Whether the next to enter has to look for what was left, or whether the device is gone: seldom.</summary>
    private volatile bool _hasNews;
    private int _owner;
    private int _depth;
    private int _primitives;
    private int _lastOwner;

    /// <summary>Whether something is under way that a step began and has not ended, such as a tape with operations on it.</summary>
    internal Func<bool> IsMidway { private get; set; } = () => false;

    /// <summary>Whether what was left may not be disposed now, since work is being recorded.</summary>
    internal Func<bool> IsRecording { private get; set; } = () => false;

    /// <summary>Whether the device has been disposed.</summary>
    internal bool IsClosed { get; private set; }

    /// <summary>Whether one thread has gone on where another was in the middle of a step: what explains a tensor that is gone too early.</summary>
    internal bool WasShared { get; private set; }

    /// <summary>Makes the device the calling thread's, if it is not already, until what is returned is disposed.</summary>
    /// <param name="isPrimitive">Whether the addresses of tensors are in use meanwhile, of which the garbage collector knows nothing.</param>
    /// <exception cref="EngineException">Another thread is inside.</exception>
    /// <exception cref="ObjectDisposedException">The device has been disposed.</exception>
    internal DeviceUse Enter(bool isPrimitive = false)
    {
        int thread = Environment.CurrentManagedThreadId;
        if (_owner == thread)
        {
            _depth++;
        }
        else if (!TryTake(thread))
        {
            throw InUse();
        }

        if (_hasNews)
        {
            ReadNews();
        }

        _primitives += isPrimitive ? 1 : 0;
        return new DeviceUse(this, isPrimitive);
    }

    internal void Exit(bool isPrimitive)
    {
        _primitives -= isPrimitive ? 1 : 0;
        if (_depth > 0)
        {
            _depth--;
        }
        else
        {
            Volatile.Write(ref _owner, 0);
        }
    }

    /// <summary>
    /// Disposes something of the device now on the thread that used the device last, so as not to get in the way of its next call; later
    /// on another thread. Also where the device is gone.
    /// </summary>
    internal void DisposeSoon(IDisposable something)
    {
        if (!TryEnter(out DeviceUse use))
        {
            DisposeLater(something);
            return;
        }

        using (use)
        {
            something.Dispose();
        }
    }

    /// <summary>Makes the device the calling thread's where no other thread has been inside since, also where it has been disposed.</summary>
    internal bool TryEnter(out DeviceUse use)
    {
        int thread = Environment.CurrentManagedThreadId;
        bool isInside = Volatile.Read(ref _lastOwner) == thread && TryTake(thread);
        use = isInside ? new DeviceUse(this, isPrimitive: false) : default;
        return isInside;
    }

    /// <summary>Disposes something of the device when a thread enters it next; from any thread, a finalizer's too.</summary>
    internal void DisposeLater(IDisposable something)
    {
        if (!IsClosed)
        {
            _left.Enqueue(something);
            _hasNews = true;
        }
    }

    /// <summary>Disposes what was left, on the thread that is inside; nothing while addresses are in use or work is being recorded.</summary>
    internal void DisposeLeft()
    {
        if (_primitives > 0 || IsRecording())
        {
            return;
        }

        // Lowered first: what is left meanwhile raises it again.
        _hasNews = IsClosed;
        while (_left.TryDequeue(out IDisposable? something))
        {
            something.Dispose();
        }
    }

    /// <summary>From now on nobody gets in.</summary>
    internal void Close()
    {
        IsClosed = true;
        _hasNews = true;
    }

    internal void ThrowIfClosed()
    {
        if (IsClosed)
        {
            throw new ObjectDisposedException(
                null, $"device '{name}' was disposed, and all tensors on it are gone: make a new device, or dispose it after its last use");
        }
    }

    private EngineException InUse() => new(
        $"device '{name}' is in use by another thread: a device serves one thread at a time; make a device for each thread, or put a lock around its use");

    private void ReadNews()
    {
        try
        {
            ThrowIfClosed();
            DisposeLeft();
        }
        catch
        {
            Exit(isPrimitive: false);
            throw;
        }
    }

    private bool TryTake(int thread)
    {
        if (_owner == thread)
        {
            _depth++;
            return true;
        }

        if (Interlocked.CompareExchange(ref _owner, thread, 0) != 0)
        {
            return false;
        }

        if (_lastOwner != thread)
        {
            WasShared |= _lastOwner != 0 && IsMidway();
            Volatile.Write(ref _lastOwner, thread);
        }

        return true;
    }
}
