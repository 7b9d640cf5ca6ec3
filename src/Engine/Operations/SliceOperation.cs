namespace Engine;

/// <summary>y = x from one position to another along one axis, every one or every few. Backward: dx = dy where an element was taken, 0 elsewhere.</summary>
public sealed class SliceOperation : Operation
{
    private readonly Tensor _input;
    private readonly Strides _part;

    private SliceOperation(Tensor input, Strides part) => (_input, _part) = (input, part);

    /// <inheritdoc/>
    public override string Name => "slice";

    /// <summary>Copies a part of a tensor.</summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="axis">The axis along which a part is taken; negative ones are counted from the end.</param>
    /// <param name="range">From which position up to which, the end excluded, such as 2..5 or ..^1.</param>
    /// <param name="step">Every how many positions one is taken.</param>
    /// <exception cref="ShapeException">There is no such axis, or the range reaches outside.</exception>
    public static Tensor Apply(Tensor input, int axis, Range range, int step = 1)
    {
        Broadcasting.RequireFloating("slice", input);
        axis = Axes.Normalize("slice", input.Shape, axis);
        int extent = input.Shape[axis], start = range.Start.GetOffset(extent), end = range.End.GetOffset(extent);
        if (start < 0 || end > extent || start > end || step < 1)
        {
            throw new ShapeException(
                $"slice: {range} in steps of {step} is no part of axis {axis} of input {input.Shape}, with positions 0 to {extent - 1}; a step is 1 or more");
        }

        int[] extents = input.Shape.ToArray(), strides = new int[extents.Length];
        Strides own = Strides.Of(input.Shape);
        for (int i = 0; i < strides.Length; i++)
        {
            strides[i] = i == axis ? checked(own[i] * step) : own[i];
        }

        extents[axis] = (end - start + step - 1) / step;
        Strides part = new(start * own[axis], strides);
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(new Shape(extents), input.Type);
        input.Device.CopyStrided(input, part, output, Strides.Of(output.Shape), output.Shape, accumulate: false);
        if (tape.ShouldRecord(input))
        {
            new SliceOperation(input, part).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_input) is { Gradient: { } target } into)
        {
            if (!into.Accumulate)
            {
                Device.Fill(target, 0);
            }

            Device.CopyStrided(OutputGradient, Strides.Of(Output.Shape), target, _part, Output.Shape, into.Accumulate);
        }
    }
}
