using System.Runtime.CompilerServices;

namespace Engine;

/// <summary>
/// The one seam where hardware differs: memory, transfers, and a few dozen primitives on tensors. A new device is a subclass,
/// nothing else; one contract test runs on all of them.
/// </summary>
/// <remarks>
/// A device serves one thread at a time: a call that finds another thread inside throws, and leaves that thread's work alone. One thread
/// after another is fine. A disposed device answers every call with an <see cref="ObjectDisposedException"/>.
///
/// The primitives do not check shapes; the operations, which call them, do. All outputs are allocated
/// by the caller. Where a primitive has a parameter <c>accumulate</c>, true adds to what the output holds and false overwrites it.
/// An elementwise primitive's output may be one of its inputs; no other output may overlap an input unless it says so.
/// </remarks>
public abstract partial class Device : IDisposable
{
    private readonly DeviceGate _gate;
    private bool _isDisposing;

    /// <summary>Makes a device.</summary>
    /// <param name="name">How a user names it: cpu, reference, cuda:0.</param>
    /// <param name="floatType">The type in which it keeps real numbers.</param>
    protected Device(string name, DataType floatType)
    {
        Name = name;
        FloatType = floatType;
        _gate = new DeviceGate(name);
        Memory = new MemoryPool(AllocateNative, FreeNative, _gate);
        Tape = new Tape(this);
        (_gate.IsMidway, _gate.IsRecording) = (() => Tape.IsMidway, () => Memory.IsReserving);
    }

    /// <summary>How a user names the device: cpu, reference, cuda:0.</summary>
    public string Name { get; }

    /// <summary>One line about the hardware behind it.</summary>
    public abstract string Description { get; }

    /// <summary>The type in which the device keeps parameters, their gradients, statistics and losses.</summary>
    public DataType FloatType { get; }

    /// <summary>
    /// The type in which the device wants a network's input: <see cref="FloatType"/>, or a narrower one. Every operation's output has
    /// its input's type, so all activations follow.
    /// </summary>
    public virtual DataType ActivationType => FloatType;

    /// <summary>How far its results may be from the Reference's: what rounding explains.</summary>
    public virtual CheckTolerance Tolerance => CheckTolerance.For(ActivationType);

    /// <summary>Records the operations on this device's tensors and runs them backwards.</summary>
    public Tape Tape { get; }

    /// <summary>The device's memory.</summary>
    public MemoryPool Memory { get; }

    /// <summary>
    /// Stops recording until the returned scope is disposed: for evaluation. All tensors that operations make inside it are
    /// released with it.
    /// </summary>
    public NoGradientScope NoGradient()
    {
        using DeviceUse use = Use();
        return new NoGradientScope(Tape);
    }

    /// <summary>
    /// Makes the device the calling thread's until what is returned is disposed, so that no other thread gets in between several calls.
    /// Every call does so for itself; calls nest.
    /// </summary>
    /// <exception cref="EngineException">Another thread is using the device.</exception>
    /// <exception cref="ObjectDisposedException">The device has been disposed.</exception>
    public DeviceUse Use() => _gate.Enter();

    /// <summary>
    /// Disposes something that belongs to the device, such as a handle, on the thread that uses the device next, before it does: for
    /// finalizers, which run on a thread of their own. Nothing happens once the device has been disposed.
    /// </summary>
    public void DisposeLater(IDisposable something) => _gate.DisposeLater(something);

    /// <summary>Whether the device has been disposed.</summary>
    public bool IsDisposed => _gate.IsClosed;

    /// <summary>Takes memory from the system, aligned to 64 bytes.</summary>
    /// <exception cref="OutOfMemoryException">There is none.</exception>
    protected abstract nint AllocateNative(long bytes);

    /// <summary>Gives memory back to the system.</summary>
    protected abstract void FreeNative(nint address, long bytes);

    /// <summary>Copies raw elements from host memory into a tensor, or into a part of it; <paramref name="source"/> may be reused on return.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">The tensor.</param>
    /// <param name="start">The byte of the tensor where the first element goes.</param>
    public void CopyFromHost(ReadOnlySpan<byte> source, Tensor destination, long start = 0)
    {
        using DeviceUse use = Work();
        CopyFromHostCore(source, destination, start);
    }

    /// <summary>Copies a tensor's raw elements into host memory, after all work queued so far.</summary>
    public void CopyToHost(Tensor source, Span<byte> destination)
    {
        using DeviceUse use = Work();
        CopyToHostCore(source, destination);
    }

    /// <summary>Waits for all work queued so far; nothing to do on devices that work at once.</summary>
    public void Synchronize()
    {
        using DeviceUse use = Work();
        SynchronizeCore();
    }

