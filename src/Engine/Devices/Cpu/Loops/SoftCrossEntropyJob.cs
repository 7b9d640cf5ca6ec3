using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu.Loops;

/// <summary>
/// Cross-entropy against probabilities or weighted labels of a few rows a task, in double precision: the head of a network is small beside the rest of it.
/// </summary>
internal readonly unsafe struct SoftCrossEntropyJob(
    float* logits, float* probabilities, int* labels, float* weights, int rows, int classes, double smoothing, double* losses, float* gradient) : IParallelJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        int end = Math.Min((task + 1) * Rows, rows);
        for (int n = task * Rows; n < end; n++)
        {
            float* row = logits + ((nint)n * classes);
            int first = LogitRow.IndexOfLargest(row, classes);
            double largest = row[first];

            // The largest logit's power is 1, beside which the others may be too small: they are summed without it.
            double rest = largest - largest;
            for (int k = 0; k < classes; k++)
            {
                rest += k == first ? 0 : Math.Exp(row[k] - largest);
            }

            double logSum = LogitRow.LogSum(largest, rest);
            double weight = weights is null ? 1 : weights[n];
            double sum = 0, loss = 0;
            for (int k = 0; k < classes; k++)
            {
                double target = Target(n, k);
                sum += target;
                loss += target == 0 ? 0 : target * (logSum - (row[k] - largest));
            }

            losses[n] = weight * loss;
            if (gradient is null)
            {
                continue;
            }

            float* slopes = gradient + ((nint)n * classes);
            double factor = weight / rows;
            for (int k = 0; k < classes; k++)
            {
                // p = 1 - rest / (1 + rest) at the largest logit, without cancellation where the network is sure of it.
                double target = Target(n, k);
                slopes[k] = (float)(factor * (k == first
                    ? sum - target - (rest / (1 + rest) * sum)
                    : (Math.Exp(row[k] - largest) / (1 + rest) * sum) - target));
            }
        }
    }

    private double Target(int n, int k) =>
        ((1 - smoothing) * (labels is null ? probabilities[((nint)n * classes) + k] : k == labels[n] ? 1 : 0)) + (smoothing / classes);
}
