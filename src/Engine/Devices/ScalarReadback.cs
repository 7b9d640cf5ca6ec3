namespace Engine;

/// <summary>
/// A few single numbers on their way from a device to the host, such as a step's loss: <see cref="Add"/> queues their reading and
/// returns at once, so that a device that works on its own is not kept waiting; <see cref="Wait"/> hands them out later.
/// </summary>
public abstract class ScalarReadback : IDisposable
{
    private readonly double[] _numbers;
    private bool _isDisposed;

    /// <summary>Makes room for a number of scalars.</summary>
    protected ScalarReadback(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _numbers = new double[capacity];
    }

    /// <summary>How many numbers have been asked for since the last <see cref="Clear"/>.</summary>
    public int Count { get; private set; }

    /// <summary>Queues the reading of tensors of one element, as they are when all work queued so far is done.</summary>
    /// <exception cref="ShapeException">A tensor has not exactly one element.</exception>
    /// <exception cref="EngineException">There is no room left.</exception>
    /// <exception cref="ObjectDisposedException">The readback, a tensor or the device has been disposed.</exception>
    public void Add(params ReadOnlySpan<Tensor> scalars)
    {
        ThrowIfDisposed();
        if (Count + scalars.Length > _numbers.Length)
        {
            throw new EngineException($"a readback of {_numbers.Length} numbers holds {Count} and has no room for {scalars.Length} more");
        }

        foreach (Tensor scalar in scalars)
        {
            if (scalar.Shape.ElementCount != 1)
            {
                throw new ShapeException($"a readback takes tensors of one element, but this one is {scalar.Shape}");
            }
        }

        Queue(Count, scalars);
        Count += scalars.Length;
    }

    /// <summary>The numbers, in the order in which they were added; waits until the last of them has arrived.</summary>
    public ReadOnlySpan<double> Wait()
    {
        ThrowIfDisposed();
        Span<double> numbers = _numbers.AsSpan(0, Count);
        Receive(numbers);
        return numbers;
    }

    /// <summary>Forgets the numbers, so that others may be added.</summary>
    public void Clear() => Count = 0;

    /// <summary>Frees what it holds on the host.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Release();
            GC.SuppressFinalize(this);
        }
    }

    /// <summary>Queues the reading of scalars that become numbers <paramref name="first"/> and following.</summary>
    protected abstract void Queue(int first, ReadOnlySpan<Tensor> scalars);

    /// <summary>Waits for all that was queued and converts it.</summary>
    protected abstract void Receive(Span<double> numbers);

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this readback was disposed: make a new one with Device.CreateReadback");
        }
    }

    /// <summary>Frees what the subclass holds.</summary>
    protected virtual void Release() { }
}

/// <summary>For devices that work at once: the numbers are there already.</summary>
internal sealed class ImmediateReadback(int capacity) : ScalarReadback(capacity)
{
    private readonly double[] _read = new double[capacity];

    /// <inheritdoc/>
    protected override void Queue(int first, ReadOnlySpan<Tensor> scalars)
    {
        for (int i = 0; i < scalars.Length; i++)
        {
            _read[first + i] = scalars[i].Item();
        }
    }

    /// <inheritdoc/>
    protected override void Receive(Span<double> numbers) => _read.AsSpan(0, numbers.Length).CopyTo(numbers);
}
