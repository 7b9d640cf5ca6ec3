namespace Engine;

/// <summary>y = f x with a fixed number f. Backward: dx = f dy.</summary>
public sealed class ScaleOperation : Operation
{
    private readonly Tensor _input;
    private readonly double _factor;

    private ScaleOperation(Tensor input, double factor)
    {
        _input = input;
        _factor = factor;
    }

    /// <inheritdoc/>
    public override string Name => "scale";

    /// <summary>Multiplies every element of a tensor of any shape by a number.</summary>
    public static Tensor Apply(Tensor input, double factor)
    {
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.Scale(input, factor, output, accumulate: false);
        if (tape.ShouldRecord(input))
        {
            new ScaleOperation(input, factor).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_input, out Tensor gradient))
        {
            Device.Scale(gradient, _factor, gradient, accumulate: false);
        }
        else if (Target(_input) is { Gradient: { } target } into)
        {
            Device.Scale(OutputGradient, _factor, target, into.Accumulate);
        }
    }
}
