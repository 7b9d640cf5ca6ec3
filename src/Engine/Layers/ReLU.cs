namespace Engine.Layers;

/// <summary>max(x, 0), element by element.</summary>
public sealed class ReLU : Module
{
    /// <inheritdoc/>
    protected override string Summary => "inplace=True";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => ReluOperation.Apply(input);
}
