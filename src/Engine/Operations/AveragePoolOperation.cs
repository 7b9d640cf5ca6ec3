namespace Engine;

/// <summary>
/// y[n,p,q,c] = the mean of x over the window at (p, q). Backward: each dy, divided by what its mean was divided by, goes to
/// every real pixel of its window; windows that overlap add up. Linear, so nothing is kept.
/// </summary>
public sealed class AveragePoolOperation : Operation
{
    private readonly Tensor _input;
    private readonly PoolingGeometry _geometry;
    private readonly bool _countPadding;

    private AveragePoolOperation(Tensor input, PoolingGeometry geometry, bool countPadding)
    {
        _input = input;
        _geometry = geometry;
        _countPadding = countPadding;
    }

    /// <inheritdoc/>
    public override string Name => "average_pool";

    /// <summary>Takes each window's mean of an input [N, H, W, C] into [N, P, Q, C].</summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="geometry">The window, its stride and the padding by zeros.</param>
    /// <param name="countPadding">Whether the divisor is always the whole window (PyTorch's default), or only its real pixels.</param>
    /// <exception cref="ShapeException">The input is not [N, H, W, C], or no window fits it.</exception>
    public static Tensor Apply(Tensor input, in PoolingGeometry geometry, bool countPadding = true)
    {
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(geometry.OutputShape(input.Shape), input.Type);
        input.Device.AveragePool(input, geometry, countPadding, output);
        if (tape.ShouldRecord(input))
        {
            new AveragePoolOperation(input, geometry, countPadding).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Device.AveragePoolBackward(OutputGradient, _geometry, _countPadding, Target(_input));
    }
}
