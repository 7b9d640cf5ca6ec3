namespace Engine;

/// <summary>
/// y_k = exp(x_k) / sum of exp(x_l) over the last axis, or its logarithm y_k = x_k - log sum of exp(x_l). Backward: dy_k/dx_l = y_k (1[k = l] - y_l)
/// gives dx_k = y_k (dy_k - sum of dy_l y_l); the logarithm's slope 1[k = l] - exp(y_l) gives dx_k = dy_k - exp(y_k) sum of dy_l. Only the
/// output is kept.
/// </summary>
public sealed class SoftmaxOperation : Operation
{
    private readonly Tensor _input;
    private readonly bool _isLog;

    private SoftmaxOperation(Tensor input, bool isLog) => (_input, _isLog) = (input, isLog);

    /// <inheritdoc/>
    public override string Name => _isLog ? "log_softmax" : "softmax";

    /// <summary>Applies the operation to each row of the last axis.</summary>
    /// <param name="input">Real numbers of any shape but that of a single number.</param>
    /// <param name="isLog">Whether the logarithm is meant, which stays exact where a probability is too small for a float.</param>
    /// <exception cref="ShapeException">The input is a single number, without an axis.</exception>
    public static Tensor Apply(Tensor input, bool isLog = false)
    {
        string name = isLog ? "log_softmax" : "softmax";
        Broadcasting.RequireFloating(name, input);
        if (input.Shape.Rank == 0)
        {
            throw new ShapeException($"{name}: input {input.Shape} has no axis to sum over");
        }

        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(input.Shape, input.Type);
        input.Device.Softmax(input, isLog, output);
        if (tape.ShouldRecord(input))
        {
            new SoftmaxOperation(input, isLog).Record(output, saved: output);
        }

        return output;
    }

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        if (TryDonate(_input, out Tensor gradient))
        {
            Device.SoftmaxBackward(gradient, Output, _isLog, gradient);
        }
        else
        {
            Device.SoftmaxBackward(OutputGradient, Output, _isLog, Target(_input));
        }
    }
}
