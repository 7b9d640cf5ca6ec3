namespace Engine.Layers;

/// <summary>
/// A network's mean answer to images [N, H, W, C] and to their mirror images: test-time augmentation for photographs, at twice the work. It holds the
/// network as its child and has no parameters of its own.
/// </summary>
public sealed class FlipAveraging : Module
{
    private readonly Module _network;

    /// <summary>Wraps a network.</summary>
    /// <param name="network">It stays its maker's; disposing the wrapper disposes it too.</param>
    public FlipAveraging(Module network) => _network = AddChild("network", network);

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        if (input.Shape.Rank != 4)
        {
            throw new ShapeException($"flip averaging: input {input.Shape} must be images [N, H, W, C]");
        }

        int width = input.Shape[2];
        int[] columns = [.. Enumerable.Range(0, width).Select(x => width - 1 - x)];
        using Tensor reversed = Tensor.From<int>(input.Device, new Shape(width), columns);
        Tensor mirrored = input.Gather(reversed, axis: 2);
        return (_network.Forward(input) + _network.Forward(mirrored)) * 0.5;
    }
}
