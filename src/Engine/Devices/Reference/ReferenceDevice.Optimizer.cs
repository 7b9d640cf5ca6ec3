namespace Engine;

/// <content>Optimizers.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void SetValuesCore(Tensor output, ReadOnlySpan<double> values) => values.CopyTo(NumbersToWrite(output));

    /// <inheritdoc/>
    protected override void SgdStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings)
    {
        ReadOnlySpan<double> set = Numbers(settings);
        (double rate, double momentum, bool isNesterov) = (set[0], set[1], set[2] != 0);
        foreach (ParameterUpdate parameter in parameters)
        {
            ReadOnlySpan<double> gradients = Numbers(parameter.Gradient);
            Span<double> values = NumbersToWrite(parameter.Value);
            Span<double> velocities = parameter.First is null ? [] : NumbersToWrite(parameter.First);
            for (int i = 0; i < values.Length; i++)
            {
                double d = gradients[i] + (parameter.WeightDecay * values[i]);
                double velocity = d;
                if (!velocities.IsEmpty)
                {
                    velocity += momentum * velocities[i];
                    velocities[i] = velocity;
                }

                values[i] -= rate * parameter.RateFactor * (isNesterov ? d + (momentum * velocity) : velocity);
            }
        }
    }

    /// <inheritdoc/>
    protected override void AdamWStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings)
    {
        ReadOnlySpan<double> set = Numbers(settings);
        (double rate, double stepSize, double epsilon, double rootOfCorrection) = (set[0], set[1], set[6], set[7]);
        (double beta1, double rest1, double beta2, double rest2) = (set[2], set[3], set[4], set[5]);
        foreach (ParameterUpdate parameter in parameters)
        {
            ReadOnlySpan<double> gradients = Numbers(parameter.Gradient);
            Span<double> values = NumbersToWrite(parameter.Value);
            Span<double> means = NumbersToWrite(parameter.First!), squares = NumbersToWrite(parameter.Second!);
            for (int i = 0; i < values.Length; i++)
            {
                double gradient = gradients[i];
                means[i] = (beta1 * means[i]) + (rest1 * gradient);
                squares[i] = (beta2 * squares[i]) + (rest2 * gradient * gradient);
                double decayed = values[i] - (rate * parameter.RateFactor * parameter.WeightDecay * values[i]);
                values[i] = decayed - (stepSize * parameter.RateFactor * means[i] / ((Math.Sqrt(squares[i]) / rootOfCorrection) + epsilon));
            }
        }
    }

    /// <inheritdoc/>
    protected override void MoveAveragesCore(ReadOnlySpan<ParameterUpdate> averages, Tensor settings)
    {
        double step = Numbers(settings)[0];
        foreach (ParameterUpdate average in averages)
        {
            ReadOnlySpan<double> weights = Numbers(average.Gradient);
            Span<double> values = NumbersToWrite(average.Value);
            for (int i = 0; i < values.Length; i++)
            {
                values[i] += step * (weights[i] - values[i]);
            }
        }
    }

    /// <inheritdoc/>
    protected override void GradientNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm)
    {
        double sum = 0;
        foreach (Tensor gradient in gradients)
        {
            foreach (double value in Numbers(gradient))
            {
                sum += value * value;
            }
        }

        NumbersToWrite(norm)[0] = Math.Sqrt(sum);
    }

    /// <inheritdoc/>
    protected override void ClipByNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum)
    {
        double factor = Math.Min(1, maximum / (Numbers(norm)[0] + 1e-6)); // Math.Min passes a NaN on.
        foreach (Tensor gradient in gradients)
        {
            foreach (ref double value in NumbersToWrite(gradient))
            {
                value *= factor;
            }
        }
    }

    /// <inheritdoc/>
    protected override void ClipByValueCore(ReadOnlySpan<Tensor> gradients, double limit)
    {
        foreach (Tensor gradient in gradients)
        {
            foreach (ref double value in NumbersToWrite(gradient))
            {
                value = Math.Min(Math.Max(value, -limit), limit);
            }
        }
    }
}
