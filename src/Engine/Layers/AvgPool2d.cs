namespace Engine.Layers;

/// <summary>The mean of each window of [N, H, W, C], channel by channel.</summary>
public sealed class AvgPool2d : Module
{
    /// <summary>Makes a pooling layer.</summary>
    /// <param name="kernel">The window's height and width.</param>
    /// <param name="stride">Pixels between neighboring windows; the kernel's where null.</param>
    /// <param name="padding">Rows and columns of zeros on each side; none where null.</param>
    /// <param name="countPadding">Whether the mean counts the zeros of the padding.</param>
    public AvgPool2d(Size2 kernel, Size2? stride = null, Size2? padding = null, bool countPadding = true)
    {
        Geometry = new PoolingGeometry(kernel, stride ?? kernel, padding ?? 0);
        CountsPadding = countPadding;
    }

    /// <summary>Whether the mean counts the zeros of the padding.</summary>
    public bool CountsPadding { get; }

    /// <summary>Kernel, stride and padding.</summary>
    public PoolingGeometry Geometry { get; }

    /// <inheritdoc/>
    protected override string Summary =>
        $"kernel_size={PythonText.Of(Geometry.Kernel)}, stride={PythonText.Of(Geometry.Stride)}, padding={PythonText.Of(Geometry.Padding)}";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => AveragePoolOperation.Apply(input, Geometry, CountsPadding);
}
