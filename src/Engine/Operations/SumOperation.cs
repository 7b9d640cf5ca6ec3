namespace Engine;

/// <summary>
/// y = f sum of all x, a single number: the sum with f = 1, the <see cref="MeanOperation"/> with f = 1 / count. Backward: dx = f dy at every element.
/// </summary>
public sealed class SumOperation : Operation
{
    private readonly Tensor _input;
    private readonly double _factor;

    private SumOperation(Tensor input, double factor)
    {
        _input = input;
        _factor = factor;
    }

    /// <inheritdoc/>
    public override string Name => "sum";

    /// <summary>Adds all elements of a tensor of any shape up to one number, of shape [].</summary>
    public static Tensor Apply(Tensor input) => Apply(input, Reduction.Sum, 1);

    internal static Tensor Apply(Tensor input, Reduction reduction, double factor)
    {
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(Shape.Scalar, input.Type);
        input.Device.Reduce(reduction, input, output);
        if (tape.ShouldRecord(input))
        {
            new SumOperation(input, factor).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_input) is not { Gradient: { } target } into)
        {
            return;
        }

        if (!into.Accumulate)
        {
            Device.Fill(target, _factor);
            Device.ScaleBy(target, OutputGradient, target, accumulate: false);
            return;
        }

        using Tensor constant = Tensor.Borrow(Device, target.Shape, target.Type);
        Device.Fill(constant, _factor);
        Device.ScaleBy(constant, OutputGradient, target, accumulate: true);
    }
}
