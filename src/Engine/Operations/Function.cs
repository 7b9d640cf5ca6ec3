namespace Engine;

/// <summary>
/// An operation of a program's own, given by two functions: the forward, made of a device's primitives or of other operations, and the
/// hand-derived backward, made of operations. Nothing inside either is recorded. A class derived from <see cref="Operation"/> says more
/// precisely what it keeps and where gradients go, and is faster; see docs/adding-an-operation.md.
/// </summary>
public sealed class Function : Operation
{
    private readonly string _name;
    private readonly Tensor[] _inputs;
    private readonly Func<Tensor, Tensor, IReadOnlyList<Tensor?>> _backward;

    private Function(string name, Tensor[] inputs, Func<Tensor, Tensor, IReadOnlyList<Tensor?>> backward) =>
        (_name, _inputs, _backward) = (name, inputs, backward);

    /// <inheritdoc/>
    public override string Name => _name;

    /// <summary>Applies a function of one tensor whose output has the input's shape.</summary>
    /// <param name="name">How errors name it.</param>
    /// <param name="input">The input.</param>
    /// <param name="forward">Writes all of its argument, the output y, by the device's primitives.</param>
    /// <param name="backward">From the gradient dy by the output, the gradient by the input, of its shape.</param>
    public static Tensor Apply(string name, Tensor input, Action<Tensor> forward, Func<Tensor, Tensor> backward)
    {
        return Apply(name, [input], () => Written(input, forward), (_, dy) => [backward(dy)]);
    }

    /// <summary>Applies a function of one tensor whose output has the input's shape and is needed again for the backward.</summary>
    /// <param name="name">How errors name it.</param>
    /// <param name="input">The input.</param>
    /// <param name="forward">Writes all of its argument, the output y, by the device's primitives.</param>
    /// <param name="backward">From the output y and the gradient dy by it, the gradient by the input, of its shape.</param>
    public static Tensor Apply(string name, Tensor input, Action<Tensor> forward, Func<Tensor, Tensor, Tensor> backward)
    {
        return Apply(name, [input], () => Written(input, forward), (y, dy) => [backward(y, dy)]);
    }

    /// <summary>Applies a function of one tensor.</summary>
    /// <param name="name">How errors name it.</param>
    /// <param name="input">The input.</param>
    /// <param name="forward">Computes the output by other operations; of any shape.</param>
    /// <param name="backward">From the gradient dy by the output, the gradient by the input, of its shape.</param>
    public static Tensor Apply(string name, Tensor input, Func<Tensor> forward, Func<Tensor, Tensor> backward) =>
        Apply(name, [input], forward, (_, dy) => [backward(dy)]);

    /// <summary>Applies a function of several tensors.</summary>
    /// <param name="name">How errors name it.</param>
    /// <param name="inputs">The inputs, all of which are kept for the backward.</param>
    /// <param name="forward">Computes the output by other operations; of any shape.</param>
    /// <param name="backward">From the output y and the gradient dy by it, the gradients by the inputs, each of its input's shape; null for one
    /// that is zero.</param>
    /// <exception cref="EngineException">The inputs are on different devices.</exception>
    public static Tensor Apply(
        string name, ReadOnlySpan<Tensor> inputs, Func<Tensor> forward, Func<Tensor, Tensor, IReadOnlyList<Tensor?>> backward)
    {
        if (inputs.Length == 0)
        {
            throw new ShapeException($"{name}: a function has at least one input");
        }

        CheckTogether(name, inputs[0], inputs!);
        Tape tape = inputs[0].Device.Tape;
        Tensor output = Unrecorded(tape, forward, inputs);
        if (tape.ShouldRecord(inputs))
        {
            new Function(name, inputs.ToArray(), backward).Record(output, [.. inputs, output]);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        Tape tape = Device.Tape;
        int mark = tape.Mark();
        IReadOnlyList<Tensor?> gradients = _backward(Output, OutputGradient);
        if (gradients.Count != _inputs.Length)
        {
            throw new EngineException($"{_name}: the backward returned {gradients.Count} gradients, but there are {_inputs.Length} inputs");
        }

        for (int i = 0; i < _inputs.Length; i++)
        {
            if (gradients[i] is { } gradient && gradient.Shape != _inputs[i].Shape)
            {
                throw new ShapeException(
                    $"{_name}: the backward returned a gradient {gradient.Shape} for input {i} {_inputs[i].Shape}; both must have the same shape");
            }
        }

        for (int i = 0; i < _inputs.Length; i++)
        {
            bool isItsOwn = gradients[i] is { } gradient && tape.IsOwnedSince(mark, gradient) && gradients.Count(g => ReferenceEquals(g, gradient)) == 1;
            Deliver(_inputs[i], gradients[i], isItsOwn);
        }

        tape.ReleaseOwnedSince(mark, except: null);
    }

    // A gradient that the backward has just made, for this input alone, becomes the input's as it is.
    private void Deliver(Tensor input, Tensor? gradient, bool isItsOwn)
    {
        if (gradient is null)
        {
            if (Target(input) is { Gradient: { } zero, Accumulate: false })
            {
                Device.Fill(zero, 0);
            }
        }
        else if ((!isItsOwn || gradient.Memory.References > 1 || !TryDonateSaved(input, gradient)) && Target(input) is { Gradient: { } target } into)
        {
            Broadcasting.SumInto(gradient, 1, into);
        }
    }

    private static Tensor Written(Tensor input, Action<Tensor> forward)
    {
        Tensor output = input.Device.Tape.Allocate(input.Shape, input.Type);
        forward(output);
        return output;
    }

    private static Tensor Unrecorded(Tape tape, Func<Tensor> forward, ReadOnlySpan<Tensor> inputs)
    {
        int mark = tape.BeginNoGradient();
        Tensor? output = null;
        try
        {
            output = forward();
            if (!tape.IsOwnedSince(mark, output))
            {
                // One of the inputs, or a tensor of the program's own: the output must be a tensor of its own.
                Tensor copy = tape.Allocate(output.Shape, output.Type);
                output.Device.Copy(output, copy);
                output = copy;
            }

            return output;
        }
        finally
        {
            tape.EndNoGradient(mark, except: output);
        }
    }
}