    /// <summary>Whether calls only queue work, which the device does on its own while the host goes on.</summary>
    public virtual bool IsAsynchronous => false;

    /// <summary>Whether <see cref="RecordStep"/> is possible.</summary>
    public virtual bool CanRecordSteps => false;

    /// <summary>
    /// Whether memory is so plentiful now that outputs are kept for the backward which could compute them again
    /// (<see cref="Operation.CanRecompute"/>). The numbers are the same either way.
    /// </summary>
    public virtual bool KeepsOutputs => false;

    /// <summary>Whether what is called now is recorded by <see cref="RecordStep"/> and not run.</summary>
    public virtual bool IsRecordingStep => false;

    /// <summary>
    /// Records everything that a step queues, without running it, to be replayed as a whole. The step works on tensors that exist
    /// already and has run at least once before; it neither uploads nor reads back. What it does on the host happens now and not again.
    /// </summary>
    /// <param name="step">The step: forward, backward, optimizer, or a part of that.</param>
    /// <param name="sharing">
    /// An earlier recording whose memory for intermediates this one uses too, since the two never run at the same time; null for memory
    /// of its own.
    /// </param>
    /// <exception cref="EngineException">The device records nothing, or the step did what cannot be recorded.</exception>
    public IRecordedStep RecordStep(Action step, IRecordedStep? sharing = null)
    {
        using DeviceUse use = Use();
        return RecordStepCore(step, sharing);
    }

    /// <summary>Makes a way for so many single numbers to the host that does not keep the device waiting.</summary>
    public ScalarReadback CreateReadback(int capacity)
    {
        using DeviceUse use = Work();
        return CreateReadbackCore(capacity);
    }

    /// <summary>Frees all memory of the device; its tensors are gone. A second call does nothing.</summary>
    /// <exception cref="EngineException">Another thread is using the device, which goes on.</exception>
    public void Dispose()
    {
        if (IsDisposed || _isDisposing)
        {
            return;
        }

        using DeviceUse use = Use();
        _isDisposing = true;
        try
        {
            Tape.Clear();
            DisposeCore();
        }
        finally
        {
            _gate.Close();
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Disposes something of the device, at once unless another thread has used it last.</summary>
    internal void DisposeSoon(IDisposable something) => _gate.DisposeSoon(something);

    /// <summary>Returns a block to the pool, and disposes what was derived from it, at once unless another thread has used the device last.</summary>
    internal void ReturnSoon(DeviceMemory memory, IDisposable? state)
    {
        if (!_gate.TryEnter(out DeviceUse use))
        {
            _gate.DisposeLater(new ReturnedMemory(Memory, memory, state));
            return;
        }

        using (use)
        {
            state?.Dispose();
            Memory.Return(memory);
        }
    }

    /// <summary>Whether one thread has gone on where another was in the middle of a step.</summary>
    internal bool WasShared => _gate.WasShared;

    /// <summary>What primitives take, while this is set; null, as it is from the start, to measure nothing.</summary>
    public PrimitiveProfile? Profile { get; set; }

    /// <summary>How the last convolution was computed, in a word or two; "" for a device that has one way.</summary>
    protected virtual string Algorithm => "";

    internal void EndProfiled() => Profile?.End(Algorithm);

    /// <summary>The device is the calling thread's while one primitive runs.</summary>
    private DeviceUse Work([CallerMemberName] string primitive = "")
    {
        DeviceUse use = _gate.Enter(isPrimitive: true);
        if (Profile is null)
        {
            return use;
        }

        Profile.Begin(primitive);
        return use.Profiled(this);
    }

    // A convolution for the profile: each output is a sum over the taps and a group's channels.
    private void Describe(Tensor filter, Shape input, Shape output) =>
        Profile?.Describe(filter, input, output, output.Rows * filter.Shape.ElementCount, hasAlgorithms: true);

    /// <summary>Makes a call that does not use the device, such as a property, answer as all others do once the device has been disposed.</summary>
    protected void ThrowIfDisposed() => _gate.ThrowIfClosed();

    /// <summary>Frees what the subclass holds; the base frees the pool. Overrides call it last.</summary>
    protected virtual void DisposeCore() => Memory.FreeAll();

    /// <summary>The device's name.</summary>
    public override string ToString() => Name;

    private sealed class ReturnedMemory(MemoryPool pool, DeviceMemory memory, IDisposable? state) : IDisposable
    {
        public void Dispose()
        {
            state?.Dispose();
            pool.Return(memory);
        }
    }
}
