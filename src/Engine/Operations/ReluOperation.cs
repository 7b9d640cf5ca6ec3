namespace Engine;

/// <summary>
/// y = max(x, 0). Backward: dx = dy where y &gt; 0, else 0 (the subgradient 0 at the kink, as PyTorch takes it). The mask is read
/// off the output, so the input need not be kept.
/// </summary>
public sealed class ReluOperation : Operation
{
    private readonly Tensor _input;

    private ReluOperation(Tensor input) => _input = input;

    /// <inheritdoc/>
    public override string Name => "relu";

    /// <inheritdoc/>
    protected internal override Tensor? KinkPattern => Output;

    /// <summary>Applies the operation to a tensor of any shape.</summary>
    public static Tensor Apply(Tensor input)
    {
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.Relu(input, output);
        if (tape.ShouldRecord(input))
        {
            new ReluOperation(input).Record(output, saved: output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_input, out Tensor gradient))
        {
            Device.ReluBackward(gradient, Output, gradient);
        }
        else
        {
            Device.ReluBackward(OutputGradient, Output, Target(_input));
        }
    }
}
