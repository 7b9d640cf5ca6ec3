namespace Engine;

/// <summary>
/// y = max(a + b, 0), the end of a residual block, in one pass. Backward: with g = dy where y &gt; 0, else 0, both da = g and
/// db = g. The mask is read off the output, so neither input need be kept; one input takes the gradient's buffer, masked in
/// place, the other a copy.
/// </summary>
public sealed class AddReluOperation : Operation
{
    private readonly Tensor _left;
    private readonly Tensor _right;

    private AddReluOperation(Tensor left, Tensor right)
    {
        _left = left;
        _right = right;
    }

    /// <inheritdoc/>
    public override string Name => "add_relu";

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern => Output;

    /// <summary>Adds two tensors of one shape and clips at zero; they may be the same tensor.</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Apply(Tensor left, Tensor right)
    {
        CheckTogether("add_relu", left, right);
        if (left.Shape != right.Shape)
        {
            throw new ShapeException($"add_relu: left {left.Shape} and right {right.Shape} must have the same shape");
        }

        Tape tape = left.Device.Tape;
        Tensor output = tape.Allocate(left.Shape, left.Type);
        left.Device.AddRelu(left, right, output);
        if (tape.ShouldRecord(left, right))
        {
            new AddReluOperation(left, right).Record(output, saved: output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_left, out Tensor gradient))
        {
            PassOn(gradient, _right);
        }
        else if (TryDonate(_right, out gradient))
        {
            PassOn(gradient, _left);
        }
        else
        {
            Mask(_left);
            Mask(_right);
        }
    }

    // The gradient already belongs to one input. Where the other is the same tensor, its share doubles the buffer in place.
    private void PassOn(Tensor gradient, Tensor other)
    {
        Device.ReluBackward(gradient, Output, gradient);
        if (Target(other) is { Gradient: { } target } into)
        {
            Device.Scale(gradient, 1, target, into.Accumulate);
        }
    }

    private void Mask(Tensor input)
    {
        Device.ReluBackward(OutputGradient, Output, Target(input));
    }
}
