namespace Engine;

/// <summary>
/// A device without memory and without arithmetic: tensors on it have shapes but no numbers, and primitives do nothing but count
/// the multiply-adds. A network runs on it in microseconds a layer, to learn its shapes and its cost before any memory is taken.
/// </summary>
/// <remarks>
/// Reading a tensor gives zeros. The pool counts the bytes that a real device of the same element type would lend. A subclass may
/// note which primitives are called, to learn what a network computes.
/// </remarks>
public partial class MetaDevice : Device
{
    private const int Alignment = 64;
    private nint _nextAddress = Alignment;

    /// <summary>Makes a meta device.</summary>
    /// <param name="floatType">The type of real numbers whose memory is counted.</param>
    public MetaDevice(DataType floatType = DataType.Float32) : base("meta", floatType) => Memory.IsReal = false;

    /// <inheritdoc/>
    public override string Description => "shapes only: nothing is stored or computed";

    /// <summary>
    /// Multiply-adds of all forward convolutions and matrix products so far: one for each factor pair, additions of a bias not
    /// counted. A backward's matrix products count as well, its convolutions do not.
    /// </summary>
    public long MultiplyAdds { get; private set; }

    /// <summary>Starts counting multiply-adds anew.</summary>
    public void ResetMultiplyAdds() => MultiplyAdds = 0;

    /// <inheritdoc/>
    protected override void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output) =>
        MultiplyAdds += output.Shape.ElementCount * filter.Shape[1] * filter.Shape[2] * filter.Shape[3];

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate) =>
        MultiplyAdds += output.Shape.ElementCount * left.Shape[transposeLeft ? 0 : 1];

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination, long start) { }

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination) => destination.Clear();

    /// <inheritdoc/>
    protected override nint AllocateNative(long bytes)
    {
        // Addresses are handed out but never read; they only have to differ and to be aligned, as a real device's are.
        nint address = _nextAddress;
        _nextAddress += (nint)((bytes + Alignment - 1) / Alignment * Alignment);
        return address;
    }

    /// <inheritdoc/>
    protected override void FreeNative(nint address, long bytes) { }
}
