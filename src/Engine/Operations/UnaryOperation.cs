namespace Engine;

/// <summary>
/// y = f(x), element by element, for the functions of <see cref="UnaryFunction"/>; p is a fixed number. Backward: dx = dy f'(x), with
/// e^x: y; log x: 1/x; sqrt x: 1/(2y); tanh x: 1 - y²; |x|: the sign of x; x + p: 1; x/p: 1/p; p/x: -p/x²; x^p: p x^(p-1);
/// p^x: y log p; max(x, p): 1 where x &gt;= p, else 0; GELU: Φ(x) + x φ(x), Φ and φ being the normal distribution and its density; its
/// approximation by t = tanh(u): (1 + t) / 2 + x (1 - t²) u' / 2.
/// </summary>
public sealed class UnaryOperation : Operation
{
    private readonly UnaryFunction _function;
    private readonly double _parameter;
    private readonly Tensor _input;

    private UnaryOperation(UnaryFunction function, double parameter, Tensor input) => (_function, _parameter, _input) = (function, parameter, input);

    /// <inheritdoc/>
    public override string Name => _function.DisplayName();

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern
    {
        get
        {
            if (_function != UnaryFunction.Maximum)
            {
                return _function == UnaryFunction.Abs ? _input : null;
            }

            Tensor distance = Device.Tape.Allocate(_input.Shape, _input.Type);
            Device.Unary(UnaryFunction.Add, _input, -_parameter, distance);
            return distance;
        }
    }

    /// <summary>Applies a function to a tensor of any shape.</summary>
    /// <param name="function">The function.</param>
    /// <param name="input">Real numbers.</param>
    /// <param name="parameter">The function's p; not read of functions that have none.</param>
    /// <exception cref="EngineException">The tensor holds whole numbers.</exception>
    public static Tensor Apply(UnaryFunction function, Tensor input, double parameter = 0)
    {
        Broadcasting.RequireFloating(function.DisplayName(), input);
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.Unary(function, input, parameter, output);
        if (tape.ShouldRecord(input))
        {
            UnaryOperation operation = new(function, parameter, input);
            if (function.IsLinear())
            {
                operation.Record(output);
            }
            else
            {
                operation.Record(output, saved: function.SlopeReadsOutput() ? output : input);
            }
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_input, out Tensor gradient))
        {
            if (_function != UnaryFunction.Add)
            {
                Device.UnaryBackward(_function, _parameter, gradient, SavedOr(gradient), gradient);
            }
        }
        else
        {
            Device.UnaryBackward(_function, _parameter, OutputGradient, SavedOr(OutputGradient), Target(_input));
        }
    }

    // A function with the same slope everywhere has nothing saved, and reads nothing.
    private Tensor SavedOr(Tensor gradient) => _function.IsLinear() ? gradient : _function.SlopeReadsOutput() ? Output : _input;
}
