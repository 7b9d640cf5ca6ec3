namespace Engine;

/// <summary>
/// y = 1 / (1 + exp(-x)), the gate of a highway block. Backward: dx = dy y (1 - y), since s'(x) = exp(-x) / (1 + exp(-x))^2 =
/// s(x) (1 - s(x)); only the output is kept.
/// </summary>
public sealed class SigmoidOperation : Operation
{
    private readonly Tensor _input;

    private SigmoidOperation(Tensor input) => _input = input;

    /// <inheritdoc/>
    public override string Name => "sigmoid";

    /// <summary>Applies the operation to a tensor of any shape.</summary>
    public static Tensor Apply(Tensor input)
    {
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.Sigmoid(input, output);
        if (tape.ShouldRecord(input))
        {
            new SigmoidOperation(input).Record(output, saved: output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_input, out Tensor gradient))
        {
            Device.SigmoidBackward(gradient, Output, gradient);
        }
        else
        {
            Device.SigmoidBackward(OutputGradient, Output, Target(_input));
        }
    }
}
