namespace Engine;

/// <summary>
/// y = a where the condition c is not zero, else b, all three broadcast to one shape. Backward: da = dy where c, else 0; db = 0 where c,
/// else dy; each summed over the axes along which its input was broadcast. What was not chosen gets 0, not 0 times anything: a NaN there
/// does no harm.
/// </summary>
public sealed class WhereOperation : Operation
{
    private readonly Tensor _condition, _left, _right;

    private WhereOperation(Tensor condition, Tensor left, Tensor right) => (_condition, _left, _right) = (condition, left, right);

    /// <inheritdoc/>
    public override string Name => "where";

    /// <summary>Chooses between two tensors, element by element.</summary>
    /// <param name="condition">Numbers of any type; what is not zero, also a NaN, chooses the left one. No gradient flows there.</param>
    /// <param name="left">Chosen where the condition holds.</param>
    /// <param name="right">Chosen elsewhere.</param>
    /// <exception cref="ShapeException">The shapes cannot be broadcast to one.</exception>
    /// <exception cref="EngineException">They are on different devices, or one of the two holds whole numbers.</exception>
    public static Tensor Apply(Tensor condition, Tensor left, Tensor right)
    {
        CheckTogether("where", left, right, condition);
        Shape shape = Broadcasting.ShapeOf("where", condition.Shape, Broadcasting.ShapeOf("where", left.Shape, right.Shape));
        DataType type = Broadcasting.TypeOf("where", left, right);
        Tensor mask = Broadcasting.OfType(condition, type);
        Tape tape = left.Device.Tape;
        Tensor output = tape.Allocate(shape, type);
        left.Device.Where(mask, Broadcasting.OfType(left, type), Broadcasting.OfType(right, type), output);
        if (tape.ShouldRecord(left, right))
        {
            new WhereOperation(mask, left, right).Record(output, saved: mask);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        using Tensor zero = Tensor.Create(Device, Shape.Scalar, Output.Type), part = Tensor.Create(Device, Output.Shape, Output.Type);
        Device.Fill(zero, 0);
        if (_left.NeedsGradient)
        {
            Device.Where(_condition, OutputGradient, zero, part);
            Broadcasting.SumInto(part, 1, Target(_left));
        }

        if (_right.NeedsGradient)
        {
            Device.Where(_condition, zero, OutputGradient, part);
            Broadcasting.SumInto(part, 1, Target(_right));
        }
    }
}
