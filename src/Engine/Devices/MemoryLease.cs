namespace Engine;

/// <summary>
/// What a program's own tensor has of a device: a block of memory and what the device derived from its values. It goes back when the
/// tensor is disposed, or, where a program has forgotten the tensor, some time after the garbage collector has found that: at the
/// device's next use, on the thread that uses it. Tensors of the tape, which are many, need none.
/// </summary>
internal sealed class MemoryLease(Device device, DeviceMemory memory) : IDisposable
{
    private DeviceMemory? _memory = memory;

    // A finalizer's thread may not touch the device, only leave it a note.
    ~MemoryLease() => device.DisposeLater(this);

    /// <summary>What the device derived from the values, such as a packed copy.</summary>
    public object? State { get; set; }

    /// <summary>Gives all back. A tensor and a copy of it may be forgotten together and then dispose each other, in any order.</summary>
    public void Dispose()
    {
        if (_memory is { } memory)
        {
            _memory = null;
            GC.SuppressFinalize(this);
            (State as IDisposable)?.Dispose();
            State = null;
            device.Memory.EndLease(memory);
        }
    }
}
