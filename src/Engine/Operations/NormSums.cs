namespace Engine;

/// <summary>The sums of a norm's backward, taken by the convolution that made the gradient by its output.</summary>
/// <param name="target">Where the gradient by the norm's output goes, zero where the ReLU clipped.</param>
/// <param name="sum">[C]: the sum of it.</param>
/// <param name="sumNormalized">[C]: the sum of it times the normalized input.</param>
internal sealed class NormSums(GradientTarget target, Tensor sum, Tensor sumNormalized)
{
    private long _version = -1;

    /// <summary>The gradient.</summary>
    public Tensor Gradient => target.Gradient!;

    /// <summary>Whether other uses of the output have put their shares there before.</summary>
    public bool Accumulate => target.Accumulate;

    /// <summary>The gradient by beta.</summary>
    public Tensor Sum => sum;

    /// <summary>The gradient by gamma.</summary>
    public Tensor SumNormalized => sumNormalized;

    /// <summary>Called when the three are written.</summary>
    public void Seal() => _version = Gradient.Version;

    /// <summary>
    /// Whether these are the sums of a gradient as it is now. Another use of the norm's output may have added to it since: then the norm
    /// masks and sums all of it, which the mask that is in it already does not change.
    /// </summary>
    public bool AreOf(Tensor outputGradient) => ReferenceEquals(outputGradient, Gradient) && Gradient.Version == _version;
}
