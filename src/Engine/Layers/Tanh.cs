namespace Engine.Layers;

/// <summary>tanh(x), element by element.</summary>
public sealed class Tanh : Module
{
    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => input.Tanh();
}
