namespace Engine.Layers;

/// <summary>Means of series [N, L, C] over windows that are chosen so that the output is [N, Q, C]; with Q = 1, the mean of each channel.</summary>
/// <param name="outputSize">Q.</param>
public sealed class AdaptiveAvgPool1d(int outputSize) : Module
{
    /// <summary>Q.</summary>
    public int OutputSize => outputSize;

    /// <inheritdoc/>
    protected override string Summary => $"output_size={outputSize}";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor output = AdaptiveAveragePoolOperation.Apply(Series.ToImages("AdaptiveAvgPool1d", input), new Size2(1, outputSize));
        return Donate(output, Series.FromImages(output));
    }
}
