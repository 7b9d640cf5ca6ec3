namespace Engine;

/// <summary>A loss whose forward computes its gradient in the same pass; the backward only scales that by the upstream gradient, in place.</summary>
public abstract class LossOperation : Operation
{
    private readonly Tensor _input;
    private readonly Tensor _inputGradient;

    private protected LossOperation(Tensor input, Tensor inputGradient) => (_input, _inputGradient) = (input, inputGradient);

    /// <inheritdoc/>
    protected internal sealed override void Backward()
    {
        if (TryDonateSaved(_input, _inputGradient))
        {
            Device.ScaleBy(_inputGradient, OutputGradient, _inputGradient, accumulate: false);
        }
        else if (Target(_input) is { Gradient: { } target } into)
        {
            Device.ScaleBy(_inputGradient, OutputGradient, target, into.Accumulate);
        }
    }

    private protected static void CheckWeights(string name, Tensor input, Tensor? weights)
    {
        if (weights is null)
        {
            return;
        }

        if (weights.Shape != new Shape(input.Shape[0]))
        {
            throw new ShapeException($"{name}: weights {weights.Shape} must be one for each of the {input.Shape[0]} samples of {input.Shape}");
        }

        CheckFloat(name, "weights", weights);
    }

    private protected static void CheckFloat(string name, string what, Tensor tensor)
    {
        if (tensor.Type != tensor.Device.FloatType)
        {
            throw new EngineException($"{name}: {what} must be of {tensor.Device.FloatType}, but are of {tensor.Type}");
        }
    }
}
