namespace Engine;

/// <summary>
/// The same numbers in another shape, without a copy: the output is a view of the input's memory. Backward: dx = dy in the
/// input's shape, handed over as a view as well.
/// </summary>
public sealed class ReshapeOperation : Operation
{
    private readonly Tensor _input;

    private ReshapeOperation(Tensor input) => _input = input;

    /// <inheritdoc/>
    public override string Name => "reshape";

    /// <summary>Gives a tensor another shape of equal element count.</summary>
    /// <exception cref="ShapeException">The element counts differ.</exception>
    public static Tensor Apply(Tensor input, Shape shape)
    {
        if (shape.ElementCount != input.Shape.ElementCount)
        {
            throw new ShapeException(
                $"reshape: input {input.Shape} has {input.Shape.ElementCount} elements, but shape {shape} holds {shape.ElementCount}");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.AllocateView(input, shape);
        if (tape.ShouldRecord(input))
        {
            new ReshapeOperation(input).Record(output);
        }

        return output;
    }

    /// <summary>
    /// Makes a matrix [N, H W C] of activations [N, H, W, C], one row an image. With more than one pixel the order within a row is
    /// channels last, so that weights behind it which come from a channels-first library need their columns reordered.
    /// </summary>
    /// <exception cref="ShapeException">The input is a single number, without a batch axis.</exception>
    public static Tensor Flatten(Tensor input)
    {
        if (input.Shape.Rank == 0)
        {
            throw new ShapeException($"flatten: input {input.Shape} has no batch axis");
        }

        int rows = input.Shape[0];
        int columns = 1;
        for (int axis = 1; axis < input.Shape.Rank; axis++)
        {
            columns = checked(columns * input.Shape[axis]);
        }

        return Apply(input, new Shape(rows, columns));
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (!TryDonate(_input, out _) && Target(_input) is { Gradient: { } target } into)
        {
            Tensor gradient = OutputGradient.View(_input.Shape, isTapeOwned: true);
            Device.Scale(gradient, 1, target, into.Accumulate);
            gradient.ReleaseMemory();
        }
    }
}
