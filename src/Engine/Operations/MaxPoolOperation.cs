namespace Engine;

/// <summary>
/// y[n,p,q,c] = the largest x in the window at (p, q). Backward: a maximum has slope 1 in the element that won and 0 in all
/// others, so each dy goes to the winner of its window (the first of equals), whose place the forward noted; windows that
/// overlap add up.
/// </summary>
public sealed class MaxPoolOperation : Operation
{
    private readonly Tensor _input;
    private readonly Tensor _positions;
    private readonly PoolingGeometry _geometry;

    private MaxPoolOperation(Tensor input, Tensor positions, PoolingGeometry geometry)
    {
        _input = input;
        _positions = positions;
        _geometry = geometry;
    }

    /// <inheritdoc/>
    public override string Name => "max_pool";

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern => _positions;

    /// <summary>Takes each window's maximum of an input [N, H, W, C] into [N, P, Q, C].</summary>
    /// <exception cref="ShapeException">The input is not [N, H, W, C], or no window fits it.</exception>
    public static Tensor Apply(Tensor input, in PoolingGeometry geometry)
    {
        Tape tape = input.Device.Tape;
        Shape shape = geometry.OutputShape(input.Shape);
        Tensor output = tape.Allocate(shape, input.Type);
        Tensor positions = tape.Allocate(shape, DataType.UInt8);
        input.Device.MaxPool(input, geometry, output, positions);
        if (tape.ShouldRecord(input))
        {
            new MaxPoolOperation(input, positions, geometry).Record(output, saved: positions);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Device.MaxPoolBackward(OutputGradient, _positions, _geometry, Target(_input));
    }
}
