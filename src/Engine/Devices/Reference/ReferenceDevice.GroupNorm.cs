namespace Engine;

/// <content>Group normalization (Y. Wu, K. He, 2018).</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void GroupNormCore(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        ReadOnlySpan<double> x = Numbers(input), gammas = Numbers(gamma), betas = Numbers(beta);
        Span<double> y = NumbersToWrite(output);
        int channels = input.Shape.Last;
        for (int n = 0; n < input.Shape[0]; n++)
        {
            for (int group = 0; group < groups; group++)
            {
                int[] members = GroupElements(input.Shape, groups, n, group);
                double mean = 0;
                foreach (int i in members)
                {
                    mean += x[i] / members.Length;
                }

                double variance = 0;
                foreach (int i in members)
                {
                    variance += (x[i] - mean) * (x[i] - mean) / members.Length;
                }

                double inverseDeviation = 1 / Math.Sqrt(variance + epsilon);
                foreach (int i in members)
                {
                    y[i] = (gammas[i % channels] * (x[i] - mean) * inverseDeviation) + betas[i % channels];
                }

                NumbersToWrite(savedMean)[(n * groups) + group] = mean;
                NumbersToWrite(savedInverseDeviation)[(n * groups) + group] = inverseDeviation;
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// With x^ = (x - mean) * inverseDeviation, h = dy * gamma and M elements in a group, dx = inverseDeviation * (h - (sum h +
    /// x^ sum h x^) / M), as in batch norm; dgamma and dbeta are sums of dy x^ and of dy over all images and pixels.
    /// </remarks>
    protected override void GroupNormBackwardCore(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient), x = Numbers(input), gammas = Numbers(gamma);
        int channels = input.Shape.Last;
        double[] gammaSums = new double[channels];
        double[] betaSums = new double[channels];
        for (int n = 0; n < input.Shape[0]; n++)
        {
            for (int group = 0; group < groups; group++)
            {
                int[] members = GroupElements(input.Shape, groups, n, group);
                double mean = Numbers(savedMean)[(n * groups) + group];
                double inverseDeviation = Numbers(savedInverseDeviation)[(n * groups) + group];
                double sum = 0, sumNormalized = 0;
                foreach (int i in members)
                {
                    double normalized = (x[i] - mean) * inverseDeviation;
                    sum += dy[i] * gammas[i % channels];
                    sumNormalized += dy[i] * gammas[i % channels] * normalized;
                    gammaSums[i % channels] += dy[i] * normalized;
                    betaSums[i % channels] += dy[i];
                }

                foreach (int i in members)
                {
                    if (inputGradient.Gradient is not null)
                    {
                        double normalized = (x[i] - mean) * inverseDeviation;
                        double viaStatistics = (sum + (normalized * sumNormalized)) / members.Length;
                        double value = inverseDeviation * ((dy[i] * gammas[i % channels]) - viaStatistics);
                        Put(ref NumbersToWrite(inputGradient.Gradient)[i], value, inputGradient.Accumulate);
                    }
                }
            }
        }

        for (int c = 0; c < channels; c++)
        {
            if (gammaGradient.Gradient is not null)
            {
                Put(ref NumbersToWrite(gammaGradient.Gradient)[c], gammaSums[c], gammaGradient.Accumulate);
            }

            if (betaGradient.Gradient is not null)
            {
                Put(ref NumbersToWrite(betaGradient.Gradient)[c], betaSums[c], betaGradient.Accumulate);
            }
        }
    }

    /// <summary>The indices of all elements of one image's group of channels.</summary>
    private static int[] GroupElements(Shape shape, int groups, int image, int group)
    {
        int channels = shape.Last;
        int perGroup = channels / groups;
        int pixels = shape.Rows / shape[0];
        int[] indices = new int[pixels * perGroup];
        for (int i = 0; i < indices.Length; i++)
        {
            int pixel = (image * pixels) + (i / perGroup);
            indices[i] = (pixel * channels) + (group * perGroup) + (i % perGroup);
        }

        return indices;
    }
}
