namespace Engine;

/// <summary>y = x with its axes in another order: y's axis k is x's axis a(k). Backward: the numbers only move, and so does the gradient, back.</summary>
public sealed class TransposeOperation : Operation
{
    private readonly Tensor _input;
    private readonly int[] _axes;

    private TransposeOperation(Tensor input, int[] axes) => (_input, _axes) = (input, axes);

    /// <inheritdoc/>
    public override string Name => "transpose";

    /// <summary>Puts the axes of a tensor into another order; the numbers are copied.</summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="axes">For each axis of the result, which axis of the input it is; negative ones are counted from the end. Where none is
    /// given, the order is reversed: of a matrix, the transpose.</param>
    /// <exception cref="ShapeException">The axes are not each of the input's once.</exception>
    public static Tensor Apply(Tensor input, params ReadOnlySpan<int> axes)
    {
        Broadcasting.RequireFloating("transpose", input);
        int rank = input.Shape.Rank;
        int[] order = new int[rank], extents = new int[rank];
        if (axes.Length != rank && axes.Length != 0)
        {
            throw new ShapeException($"transpose: input {input.Shape} has {rank} axes, but the order of {axes.Length} is given");
        }

        for (int k = 0; k < rank; k++)
        {
            order[k] = axes.Length == 0 ? rank - 1 - k : Axes.Normalize("transpose", input.Shape, axes[k]);
            extents[k] = input.Shape[order[k]];
        }

        if (order.Distinct().Count() != rank)
        {
            throw new ShapeException($"transpose: the order [{string.Join(", ", axes.ToArray())}] does not name each axis of input {input.Shape} once");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(new Shape(extents), input.Type);
        input.Device.CopyStrided(input, Layout(input.Shape, order), output, Strides.Of(output.Shape), output.Shape, accumulate: false);
        if (tape.ShouldRecord(input))
        {
            new TransposeOperation(input, order).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (Target(_input) is { Gradient: { } target } into)
        {
            Device.CopyStrided(OutputGradient, Strides.Of(Output.Shape), target, Layout(_input.Shape, _axes), Output.Shape, into.Accumulate);
        }
    }

    private static Strides Layout(Shape shape, int[] order)
    {
        Strides own = Strides.Of(shape);
        return new Strides(0, [.. order.Select(axis => own[axis])]);
    }
}
