namespace Engine.Devices.Reference;

/// <content>The optimiser's step.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    public override void SgdStep(ReadOnlySpan<SgdParameter> parameters, in SgdOptions options)
    {
        foreach (SgdParameter parameter in parameters)
        {
            ReadOnlySpan<double> gradients = Numbers(parameter.Gradient);
            Span<double> values = NumbersToWrite(parameter.Value);
            Span<double> velocities = parameter.Velocity is null ? [] : NumbersToWrite(parameter.Velocity);
            for (int i = 0; i < values.Length; i++)
            {
                double d = gradients[i] + (parameter.WeightDecay * values[i]);
                double velocity = d;
                if (!velocities.IsEmpty)
                {
                    velocity += options.Momentum * velocities[i];
                    velocities[i] = velocity;
                }

                values[i] -= options.LearningRate * (options.Nesterov ? d + (options.Momentum * velocity) : velocity);
            }
        }
    }
}
