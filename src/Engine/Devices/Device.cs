using Engine.Autograd;
using Engine.Tensors;

namespace Engine.Devices;

/// <summary>
/// The one seam where hardware differs: memory, transfers, and a few dozen primitives on tensors. A new device is a subclass,
/// nothing else; one contract test runs on all of them. A device is driven by one thread at a time.
/// </summary>
/// <remarks>
/// The primitives do not check shapes; the operations in <c>Engine.Operations</c>, which call them, do. All outputs are allocated
/// by the caller. Where a primitive has a parameter <c>accumulate</c>, true adds to what the output holds and false overwrites it.
/// An elementwise primitive's output may be one of its inputs; no other output may overlap an input unless it says so.
/// </remarks>
public abstract partial class Device : IDisposable
{
    private bool _isDisposed;

    /// <summary>Makes a device.</summary>
    /// <param name="name">How a user names it: cpu, reference, cuda:0.</param>
    /// <param name="floatType">The type in which it keeps real numbers.</param>
    protected Device(string name, DataType floatType)
    {
        Name = name;
        FloatType = floatType;
        Memory = new MemoryPool(AllocateNative, FreeNative);
        Tape = new Tape(this);
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
    public NoGradientScope NoGradient() => new(Tape);

    /// <summary>Takes memory from the system, aligned to 64 bytes.</summary>
    /// <exception cref="OutOfMemoryException">There is none.</exception>
    protected abstract nint AllocateNative(long bytes);

    /// <summary>Gives memory back to the system.</summary>
    protected abstract void FreeNative(nint address, long bytes);

    /// <summary>Copies raw elements from host memory into a tensor, or into a part of it; <paramref name="source"/> may be reused on return.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">The tensor.</param>
    /// <param name="start">The byte of the tensor where the first element goes.</param>
    public abstract void CopyFromHost(ReadOnlySpan<byte> source, Tensor destination, long start = 0);

    /// <summary>Copies a tensor's raw elements into host memory, after all work queued so far.</summary>
    public abstract void CopyToHost(Tensor source, Span<byte> destination);

    /// <summary>Waits for all work queued so far; nothing to do on devices that work at once.</summary>
    public virtual void Synchronize() { }

    /// <summary>Whether calls only queue work, which the device does on its own while the host goes on.</summary>
    public virtual bool IsAsynchronous => false;

    /// <summary>Whether <see cref="RecordStep"/> is possible.</summary>
    public virtual bool CanRecordSteps => false;

    /// <summary>Whether what is called now is recorded by <see cref="RecordStep"/> and not run.</summary>
    public virtual bool IsRecordingStep => false;

    /// <summary>
    /// Records everything that a step queues, without running it, to be replayed as a whole. The step works on tensors that exist
    /// already and has run at least once before; it neither uploads nor reads back. What it does on the host happens now and not again.
    /// </summary>
    /// <param name="step">The step: forward, backward, optimiser, or a part of that.</param>
    /// <param name="sharing">
    /// An earlier recording whose memory for intermediates this one uses too, since the two never run at the same time; null for memory
    /// of its own.
    /// </param>
    /// <exception cref="EngineException">The device records nothing, or the step did what cannot be recorded.</exception>
    public virtual IRecordedStep RecordStep(Action step, IRecordedStep? sharing = null) =>
        throw new EngineException($"{Name} does not record steps: it runs them one by one");

    /// <summary>Makes a way for so many single numbers to the host that does not keep the device waiting.</summary>
    public virtual ScalarReadback CreateReadback(int capacity) => new ImmediateReadback(capacity);

    /// <summary>Frees all memory of the device; its tensors are gone.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Tape.Clear();
            DisposeCore();
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Frees what the subclass holds; the base frees the pool. Overrides call it last.</summary>
    protected virtual void DisposeCore() => Memory.FreeAll();

    /// <summary>The device's name.</summary>
    public override string ToString() => Name;
}
