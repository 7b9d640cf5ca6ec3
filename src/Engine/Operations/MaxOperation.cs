namespace Engine;

/// <summary>
/// y = the largest x over some axes. Backward: a small change of the largest element changes y by as much, one of another element not at
/// all. Where n elements are equally large, each gets dy / n, as from PyTorch's amax: all of them are alike, whatever their order.
/// </summary>
public sealed class MaxOperation : Operation
{
    private readonly Tensor _input, _isLargest;
    private readonly Shape _reduced;

    private MaxOperation(Tensor input, Tensor isLargest, Shape reduced) => (_input, _isLargest, _reduced) = (input, isLargest, reduced);

    /// <inheritdoc/>
    public override string Name => "max";

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern => _isLargest;

    /// <summary>Takes the largest elements of a tensor of any shape over some of its axes; a NaN wins.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axes">The axes, negative ones counted from the end; all where none is given.</param>
    /// <param name="keepAxes">Whether they stay, with extent 1.</param>
    /// <exception cref="ShapeException">There is no such axis, or no elements along one.</exception>
    public static Tensor Apply(Tensor input, ReadOnlySpan<int> axes, bool keepAxes = false)
    {
        Broadcasting.RequireFloating("max", input);
        Shape reduced = Axes.Reduced("max", input.Shape, axes);
        if (Axes.CountOf(input.Shape, reduced) == 0)
        {
            throw new ShapeException($"max: input {input.Shape} has no elements along the given axes, of which one could be the largest");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(keepAxes ? reduced : Axes.Without(input.Shape, axes), input.Type);
        using Tensor view = output.View(reduced, isTapeOwned: false);
        input.Device.MaxAxes(input, view);
        if (tape.ShouldRecord(input))
        {
            Tensor isLargest = tape.Allocate(input.Shape, input.Type);
            input.Device.Binary(BinaryFunction.Equal, input, view, isLargest);
            new MaxOperation(input, isLargest, reduced).Record(output, saved: isLargest);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_input) is { Gradient: not null } into)
        {
            using Tensor share = Tensor.Create(Device, _reduced, Output.Type), count = Tensor.Create(Device, _reduced, Output.Type);
            using Tensor gradient = OutputGradient.View(_reduced, isTapeOwned: false);
            Device.SumAxes(_isLargest, 1, count, accumulate: false);
            Device.Binary(BinaryFunction.Divide, gradient, count, share);

            // The slope of a product by its left factor is the right one: what is largest times its share.
            Device.BinaryBackward(BinaryFunction.Multiply, false, _isLargest, _isLargest, share, into);
        }
    }
}
