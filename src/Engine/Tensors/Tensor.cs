using System.Runtime.InteropServices;

namespace Engine;

/// <summary>
/// Numbers on a device, always contiguous, in row-major order of their shape (activations [N, H, W, C]).
/// </summary>
/// <remarks>
/// A tensor that an operation makes belongs to the device's <see cref="Tape"/>, which returns its memory to the pool as soon as
/// nothing needs it; nobody disposes it. A tensor that a program makes itself (<see cref="Create"/>, <see cref="From"/>) belongs
/// to the program, which may <see cref="Dispose"/> it, from any thread. One that the program has forgotten gives its memory back some
/// time after the garbage collector has found that: whoever has taken an address keeps the tensor as long as the address is in use.
/// </remarks>
public sealed partial class Tensor : IDisposable
{
    private Tensor? _origin;
    private DeviceMemory? _memory;
    private MemoryLease? _lease;
    private object? _state;
    private readonly bool _isBornPending;
    private bool _isDisposed;

    internal Tensor(Device device, Shape shape, DataType type, DeviceMemory memory, bool isTapeOwned)
    {
        Device = device;
        Shape = shape;
        Type = type;
        _memory = memory;
        IsTapeOwned = isTapeOwned;
    }

    /// <summary>Makes a tensor of the tape's whose producer computes its values when they are asked for.</summary>
    internal Tensor(Device device, Shape shape, DataType type)
    {
        Device = device;
        Shape = shape;
        Type = type;
        IsTapeOwned = true;
        _isBornPending = true;
    }

    private Tensor(Tensor origin, Shape shape, DeviceMemory memory, bool isTapeOwned)
        : this(origin.Device, shape, origin.Type, memory, isTapeOwned) => _origin = origin.Owner;

    /// <summary>The device that holds the numbers.</summary>
    public Device Device { get; }

    /// <summary>The extents.</summary>
    public Shape Shape { get; }

    /// <summary>What each element is.</summary>
    public DataType Type { get; }

    /// <summary>The bytes that the elements take.</summary>
    public long ByteCount => Shape.ElementCount * Type.Size();

    /// <summary>Whether this is a leaf (a parameter) whose gradient <see cref="Backward"/> accumulates into <see cref="Gradient"/>.</summary>
    public bool RequiresGradient { get; set; }

    /// <summary>
    /// The gradient of the loss by this tensor; null where none has been computed, or where the tape has already freed it; see <see cref="HasGradient"/>.
    /// </summary>
    public Tensor? Gradient { get; internal set; }

    /// <summary>Whether the memory has been returned to the pool, so that the numbers can no longer be read.</summary>
    public bool IsReleased => HasNoMemory && !CanMaterialize;

    /// <summary>
    /// Grows whenever the numbers are written, through this tensor or another one on the same memory: what a device caches by (a packed
    /// filter, say). 0 once the memory is released.
    /// </summary>
    public long Version => _memory?.Version ?? 0;

    /// <summary>
    /// Whether the values have not been computed yet, or no longer exist, and will be when somebody asks for them: what an operation left
    /// for its readers to compute on their way (<see cref="Operation.Pending"/>).
    /// </summary>
    public bool IsPending => HasNoMemory && CanMaterialize;

    /// <summary>A place for what the device derives from these numbers and keeps with them, such as a packed copy; disposed with the tensor.</summary>
    public object? DeviceState
    {
        get => _lease is { } lease ? lease.State : _state;
        set
        {
            if (_lease is { } lease)
            {
                lease.State = value;
            }
            else
            {
                _state = value;
            }
        }
    }

    /// <summary>The operation that made this tensor, as far as a tape recorded it.</summary>
    internal Operation? Producer { get; set; }

    /// <summary>The first recorded operation whose backward reads this tensor: the last to need it when the tape runs back.</summary>
    internal Operation? FirstReader { get; set; }

    /// <summary>The first recorded operation, the producer aside, whose backward reads this tensor.</summary>
    internal Operation? FirstConsumer { get; set; }

    /// <summary>Sees the complete gradient of this tensor during backward, before its producer runs; must copy what it keeps.</summary>
    internal Action<Tensor>? GradientObserver { get; set; }

    /// <summary>Whether <see cref="Gradient"/> is left over from before <see cref="ZeroGradient"/>: the next contribution overwrites it.</summary>
    internal bool IsGradientStale { get; set; }

    internal bool IsTapeOwned { get; private set; }

    /// <summary>Whether a backward pass has to compute a gradient for this tensor.</summary>
    public bool NeedsGradient => RequiresGradient || Producer is not null;

    /// <summary>The address of the first element, in the device's own address space, for code that only reads the numbers.</summary>
    /// <exception cref="EngineException">The tape has released the memory.</exception>
    /// <exception cref="ObjectDisposedException">The tensor or its device has been disposed.</exception>
    public nint ReadAddress
    {
        get
        {
            MarkUsed();
            return Memory.Address;
        }
    }

    /// <summary>
    /// The address of the first element, in the device's own address space, for code that writes the numbers; it may read them too. Ask
    /// for it anew before each write: asking is what marks the numbers as written (<see cref="Version"/>).
    /// </summary>
    /// <exception cref="EngineException">The tape has released the memory.</exception>
    /// <exception cref="ObjectDisposedException">The tensor or its device has been disposed.</exception>
    public nint WriteAddress()
    {
        MarkUsed();
        Device.Memory.MarkWritten(Memory);
        return Memory.Address;
    }

    internal DeviceMemory Memory => _memory is { IsFreed: false } memory ? memory : CanMaterialize ? Materialize() : throw Released();

