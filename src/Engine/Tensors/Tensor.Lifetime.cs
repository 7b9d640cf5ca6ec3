namespace Engine;

/// <content>Who owns the memory, and when it goes back.</content>
public partial class Tensor
{
    /// <summary>Takes this tensor out of the tape's ownership: it survives the step, and the caller disposes it.</summary>
    /// <exception cref="EngineException">The tape has released the memory already, or another thread is using the device.</exception>
    /// <exception cref="ObjectDisposedException">The tensor or its device has been disposed.</exception>
    public Tensor Keep()
    {
        _ = Memory;
        using DeviceUse use = Device.Use();
        if (IsTapeOwned)
        {
            IsTapeOwned = false;
            BeginLease();
        }

        return this;
    }

    /// <summary>
    /// Returns the memory to the device's pool, from any thread: at once on the thread that used the device last, at the device's next use on
    /// another one.
    /// Only for tensors that the program itself made or kept. A second call does nothing, nor does one after the device's.
    /// </summary>
    public void Dispose()
    {
        _isDisposed = true;
        DropGradient();
        ReleaseMemory();
    }

    /// <summary>Another shape on the same memory; the memory returns to the pool with the last of its tensors.</summary>
    internal Tensor View(Shape shape, bool isTapeOwned)
    {
        DeviceMemory memory = Memory;
        memory.References++;
        return new Tensor(this, shape, memory, isTapeOwned);
    }

    /// <summary>
    /// Lets a tensor of the tape that has been released stand for another one of its shape and type: of a pass that is made again and again, and whose
    /// tensors nobody has kept.
    /// </summary>
    /// <param name="origin">What it is a view of; null for memory of its own.</param>
    internal void Reuse(Tensor? origin)
    {
        if (origin is not null)
        {
            _memory = origin.Memory;
            _memory.References++;
            _origin = origin.Owner;
        }
        else
        {
            _origin = null;
            Renew();
        }
    }

    /// <summary>Whether <see cref="Reuse"/> may be called: nothing of the tensor's last use is left.</summary>
    internal bool IsReusable => _memory is null && IsTapeOwned && !_isDisposed && !_isBornPending && !RequiresGradient && Producer is null && Gradient is null;

    internal void ReleaseMemory()
    {
        if (_memory is not { } memory)
        {
            return;
        }

        if (_lease is null)
        {
            _memory = null;
            Device.ReturnSoon(memory, _state as IDisposable);
            _state = null;
        }
        else if (Interlocked.Exchange(ref _lease, null) is { } lease)
        {
            _memory = null;
            Device.DisposeSoon(lease);
        }
    }

    // Without memory, the values may still be had from the operation that left them pending.
    private bool HasNoMemory => _memory is null or { IsFreed: true };

    private bool CanMaterialize => _isBornPending && Producer is { CanRecompute: true };

    private DeviceMemory Materialize()
    {
        using DeviceUse use = Device.Use();
        Renew();
        Producer!.Recompute();
        return _memory!;
    }

    /// <summary>Rents memory again after <see cref="ReleaseMemory"/>, of unspecified content.</summary>
    internal void Renew() => _memory = Device.Memory.Rent(ByteCount);

    internal void DropGradient()
    {
        Gradient?.ReleaseMemory();
        Gradient = null;
    }

    /// <summary>From now on the memory comes back even if the program forgets the tensor.</summary>
    private void BeginLease()
    {
        Device.Memory.BeginLease(Memory);
        _lease = new MemoryLease(Device, Memory) { State = _state };
        _state = null;
    }

    // The tensor through which the program owns the memory: this one, or the one that this is a view of.
    private Tensor? Owner => _lease is not null ? this : _origin;

    // Recorded work will use the address again, without this tensor.
    private void MarkUsed()
    {
        if (Device.Memory.IsReserving && Owner is { } owner)
        {
            Device.Memory.MarkUsed(owner);
        }
    }

    private Exception Released()
    {
        if (Device.IsDisposed)
        {
            return new ObjectDisposedException(null, $"tensor {Shape} is gone: its device '{Device.Name}' was disposed");
        }

        if (_isDisposed)
        {
            return new ObjectDisposedException(null, $"tensor {Shape} was disposed, and its values are gone: dispose it after its last use");
        }

        string shared = Device.WasShared
            ? $"; device '{Device.Name}' was used by several threads in the middle of a step, which frees what another one needs: make a device for each "
                + "thread, or put a lock around a whole step"
            : "";
        return new EngineException(
            $"tensor {Shape} was already released: the tape frees what a step makes as soon as the step is done with it; call Keep() first on one that must "
                + $"survive{shared}");
    }
}
