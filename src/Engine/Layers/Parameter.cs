using System.Runtime.InteropServices;

namespace Engine.Layers;

/// <summary>
/// A named tensor of a <see cref="Module"/>: a parameter that training changes, or a buffer (running statistics) that it only
/// carries along. It has a shape from the start and numbers once the module is put on a device.
/// </summary>
public sealed class Parameter
{
    private Tensor? _value;
    private bool _isFrozen;
    private int _pendingCount;
    private bool _isDisposed;

    internal Parameter(string name, Shape shape, Initialization initialization, bool isBuffer, DataType? type)
    {
        Name = name;
        Shape = shape;
        Order = shape;
        Initialization = initialization;
        IsBuffer = isBuffer;
        Type = type;
    }

    /// <summary>The name within its module, as torchvision has it: weight, bias, running_mean.</summary>
    public string Name { get; }

    /// <summary>The extents; filters are [K, R, S, C / groups], linear weights [outputs, inputs].</summary>
    public Shape Shape { get; }

    /// <summary>
    /// What the numbers mean, for files: <see cref="Shape"/> as a rule; of a linear layer behind a flattened image, whose columns are
    /// an image's pixels and channels, [outputs, H, W, C]; of a filter of series, [K, S, C / groups]. PyTorch's files have the numbers as those of
    /// [outputs, C, H, W] and [K, C / groups, S].
    /// </summary>
    internal Shape Order { get; init; }

    /// <summary>How the first numbers are drawn.</summary>
    public Initialization Initialization { get; set; }

    /// <summary>Whether this is a buffer, which has no gradient and which the optimizer leaves alone.</summary>
    public bool IsBuffer { get; }

    /// <summary>The element type where it is not the device's floating-point one (counters).</summary>
    internal DataType? Type { get; }

    /// <summary>Whether the numbers exist: the module has been put on a device.</summary>
    public bool IsInitialized => _value is not null;

    /// <summary>The numbers.</summary>
    /// <exception cref="EngineException">The module has not been put on a device.</exception>
    /// <exception cref="ObjectDisposedException">The module has been disposed.</exception>
    public Tensor Value
    {
        get
        {
            ThrowIfDisposed();
            Tensor value = _value
                ?? throw new EngineException($"parameter '{Name}' {Shape} has no numbers yet: call Module.To(device, seed) on the model first");
            if (_pendingCount != 0)
            {
                double total = value.Item() + _pendingCount;
                _pendingCount = 0;
                value.Write<double>([total]);
            }

            return value;
        }
    }

    /// <summary>Whether training leaves the parameter as it is: no gradient is computed for it.</summary>
    public bool IsFrozen
    {
        get => _isFrozen;
        set
        {
            _isFrozen = value;
            _value?.RequiresGradient = !IsBuffer && !value;
        }
    }

    /// <summary>
    /// Adds to a counter of one element. The increments are counted on the host and written to the device only when somebody
    /// reads <see cref="Value"/> (to save it, as a rule), so that a training step costs no transfer and no wait.
    /// </summary>
    internal void Increase(int by) => _pendingCount += by;

    /// <summary>The increments that have not been written to the device yet.</summary>
    internal int PendingCount => _pendingCount;

    /// <summary>Puts another tensor, or none, in the place of the numbers, and hands out what was there: for runs that need shapes only.</summary>
    internal Tensor? Exchange(Tensor? value)
    {
        if (_isDisposed)
        {
            // The module was disposed while others stood in for its numbers: they go too.
            value?.Dispose();
            return null;
        }

        Tensor? old = _value is null ? null : Value;
        _pendingCount = 0;
        _value = value;
        _value?.RequiresGradient = !IsBuffer && !IsFrozen;
        return old;
    }

    /// <summary>Draws the first numbers and puts them on a device, or moves the numbers there that exist.</summary>
    internal unsafe void To(Device device, RandomSource random)
    {
        ThrowIfDisposed();
        Tensor? old = _value is null ? null : Value;
        if (ReferenceEquals(old?.Device, device))
        {
            return;
        }

        // Native memory goes back at once; an array would stay in the process' memory until the next garbage collection.
        double* memory = (double*)NativeMemory.Alloc((nuint)Shape.Count, sizeof(double));
        try
        {
            Span<double> numbers = new(memory, Shape.Count);
            if (old is null)
            {
                Initialization.Fill(numbers, Shape, random);
            }
            else
            {
                old.Read(numbers);
            }

            _value = Tensor.From<double>(device, Shape, numbers, Type ?? device.FloatType);
        }
        finally
        {
            NativeMemory.Free(memory);
        }

        _value.RequiresGradient = !IsBuffer && !IsFrozen;
        old?.Dispose();
    }

    /// <summary>Frees the numbers and their gradient; called by the module.</summary>
    internal void Dispose()
    {
        _isDisposed = true;
        _value?.Dispose();
        _value = null;
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(
                null, $"parameter '{Name}' {Shape} is gone: its module was disposed; make the model again, or dispose it after its last use");
        }
    }
}
