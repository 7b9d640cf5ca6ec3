namespace Engine;

/// <summary>
/// y[..., c] = x[..., c] + b[c]. Backward: dx = dy, unchanged; db[c] = sum of dy[..., c] over all other axes.
/// </summary>
public sealed class AddBiasOperation : Operation
{
    private readonly Tensor _input;
    private readonly Tensor _bias;

    private AddBiasOperation(Tensor input, Tensor bias)
    {
        _input = input;
        _bias = bias;
    }

    /// <inheritdoc/>
    public override string Name => "bias";

    /// <summary>Adds a bias [C] to each row of an input [..., C].</summary>
    /// <exception cref="ShapeException">The bias does not have one number a channel.</exception>
    public static Tensor Apply(Tensor input, Tensor bias)
    {
        CheckTogether("bias", input, bias);
        if (bias.Shape != new Shape(input.Shape.Last))
        {
            throw new ShapeException($"bias: input {input.Shape} has {input.Shape.Last} channels, but the bias is {bias.Shape}");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.AddBias(input, bias, output);
        if (tape.ShouldRecord(input, bias))
        {
            new AddBiasOperation(input, bias).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Device.BiasBackward(OutputGradient, Target(_bias));

        if (!TryDonate(_input, out _) && Target(_input) is { Gradient: { } inputGradient } into)
        {
            Device.Scale(OutputGradient, 1, inputGradient, into.Accumulate);
        }
    }
}
