namespace Engine.Layers;

/// <summary>
/// Stands where a network has its normalizations and leaves the values as they are; only the shortcut and the ReLU that follow are
/// computed. It has no parameters: the convolutions around it, which have no bias, are then the whole block. For studies of what
/// normalization does to signals and gradients; printed as Identity, PyTorch's name for such a layer.
/// </summary>
public sealed class IdentityNormalization : Normalization
{
    /// <inheritdoc/>
    protected override string TypeName => nameof(Identity);

    /// <inheritdoc/>
    private protected override Tensor Normalize(Tensor input, Tensor? shortcut, bool relu) => Tail(input, shortcut, relu);
}
