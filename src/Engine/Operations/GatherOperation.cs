namespace Engine;

/// <summary>
/// y[a, i, b] = x[a, k(i), b]: elements of one axis, chosen by a tensor of indices k; with the rows of a table this is an embedding. Backward:
/// an element that was chosen several times gets the sum, dx[a, k, b] = sum of dy[a, i, b] over all i with k(i) = k, in the order of i.
/// </summary>
public sealed class GatherOperation : Operation
{
    private readonly Tensor _input, _indices;
    private readonly int _axis;

    private GatherOperation(Tensor input, Tensor indices, int axis) => (_input, _indices, _axis) = (input, indices, axis);

    /// <inheritdoc/>
    public override string Name => "gather";

    /// <summary>Chooses elements along one axis.</summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="indices">Int32 of any shape, each from 0 to the axis' extent less 1; its axes take the place of the axis.</param>
    /// <param name="axis">The axis; negative ones are counted from the end.</param>
    /// <exception cref="ShapeException">There is no such axis, or the result has more than four.</exception>
    /// <exception cref="EngineException">The indices are not Int32, or one is outside (on a GPU those give NaN instead).</exception>
    public static Tensor Apply(Tensor input, Tensor indices, int axis = 0)
    {
        CheckTogether("gather", input, indices);
        Broadcasting.RequireFloating("gather", input);
        axis = Axes.Normalize("gather", input.Shape, axis);
        if (indices.Type != DataType.Int32)
        {
            throw new EngineException($"gather: the indices must be Int32, but are {indices}");
        }

        int[] extents = [.. input.Shape.ToArray()[..axis], .. indices.Shape.ToArray(), .. input.Shape.ToArray()[(axis + 1)..]];
        if (extents.Length > Shape.MaxRank)
        {
            throw new ShapeException(
                $"gather: input {input.Shape} by indices {indices.Shape} would have {extents.Length} axes, but a shape has at most {Shape.MaxRank}");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(new Shape(extents), input.Type);
        input.Device.Gather(input, indices, axis, output);
        if (tape.ShouldRecord(input))
        {
            new GatherOperation(input, indices, axis).Record(output, saved: indices);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Device.GatherBackward(OutputGradient, _indices, _axis, Target(_input));
    }
}
