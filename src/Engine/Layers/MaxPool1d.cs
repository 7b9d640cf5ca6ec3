namespace Engine.Layers;

/// <summary>The largest element of each window of series [N, L, C], channel by channel: [N, (L + 2 padding - kernel) / stride + 1, C].</summary>
public sealed class MaxPool1d : Module
{
    /// <summary>Makes a pooling layer.</summary>
    /// <param name="kernel">Steps of the series in a window.</param>
    /// <param name="stride">Steps between neighboring windows; the kernel where null.</param>
    /// <param name="padding">Steps of minus infinity on each side, at most half the kernel.</param>
    public MaxPool1d(int kernel, int? stride = null, int padding = 0) =>
        Geometry = new PoolingGeometry(new Size2(1, kernel), new Size2(1, stride ?? kernel), new Size2(0, padding));

    /// <summary>Kernel, stride and padding, for images of one row.</summary>
    public PoolingGeometry Geometry { get; }

    /// <inheritdoc/>
    protected override string Summary =>
        $"kernel_size={Geometry.Kernel.Width}, stride={Geometry.Stride.Width}, padding={Geometry.Padding.Width}, dilation=1, ceil_mode=False";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor output = MaxPoolOperation.Apply(Series.ToImages("MaxPool1d", input), Geometry);
        return Donate(output, Series.FromImages(output));
    }
}
