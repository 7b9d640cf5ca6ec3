namespace Engine;

/// <summary>
/// y = sum of (x - m)² / D over some axes, m being the mean and D the number M of elements, or M - 1 for the unbiased estimate. Backward:
/// dy/dx_i = 2 / D ((x_i - m) - (sum of (x_j - m)) / M), and that sum is zero: dx = dy 2 (x - m) / D.
/// </summary>
/// <remarks>The mean is kept in the input's type: in bfloat16 the variance of numbers far from zero is as coarse as that.</remarks>
public sealed class VarianceOperation : Operation
{
    private readonly Tensor _input, _mean;
    private readonly double _divisor;

    private VarianceOperation(Tensor input, Tensor mean, double divisor) => (_input, _mean, _divisor) = (input, mean, divisor);

    /// <inheritdoc/>
    public override string Name => "variance";

    /// <summary>Takes the variance of a tensor of any shape over some of its axes.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axes">The axes, negative ones counted from the end; all where none is given.</param>
    /// <param name="unbiased">Whether to divide by one less than the number of elements: the estimate from a sample. Of one element that is NaN.</param>
    /// <param name="keepAxes">Whether the axes stay, with extent 1.</param>
    /// <exception cref="ShapeException">There is no such axis, or no elements along one.</exception>
    public static Tensor Apply(Tensor input, ReadOnlySpan<int> axes, bool unbiased = true, bool keepAxes = false)
    {
        Broadcasting.RequireFloating("variance", input);
        Shape reduced = Axes.Reduced("variance", input.Shape, axes);
        double count = Axes.CountOf(input.Shape, reduced);
        if (count == 0)
        {
            throw new ShapeException($"variance: input {input.Shape} has no elements along the given axes");
        }

        (Device device, Tape tape) = (input.Device, input.Device.Tape);
        double divisor = unbiased ? count - 1 : count;
        Tensor output = tape.Allocate(keepAxes ? reduced : Axes.Without(input.Shape, axes), input.Type), mean = tape.Allocate(reduced, input.Type);
        using Tensor distances = Tensor.Create(device, input.Shape, input.Type), view = output.View(reduced, isTapeOwned: false);
        device.SumAxes(input, 1 / count, mean, accumulate: false);
        device.Binary(BinaryFunction.Subtract, input, mean, distances);
        device.Multiply(distances, distances, distances);
        device.SumAxes(distances, 1 / divisor, view, accumulate: false);
        if (tape.ShouldRecord(input))
        {
            new VarianceOperation(input, mean, divisor).Record(output, input, mean);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_input) is { Gradient: not null } into)
        {
            using Tensor share = Tensor.Create(Device, _mean.Shape, Output.Type), distances = Tensor.Create(Device, _input.Shape, _input.Type);
            Device.Scale(OutputGradient, 2 / _divisor, share, accumulate: false);
            Device.Binary(BinaryFunction.Subtract, _input, _mean, distances);

            // The slope of a product by its left factor is the right one: each distance times its share.
            Device.BinaryBackward(BinaryFunction.Multiply, false, distances, distances, share, into);
        }
    }
}
