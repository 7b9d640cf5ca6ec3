namespace Engine;

/// <summary>
/// y = a + b. Backward: da = dy and db = dy, both unchanged: this is the "+1" through which a residual block's shortcut passes
/// the gradient on. One input takes the gradient's buffer itself, the other a copy.
/// </summary>
public sealed class AddOperation : Operation
{
    private readonly Tensor _left;
    private readonly Tensor _right;

    private AddOperation(Tensor left, Tensor right)
    {
        _left = left;
        _right = right;
    }

    /// <inheritdoc/>
    public override string Name => "add";

    /// <summary>Adds two tensors of one shape, element by element; they may be the same tensor.</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Apply(Tensor left, Tensor right)
    {
        CheckTogether("add", left, right);
        if (left.Shape != right.Shape)
        {
            throw new ShapeException($"add: left {left.Shape} and right {right.Shape} must have the same shape");
        }

        Tape tape = left.Device.Tape;
        Tensor output = tape.Allocate(left.Shape, left.Type);
        left.Device.Add(left, right, output);
        if (tape.ShouldRecord(left, right))
        {
            new AddOperation(left, right).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Tensor gradient = OutputGradient;
        bool isLeftDone = TryDonate(_left, out _);
        bool isRightDone = !isLeftDone && TryDonate(_right, out _);

        // Where both inputs are one tensor, the second use finds the buffer just handed over and doubles it in place.
        if (!isLeftDone && Target(_left) is { Gradient: { } leftGradient } intoLeft)
        {
            Device.Scale(gradient, 1, leftGradient, intoLeft.Accumulate);
        }

        if (!isRightDone && Target(_right) is { Gradient: { } rightGradient } intoRight)
        {
            Device.Scale(gradient, 1, rightGradient, intoRight.Accumulate);
        }
    }
}