    /// <summary>Makes a tensor of unspecified content that belongs to the caller.</summary>
    /// <exception cref="EngineException">The device has no memory left, or another thread is using it.</exception>
    /// <exception cref="ObjectDisposedException">The device has been disposed.</exception>
    public static Tensor Create(Device device, Shape shape, DataType type)
    {
        using DeviceUse use = device.Use();
        Tensor tensor = new(device, shape, type, device.Memory.Rent(shape.ElementCount * type.Size()), isTapeOwned: false);
        tensor.BeginLease();
        return tensor;
    }

    /// <summary>
    /// Makes a tensor of unspecified content that the caller is certain to dispose, such as a primitive's scratch memory: one that costs the
    /// garbage collector nothing. Where it is forgotten, its memory stays with it until the device is disposed.
    /// </summary>
    /// <exception cref="EngineException">The device has no memory left, or another thread is using it.</exception>
    /// <exception cref="ObjectDisposedException">The device has been disposed.</exception>
    public static Tensor Borrow(Device device, Shape shape, DataType type) =>
        new(device, shape, type, device.Memory.Rent(shape.ElementCount * type.Size()), isTapeOwned: false);

    /// <summary>Makes a tensor from the caller's numbers, in row-major order; they are converted when <paramref name="type"/> differs from their own.</summary>
    /// <param name="device">Where the tensor lives.</param>
    /// <param name="shape">Its extents; their product is the length of <paramref name="values"/>.</param>
    /// <param name="values">The numbers.</param>
    /// <param name="type">What each element becomes; for floating-point numbers the device's own type where null.</param>
    /// <exception cref="ShapeException">The number of values is not the shape's.</exception>
    public static Tensor From<T>(Device device, Shape shape, ReadOnlySpan<T> values, DataType? type = null) where T : unmanaged
    {
        DataType source = DataTypes.Of<T>();
        Tensor tensor = Create(device, shape, type ?? (source.IsFloating() ? device.FloatType : source));
        try
        {
            tensor.Write(values);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Overwrites all elements with the caller's numbers, converting them to this tensor's type.</summary>
    /// <exception cref="ShapeException">The number of values is not the shape's.</exception>
    public void Write<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        if (values.Length != Shape.ElementCount)
        {
            throw new ShapeException($"tensor {Shape} has {Shape.ElementCount} elements, but {values.Length} values were given");
        }

        if (DataTypes.Of<T>() == Type)
        {
            Device.CopyFromHost(MemoryMarshal.AsBytes(values), this);
            return;
        }

        // A piece at a time: a whole second copy would stay in the process' memory until the next garbage collection.
        const int piece = 16384;
        byte[] converted = new byte[Math.Min(values.Length, piece) * Type.Size()];
        for (int start = 0; start < values.Length; start += piece)
        {
            ReadOnlySpan<T> some = values.Slice(start, Math.Min(piece, values.Length - start));
            HostConversion.Convert(MemoryMarshal.AsBytes(some), DataTypes.Of<T>(), converted, Type, some.Length);
            Device.CopyFromHost(converted.AsSpan(0, some.Length * Type.Size()), this, (long)start * Type.Size());
        }
    }

    /// <summary>Copies all elements into the caller's span, converting them to <typeparamref name="T"/>; waits for the device.</summary>
    public void Read<T>(Span<T> values) where T : unmanaged
    {
        if (values.Length != Shape.ElementCount)
        {
            throw new ShapeException($"tensor {Shape} has {Shape.ElementCount} elements, but room for {values.Length} was given");
        }

        if (DataTypes.Of<T>() == Type)
        {
            Device.CopyToHost(this, MemoryMarshal.AsBytes(values));
            return;
        }

        byte[] raw = new byte[ByteCount];
        Device.CopyToHost(this, raw);
        HostConversion.Convert(raw, Type, MemoryMarshal.AsBytes(values), DataTypes.Of<T>(), values.Length);
    }

    /// <summary>All elements as a new array of <typeparamref name="T"/> (float, double, int or byte); waits for the device.</summary>
    public T[] ToArray<T>() where T : unmanaged
    {
        T[] values = new T[Shape.Count];
        Read<T>(values);
        return values;
    }

    /// <summary>The only element of a tensor that has one, such as a loss; waits for the device.</summary>
    /// <exception cref="ShapeException">There is not exactly one element.</exception>
    public double Item()
    {
        if (Shape.ElementCount != 1)
        {
            throw new ShapeException($"Item reads a tensor of one element, but this one is {Shape}");
        }

        Span<double> value = stackalloc double[1];
        if (Type == DataType.Float32)
        {
            Span<float> single = stackalloc float[1];
            Read(single);
            value[0] = single[0];
        }
        else
        {
            Read(value);
        }

        return value[0];
    }

    /// <summary>
    /// Runs the tape backwards from this tensor, the loss: adds the gradient of every leaf that requires one into its
    /// <see cref="Gradient"/>, and releases everything that the tape owns except this tensor's own number.
    /// </summary>
    public void Backward() => Device.Tape.Backward(this);

    /// <summary>Forgets a leaf's gradient; its buffer is kept, and the next backward overwrites it instead of adding.</summary>
    public void ZeroGradient() => IsGradientStale = true;

    /// <summary>Whether a backward pass has left a gradient here since the last <see cref="ZeroGradient"/>.</summary>
    public bool HasGradient => Gradient is not null && !IsGradientStale;

    /// <summary>The shape, the element type and the device.</summary>
    public override string ToString() => $"Tensor {Shape} {Type} on {Device.Name}{(IsReleased ? " (released)" : "")}";
}
