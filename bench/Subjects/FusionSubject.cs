namespace Engine.Bench.Subjects;

/// <summary>The same result twice: by one fused primitive, and by the primitives that it replaces.</summary>
/// <param name="Fused">One call.</param>
/// <param name="Unfused">One call after the other, with results in between in memory.</param>
internal readonly record struct FusionPair(Action Fused, Action Unfused);

/// <summary>A fusion on tensors of one shape.</summary>
internal sealed class FusionSubject : Subject
{
    private readonly Func<FusionSubject, FusionPair> _prepare;
    private readonly double _fusedMoves;
    private readonly double _unfusedMoves;

    /// <param name="device">Where it runs.</param>
    /// <param name="name">What is fused.</param>
    /// <param name="shape">The activation's shape.</param>
    /// <param name="fusedMoves">How many activations the fused primitive reads and writes.</param>
    /// <param name="unfusedMoves">How many the others do together.</param>
    /// <param name="prepare">Makes the tensors and hands out both calls.</param>
    public FusionSubject(BenchDevice device, string name, Shape shape, double fusedMoves, double unfusedMoves, Func<FusionSubject, FusionPair> prepare)
        : base(device, $"{name} {shape}") => (Shape, _fusedMoves, _unfusedMoves, _prepare) = (shape, fusedMoves, unfusedMoves, prepare);

    /// <summary>The activation's shape.</summary>
    public Shape Shape { get; }

    /// <summary>Makes the tensors and hands out both calls.</summary>
    public FusionPair Prepare() => _prepare(this);

    internal override Work WorkOf(string method) =>
        new((method == nameof(FusionPair.Fused) ? _fusedMoves : _unfusedMoves) * Shape.ElementCount * Place.Device.ActivationType.Size());
}
