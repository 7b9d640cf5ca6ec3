namespace Engine.Devices.Reference;

/// <content>The optimiser's step.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    public override void SgdStep(ReadOnlySpan<SgdParameter> parameters, in SgdOptions options)
    {
        foreach (SgdParameter parameter in parameters)
        {
            Span<double> values = Numbers(parameter.Value), gradients = Numbers(parameter.Gradient);
            for (int i = 0; i < values.Length; i++)
            {
                double d = gradients[i] + (parameter.WeightDecay * values[i]);
                double velocity = d;
                if (parameter.Velocity is not null)
                {
                    velocity += options.Momentum * Numbers(parameter.Velocity)[i];
                    Numbers(parameter.Velocity)[i] = velocity;
                }

                values[i] -= options.LearningRate * (options.Nesterov ? d + (options.Momentum * velocity) : velocity);
            }

            parameter.Value.MarkWritten();
            parameter.Velocity?.MarkWritten();
        }
    }
}
