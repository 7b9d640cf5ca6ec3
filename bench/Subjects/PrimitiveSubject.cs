namespace Engine.Bench.Subjects;

/// <summary>One primitive of a device, on tensors of one shape.</summary>
internal sealed class PrimitiveSubject : Subject
{
    private readonly Func<PrimitiveSubject, Action> _prepare;
    private readonly Func<PrimitiveSubject, double> _bytes;
    private readonly double _operations;

    /// <param name="device">Where it runs.</param>
    /// <param name="name">The primitive's name, and what sets this use of it apart.</param>
    /// <param name="shape">The shape of its main tensor.</param>
    /// <param name="prepare">Makes the tensors and hands out the call.</param>
    /// <param name="bytes">What the call reads and writes at least.</param>
    /// <param name="operations">Twice its multiply-adds; 0 where it has no products.</param>
    public PrimitiveSubject(
        BenchDevice device, string name, Shape shape, Func<PrimitiveSubject, double> bytes, Func<PrimitiveSubject, Action> prepare, double operations = 0)
        : base(device, $"{name} {shape}") => (Shape, _bytes, _prepare, _operations) = (shape, bytes, prepare, operations);

    /// <summary>The shape of the primitive's main tensor.</summary>
    public Shape Shape { get; }

    /// <summary>The bytes of an activation of <see cref="Shape"/> on this device.</summary>
    public double Size => (double)Shape.ElementCount * Place.Device.ActivationType.Size();

    /// <summary>Makes the tensors and hands out the call.</summary>
    public Action Prepare() => _prepare(this);

    internal override Work WorkOf(string method) => new(_bytes(this), _operations);
}
