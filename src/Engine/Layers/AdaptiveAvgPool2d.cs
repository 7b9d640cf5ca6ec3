namespace Engine.Layers;

/// <summary>Means of [N, H, W, C] over windows that are chosen so that the output is [N, P, Q, C]; 1 x 1 is the global mean.</summary>
/// <param name="outputSize">P and Q.</param>
public sealed class AdaptiveAvgPool2d(Size2 outputSize) : Module
{
    /// <summary>P and Q.</summary>
    public Size2 OutputSize => outputSize;

    /// <inheritdoc/>
    protected override string Summary => $"output_size={outputSize}";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => AdaptiveAveragePoolOperation.Apply(input, outputSize);
}
