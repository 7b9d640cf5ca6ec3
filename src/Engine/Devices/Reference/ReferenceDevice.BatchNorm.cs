namespace Engine;

/// <content>Batch normalization (S. Ioffe, C. Szegedy, 2015).</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void BatchNormTrainingCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> means = NumbersToWrite(savedMean), inverseDeviations = NumbersToWrite(savedInverseDeviation);
        int channels = input.Shape.Last;
        int pixels = input.Shape.Rows;
        for (int c = 0; c < channels; c++)
        {
            double mean = 0;
            for (int i = 0; i < pixels; i++)
            {
                mean += x[(i * channels) + c] / pixels;
            }

            double squares = 0;
            for (int i = 0; i < pixels; i++)
            {
                double distance = x[(i * channels) + c] - mean;
                squares += distance * distance;
            }

            means[c] = mean;
            inverseDeviations[c] = 1 / Math.Sqrt((squares / pixels) + epsilon);
            if (runningMean is not null && runningVariance is not null)
            {
                // A single pixel has no unbiased variance; its deviation from its own mean, zero, stands in for it.
                double unbiased = squares / Math.Max(pixels - 1, 1);
                MoveToward(ref NumbersToWrite(runningMean)[c], mean, momentum);
                MoveToward(ref NumbersToWrite(runningVariance)[c], unbiased, momentum);
            }
        }

        Normalize(input, gamma, beta, means, inverseDeviations, shortcut, relu, output);
    }

    /// <inheritdoc/>
    protected override void BatchNormInferenceCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
        double[] inverseDeviations = new double[variance.Shape.Count];
        for (int c = 0; c < inverseDeviations.Length; c++)
        {
            inverseDeviations[c] = 1 / Math.Sqrt(Numbers(variance)[c] + epsilon);
        }

        Normalize(input, gamma, beta, Numbers(mean), inverseDeviations, shortcut, relu, output);
    }

    /// <inheritdoc/>
    protected override void BatchNormApplyCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output) =>
        Normalize(input, gamma, beta, Numbers(mean), Numbers(inverseDeviation), shortcut, relu, output);

    /// <inheritdoc/>
    protected override void BatchNormBackwardCore(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu, bool batchStatistics,
        GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        ReadOnlySpan<double> x = Numbers(input), gammas = Numbers(gamma), means = Numbers(mean), inverseDeviations = Numbers(inverseDeviation);
        int channels = input.Shape.Last;
        int pixels = input.Shape.Rows;

        // g is a copy, so that the shortcut's gradient may be written over the output's.
        double[] g = Numbers(outputGradient).ToArray();
        if (relu)
        {
            for (int i = 0; i < g.Length; i++)
            {
                int c = i % channels;
                double y = output is null ? Normalized(x[i], gammas[c], Numbers(beta!)[c], means[c], inverseDeviations[c]) : Numbers(output)[i];
                g[i] = y <= 0 ? 0 : g[i];
            }
        }

        for (int c = 0; c < channels; c++)
        {
            double sum = 0, sumNormalized = 0;
            for (int i = c; i < g.Length; i += channels)
            {
                sum += g[i];
                sumNormalized += g[i] * (x[i] - means[c]) * inverseDeviations[c];
            }

            for (int i = c; inputGradient.Gradient is not null && i < g.Length; i += channels)
            {
                double normalized = (x[i] - means[c]) * inverseDeviations[c];
                double viaStatistics = batchStatistics ? (sum + (normalized * sumNormalized)) / pixels : 0;
                double value = gammas[c] * inverseDeviations[c] * (g[i] - viaStatistics);
                Put(ref NumbersToWrite(inputGradient.Gradient)[i], value, inputGradient.Accumulate);
            }

            if (gammaGradient.Gradient is not null)
            {
                Put(ref NumbersToWrite(gammaGradient.Gradient)[c], sumNormalized, gammaGradient.Accumulate);
            }

            if (betaGradient.Gradient is not null)
            {
                Put(ref NumbersToWrite(betaGradient.Gradient)[c], sum, betaGradient.Accumulate);
            }
        }

        for (int i = 0; shortcutGradient.Gradient is not null && i < g.Length; i++)
        {
            Put(ref NumbersToWrite(shortcutGradient.Gradient)[i], g[i], shortcutGradient.Accumulate);
        }
    }

    private static void Normalize(
        Tensor input, Tensor gamma, Tensor beta, ReadOnlySpan<double> means, ReadOnlySpan<double> inverseDeviations, Tensor? shortcut, bool relu, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input), gammas = Numbers(gamma), betas = Numbers(beta);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < y.Length; i++)
        {
            int c = i % means.Length;
            double value = Normalized(x[i], gammas[c], betas[c], means[c], inverseDeviations[c]);
            value += shortcut is null ? 0 : Numbers(shortcut)[i];
            y[i] = relu ? Math.Max(value, 0) : value;
        }
    }

    private static double Normalized(double x, double gamma, double beta, double mean, double inverseDeviation) =>
        (gamma * (x - mean) * inverseDeviation) + beta;

    private static void MoveToward(ref double running, double value, double momentum) => running = ((1 - momentum) * running) + (momentum * value);
}
