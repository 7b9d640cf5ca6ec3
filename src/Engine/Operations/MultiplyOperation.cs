namespace Engine;

/// <summary>y = a b, element by element. Backward: da = dy b and db = dy a (product rule); where a and b are one tensor, the two add up to 2 a dy.</summary>
public sealed class MultiplyOperation : Operation
{
    private readonly Tensor _left;
    private readonly Tensor _right;

    private MultiplyOperation(Tensor left, Tensor right)
    {
        _left = left;
        _right = right;
    }

    /// <inheritdoc/>
    public override string Name => "multiply";

    /// <summary>Multiplies two tensors of one shape, element by element; they may be the same tensor.</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Apply(Tensor left, Tensor right)
    {
        CheckTogether("multiply", left, right);
        if (left.Shape != right.Shape)
        {
            throw new ShapeException($"multiply: left {left.Shape} and right {right.Shape} must have the same shape");
        }

        Tape tape = left.Device.Tape;
        Tensor output = tape.Allocate(left.Shape, left.Type);
        left.Device.Multiply(left, right, output, accumulate: false);
        if (tape.ShouldRecord(left, right))
        {
            new MultiplyOperation(left, right).Record(output, left, right);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        // The right input first: afterwards the left one may take the output's gradient and change it in place.
        if (Target(_right) is { Gradient: { } rightGradient } intoRight)
        {
            Device.Multiply(OutputGradient, _left, rightGradient, intoRight.Accumulate);
        }

        if (TryDonate(_left, out Tensor gradient))
        {
            Device.Multiply(gradient, _right, gradient, accumulate: false);
        }
        else if (Target(_left) is { Gradient: { } leftGradient } intoLeft)
        {
            Device.Multiply(OutputGradient, _right, leftGradient, intoLeft.Accumulate);
        }
    }
}
