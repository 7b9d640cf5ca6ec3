namespace Engine.Layers;

/// <summary>1 / (1 + exp(-x)), element by element.</summary>
public sealed class Sigmoid : Module
{
    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => SigmoidOperation.Apply(input);
}
