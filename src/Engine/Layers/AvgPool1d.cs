namespace Engine.Layers;

/// <summary>The mean of each window of series [N, L, C], channel by channel: [N, (L + 2 padding - kernel) / stride + 1, C].</summary>
public sealed class AvgPool1d : Module
{
    /// <summary>Makes a pooling layer.</summary>
    /// <param name="kernel">Steps of the series in a window.</param>
    /// <param name="stride">Steps between neighboring windows; the kernel where null.</param>
    /// <param name="padding">Zeros on each side, at most half the kernel.</param>
    /// <param name="countPadding">Whether the mean counts the zeros of the padding.</param>
    public AvgPool1d(int kernel, int? stride = null, int padding = 0, bool countPadding = true)
    {
        Geometry = new PoolingGeometry(new Size2(1, kernel), new Size2(1, stride ?? kernel), new Size2(0, padding));
        CountsPadding = countPadding;
    }

    /// <summary>Whether the mean counts the zeros of the padding.</summary>
    public bool CountsPadding { get; }

    /// <summary>Kernel, stride and padding, for images of one row.</summary>
    public PoolingGeometry Geometry { get; }

    /// <inheritdoc/>
    protected override string Summary =>
        $"kernel_size=({Geometry.Kernel.Width},), stride=({Geometry.Stride.Width},), padding=({Geometry.Padding.Width},)";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor output = AveragePoolOperation.Apply(Series.ToImages("AvgPool1d", input), Geometry, CountsPadding);
        return Donate(output, Series.FromImages(output));
    }
}
