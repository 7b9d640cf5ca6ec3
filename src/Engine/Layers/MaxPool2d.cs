namespace Engine.Layers;

/// <summary>The largest element of each window of [N, H, W, C], channel by channel.</summary>
public sealed class MaxPool2d : Module
{
    /// <summary>Makes a pooling layer.</summary>
    /// <param name="kernel">The window's height and width.</param>
    /// <param name="stride">Pixels between neighboring windows; the kernel's where null.</param>
    /// <param name="padding">Rows and columns of minus infinity on each side; none where null.</param>
    public MaxPool2d(Size2 kernel, Size2? stride = null, Size2? padding = null) =>
        Geometry = new PoolingGeometry(kernel, stride ?? kernel, padding ?? 0);

    /// <summary>Kernel, stride and padding.</summary>
    public PoolingGeometry Geometry { get; }

    /// <inheritdoc/>
    protected override string Summary =>
        $"kernel_size={PythonText.Of(Geometry.Kernel)}, stride={PythonText.Of(Geometry.Stride)}, padding={PythonText.Of(Geometry.Padding)}, dilation=1, "
            + "ceil_mode=False";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => MaxPoolOperation.Apply(input, Geometry);
}
