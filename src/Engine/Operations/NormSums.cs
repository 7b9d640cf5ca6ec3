namespace Engine;

/// <summary>The sums of a norm's backward, taken by the convolution that made the gradient by its output.</summary>
/// <param name="target">Where the gradient by the norm's output goes, zero where the ReLU clipped.</param>
/// <param name="gamma">Where the gradient by gamma goes.</param>
/// <param name="beta">Where the gradient by beta goes.</param>
/// <param name="tape">Makes room for the sums where those two cannot be it.</param>
/// <param name="channels">[C], of the sums.</param>
internal sealed class NormSums(GradientTarget target, GradientTarget gamma, GradientTarget beta, Tape tape, Tensor channels)
{
    private long _version = -1;

    /// <summary>The gradient.</summary>
    public Tensor Gradient => target.Gradient!;

    /// <summary>Whether other uses of the output have put their shares there before.</summary>
    public bool Accumulate => target.Accumulate;

    /// <summary>Where the gradient by gamma goes.</summary>
    public GradientTarget Gamma => gamma;

    /// <summary>Where the gradient by beta goes.</summary>
    public GradientTarget Beta => beta;

    /// <summary>[C]: the sum of the gradient, which is the gradient by beta: written there at once, unless it is to be added or not wanted.</summary>
    public Tensor Sum { get; } = Room(beta, tape, channels);

    /// <summary>[C]: the sum of the gradient times the normalized input, which is the gradient by gamma.</summary>
    public Tensor SumNormalized { get; } = Room(gamma, tape, channels);

    /// <summary>Called when the three are written.</summary>
    public void Seal() => _version = Gradient.Version;

    /// <summary>
    /// Whether these are the sums of a gradient as it is now. Another use of the norm's output may have added to it since: then the norm
    /// masks and sums all of it, which the mask that is in it already does not change.
    /// </summary>
    public bool AreOf(Tensor outputGradient) => ReferenceEquals(outputGradient, Gradient) && Gradient.Version == _version;

    private static Tensor Room(GradientTarget into, Tape tape, Tensor channels) =>
        into is { Gradient: { } gradient, Accumulate: false } ? gradient : tape.Allocate(channels.Shape, channels.Type);
}
