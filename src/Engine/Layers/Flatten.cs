namespace Engine.Layers;

/// <summary>
/// [N, ...] becomes [N, numbers of one image]. An image of more than one pixel is laid out row by row, pixel by pixel, channels last:
/// a linear layer that follows has its columns in that order, not in PyTorch's, which has the channels first.
/// </summary>
public sealed class Flatten : Module
{
    /// <inheritdoc/>
    protected override string Summary => "start_dim=1, end_dim=-1";

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input) => ReshapeOperation.Flatten(input);
}
