namespace Engine.Layers;

/// <summary>
/// Batch norm of tables [N, C], per column over all rows, or of series [N, L, C], per channel over all series and steps: see
/// <see cref="BatchNorm"/>. The same as torch.nn.BatchNorm1d, which has series as [N, C, L].
/// </summary>
/// <param name="channels">C.</param>
/// <param name="epsilon">Added to the variance inside the root.</param>
/// <param name="momentum">The share of a batch's statistics in the running ones.</param>
public sealed class BatchNorm1d(int channels, double epsilon = 1e-5, double momentum = 0.1) : BatchNorm(channels, epsilon, momentum)
{
    /// <inheritdoc/>
    private protected override Tensor Normalize(Tensor input, Tensor? shortcut, bool relu)
    {
        Shape shape = input.Shape;
        if (shape.Rank is not (2 or 3) || shape.Last != Channels)
        {
            throw new ShapeException($"BatchNorm1d: input {shape} must be [N, {Channels}], or [N, L, {Channels}], channels last");
        }

        if (shape.Rank == 2)
        {
            return base.Normalize(input, shortcut, relu);
        }

        // The shortcut and the ReLU come behind the reshaping, in the input's own shape.
        Tensor normalized = base.Normalize(Series.ToImages("BatchNorm1d", input), null, relu: false);
        Tensor output = Donate(normalized, Series.FromImages(normalized));
        return Donate(output, Tail(output, shortcut, relu));
    }
}
