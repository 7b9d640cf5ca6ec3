namespace Engine.Layers;

/// <summary>
/// Layer norm over the last axis of an input [.., C] of any rank (Ba, Kiros and Hinton, 2016): each row of C values is normalized by its own
/// mean and biased variance; then times gamma[c] plus beta[c]. The same as torch.nn.LayerNorm(C). It behaves the same in training and in
/// evaluation. A row is what <see cref="GroupNorm"/> with one group calls an image of one pixel, and so it is computed.
/// </summary>
/// <param name="channels">C.</param>
/// <param name="epsilon">Added to the variance inside the root.</param>
public sealed class LayerNorm(int channels, double epsilon = 1e-5) : AffineNormalization(channels, epsilon)
{
    /// <inheritdoc/>
    protected override string Summary => $"({Channels},), eps={PythonText.Of(Epsilon)}, elementwise_affine=True";

    /// <inheritdoc/>
    private protected override Tensor Normalize(Tensor input, Tensor? shortcut, bool relu)
    {
        Shape shape = input.Shape;
        if (shape.Rank == 0 || shape.Last != Channels)
        {
            throw new ShapeException($"LayerNorm: input {shape} must be [.., {Channels}]: its last axis is normalized");
        }

        Tensor pixels = ReshapeOperation.Apply(input, new Shape(shape.Rows, 1, 1, Channels));
        Tensor normalized = GroupNormOperation.Apply(pixels, 1, Weight.Value, Bias.Value, Epsilon);
        Tensor output = Donate(normalized, ReshapeOperation.Apply(normalized, shape));
        return Donate(output, Tail(output, shortcut, relu));
    }
}
