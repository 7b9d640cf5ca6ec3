namespace Engine;

/// <summary>y = tensors one behind the other along one axis. Backward: each input's gradient is its part of dy.</summary>
public sealed class ConcatenateOperation : Operation
{
    private readonly Tensor[] _inputs;
    private readonly int _axis;

    private ConcatenateOperation(Tensor[] inputs, int axis) => (_inputs, _axis) = (inputs, axis);

    /// <inheritdoc/>
    public override string Name => "concatenate";

    /// <summary>Joins tensors that have the same extents but along one axis; a tensor may be there several times.</summary>
    /// <param name="inputs">At least one tensor of real numbers.</param>
    /// <param name="axis">The axis along which they are joined; negative ones are counted from the end.</param>
    /// <exception cref="ShapeException">There are no inputs, or their other extents differ.</exception>
    /// <exception cref="EngineException">They are on different devices or of different types.</exception>
    public static Tensor Apply(ReadOnlySpan<Tensor> inputs, int axis)
    {
        if (inputs.Length == 0)
        {
            throw new ShapeException("concatenate: there must be at least one input");
        }

        Tensor first = inputs[0];
        axis = Axes.Normalize("concatenate", first.Shape, axis);
        int[] extents = first.Shape.ToArray();
        extents[axis] = 0;
        foreach (Tensor input in inputs)
        {
            CheckTogether("concatenate", first, input);
            Broadcasting.RequireFloating("concatenate", input);
            int[] others = input.Shape.ToArray();
            int extent = axis < others.Length ? others[axis] : 0;
            if (others.Length != extents.Length || others.Where((_, i) => i != axis).SequenceEqual(extents.Where((_, i) => i != axis)) is false)
            {
                throw new ShapeException($"concatenate: {first.Shape} and {input.Shape} must have the same extents but along axis {axis}");
            }

            if (input.Type != first.Type)
            {
                throw new EngineException($"concatenate: {first} and {input} hold different types; convert one of them first");
            }

            extents[axis] = checked(extents[axis] + extent);
        }

        Tape tape = first.Device.Tape;
        Tensor output = tape.Allocate(new Shape(extents), first.Type);
        Tensor[] all = inputs.ToArray();
        ForEachPart(all, axis, output.Shape, (input, part) =>
            input.Device.CopyStrided(input, Strides.Of(input.Shape), output, part, input.Shape, accumulate: false));
        if (tape.ShouldRecord(inputs))
        {
            new ConcatenateOperation(all, axis).Record(output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward() => ForEachPart(_inputs, _axis, Output.Shape, (input, part) =>
    {
        if (Target(input) is { Gradient: { } target } into)
        {
            Device.CopyStrided(OutputGradient, part, target, Strides.Of(target.Shape), target.Shape, into.Accumulate);
        }
    });

    private static void ForEachPart(Tensor[] inputs, int axis, Shape whole, Action<Tensor, Strides> action)
    {
        Strides strides = Strides.Of(whole);
        int[] steps = [.. Enumerable.Range(0, whole.Rank).Select(i => strides[i])];
        int position = 0;
        foreach (Tensor input in inputs)
        {
            action(input, new Strides(position * strides[axis], steps));
            position += input.Shape[axis];
        }
    }
}
