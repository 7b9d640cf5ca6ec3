namespace Engine;

/// <summary>
/// y = f(a, b), element by element, for the functions of <see cref="BinaryFunction"/>, a and b broadcast to one shape. Backward: da = dy
/// df/da and db = dy df/db, each summed over the axes along which its input was broadcast, since an element that is used many times gets
/// the sum of what its uses get. a + b: 1, 1; a - b: 1, -1; a b: b, a; a / b: 1/b, -a/b²; a^b: b a^(b-1), y log a; max(a, b): 1 to the
/// larger one, 1/2 to each of equals.
/// </summary>
public sealed class BinaryOperation : Operation
{
    private readonly BinaryFunction _function;
    private readonly Tensor _left, _right;

    // The inputs, or copies in the type of the output.
    private readonly Tensor _a, _b;

    private BinaryOperation(BinaryFunction function, Tensor left, Tensor right, Tensor a, Tensor b) =>
        (_function, _left, _right, _a, _b) = (function, left, right, a, b);

    /// <inheritdoc/>
    public override string Name => _function.DisplayName();

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern
    {
        get
        {
            if (_function != BinaryFunction.Maximum)
            {
                return null;
            }

            Tensor isLeft = Device.Tape.Allocate(Output.Shape, Output.Type);
            Device.Binary(BinaryFunction.Greater, _a, _b, isLeft);
            return isLeft;
        }
    }

    private bool IsSum => _function is BinaryFunction.Add or BinaryFunction.Subtract;

    /// <summary>Applies a function to two tensors whose shapes are equal or differ by ones; they may be the same tensor.</summary>
    /// <exception cref="ShapeException">The shapes cannot be broadcast to one; the message names both.</exception>
    /// <exception cref="EngineException">They are on different devices, or one holds whole numbers.</exception>
    public static Tensor Apply(BinaryFunction function, Tensor left, Tensor right)
    {
        string name = function.DisplayName();
        CheckTogether(name, left, right);
        Shape shape = Broadcasting.ShapeOf(name, left.Shape, right.Shape);
        DataType type = Broadcasting.TypeOf(name, left, right);
        Tensor a = Broadcasting.OfType(left, type), b = Broadcasting.OfType(right, type);
        Tape tape = left.Device.Tape;
        Tensor output = tape.Allocate(shape, type);
        left.Device.Binary(function, a, b, output);
        if (function.HasSlope() && tape.ShouldRecord(left, right))
        {
            BinaryOperation operation = new(function, left, right, a, b);
            if (operation.IsSum)
            {
                operation.Record(output);
            }
            else
            {
                operation.Record(output, a, b);
            }
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        // The right input first: afterwards the left one may take the output's gradient and change it in place.
        Deliver(_right, byRight: true);
        if (_left.Shape == Output.Shape && TryDonate(_left, out Tensor gradient))
        {
            if (!IsSum)
            {
                Device.BinaryBackward(_function, false, gradient, _a, _b, gradient);
            }
        }
        else
        {
            Deliver(_left, byRight: false);
        }
    }

    private void Deliver(Tensor input, bool byRight)
    {
        if (Target(input) is not { Gradient: { } target } into)
        {
            return;
        }

        if (IsSum)
        {
            Broadcasting.SumInto(OutputGradient, byRight && _function == BinaryFunction.Subtract ? -1 : 1, into);
        }
        else if (target.Shape == Output.Shape && target.Type == Output.Type)
        {
            Device.BinaryBackward(_function, byRight, OutputGradient, _a, _b, into);
        }
        else
        {
            using Tensor all = Tensor.Create(Device, Output.Shape, Output.Type);
            Device.BinaryBackward(_function, byRight, OutputGradient, _a, _b, all);
            Broadcasting.SumInto(all, 1, into);
        }
    }
}
