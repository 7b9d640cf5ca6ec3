namespace Engine;

/// <summary>
/// y = f sum of x over some axes: the sum with f = 1, the mean with f = 1 / count. Backward: every element has the slope f, so dx = f dy,
/// repeated along those axes.
/// </summary>
public sealed class SumAxesOperation : Operation
{
    private readonly Tensor _input;
    private readonly Shape _reduced;
    private readonly double _factor;
    private readonly string _name;

    private SumAxesOperation(string name, Tensor input, Shape reduced, double factor) => (_name, _input, _reduced, _factor) = (name, input, reduced, factor);

    /// <inheritdoc/>
    public override string Name => _name;

    /// <summary>Adds up a tensor of any shape over some of its axes.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axes">The axes, negative ones counted from the end; all where none is given.</param>
    /// <param name="keepAxes">Whether they stay, with extent 1.</param>
    /// <param name="isMean">Whether to divide by how many elements become one.</param>
    /// <exception cref="ShapeException">There is no such axis, or the mean would be that of no elements.</exception>
    public static Tensor Apply(Tensor input, ReadOnlySpan<int> axes, bool keepAxes = false, bool isMean = false)
    {
        string name = isMean ? "mean" : "sum";
        Broadcasting.RequireFloating(name, input);
        Shape reduced = Axes.Reduced(name, input.Shape, axes);
        double count = Axes.CountOf(input.Shape, reduced);
        if (isMean && count == 0)
        {
            throw new ShapeException($"mean: input {input.Shape} has no elements to average along the given axes");
        }

        Tape tape = input.Device.Tape;
        double factor = isMean ? 1 / count : 1;
        Tensor output = tape.Allocate(keepAxes ? reduced : Axes.Without(input.Shape, axes), input.Type);
        using (Tensor view = output.View(reduced, isTapeOwned: false))
        {
            input.Device.SumAxes(input, factor, view, accumulate: false);
        }

        if (tape.ShouldRecord(input))
        {
            new SumAxesOperation(name, input, reduced, factor).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_input) is { Gradient: { } target } into)
        {
            using Tensor share = Tensor.Create(Device, _reduced, Output.Type);
            Device.Scale(OutputGradient, _factor, share, accumulate: false);
            Device.CopyStrided(share, Strides.Broadcast(_reduced, target.Shape), target, Strides.Of(target.Shape), target.Shape, into.Accumulate);
        }
    }
}
