using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>What the cross-entropies need of a row of logits.</summary>
internal static unsafe class LogitRow
{
    private const double SmallRest = 1e-8;

    /// <summary>Where the largest logit is, or the last NaN, so that it spreads over the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int IndexOfLargest(float* row, int classes)
    {
        int best = 0;
        float largest = row[0];
        for (int k = 1; k < classes; k++)
        {
            float value = row[k];
            if (value > largest || float.IsNaN(value))
            {
                (best, largest) = (k, value);
            }
        }

        return best;
    }

    /// <summary>
    /// log sum exp(logit - largest), where the rest is that sum without the largest one's 1, which 1 + rest could lose; NaN where the
    /// largest is not finite.
    /// </summary>
    public static double LogSum(double largest, double rest) => largest - largest + (rest < SmallRest ? rest - (rest * rest / 2) : Math.Log(1 + rest));
}

/// <summary>Softmax cross-entropy of a few rows a task: each row's loss, and its gradient where one is wanted.</summary>
/// <remarks>
/// log softmax = logit - largest - log sum exp(logit - largest), which cannot overflow. Of the target, the smoothing part is the same
/// for all classes, so that the loss needs just the label's and the mean log probability.
/// </remarks>
internal readonly unsafe struct SoftmaxCrossEntropyJob(
    float* logits, int* labels, int rows, int classes, double smoothing, double* losses, float* gradient, float* work) : IVectorJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int end = Math.Min((task + 1) * Rows, rows);
        for (int n = task * Rows; n < end; n++)
        {
            float* row = logits + ((nint)n * classes);
            float* powers = gradient is null ? work + ((nint)thread * (classes + 16)) : gradient + ((nint)n * classes);
            int first = LogitRow.IndexOfLargest(row, classes);
            float largest = row[first];

            // The largest logit's power is 1, beside which the others may be too small for a float: they are summed without it.
            powers[first] = MathF.Exp(largest - largest);
            double rest = Exponentiate<S, V>(row, largest, powers, 0, first) + Exponentiate<S, V>(row, largest, powers, first + 1, classes);
            double sum = powers[first] + rest;
            double logSum = LogitRow.LogSum(largest, rest);
            double distances = 0;
            if (smoothing > 0)
            {
                for (int k = 0; k < classes; k++)
                {
                    distances += (double)row[k] - largest;
                }
            }

            // A share of zero contributes nothing, even where the probability is zero and its logarithm minus infinity.
            int label = labels[n];
            double labelLoss = smoothing == 1 ? 0 : (1 - smoothing) * (logSum - ((double)row[label] - largest));
            double smoothLoss = smoothing == 0 ? 0 : smoothing * (logSum - (distances / classes));
            losses[n] = labelLoss + smoothLoss;
            if (gradient is not null)
            {
                // The label's probability minus one, without cancellation where the network is sure of it.
                double missing = (label == first ? -rest : powers[label] - sum) / sum;
                Finish<S, V>(powers, (float)(1 / (sum * rows)), (float)(-smoothing / ((double)classes * rows)));
                powers[label] = (float)((missing + smoothing - (smoothing / classes)) / rows);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Exponentiate<S, V>(float* row, float largest, float* powers, int start, int end) where S : struct, ISimd<V> where V : struct
    {
        V shift = S.Broadcast(largest);
        V sums = S.Zero;
        int k = start;
        for (; k <= end - S.Width; k += S.Width)
        {
            V power = S.Exp(S.Subtract(S.Load(row + k), shift));
            sums = S.Add(sums, power);
            S.Store(power, powers + k);
        }

        double sum = S.Sum(sums);
        for (; k < end; k++)
        {
            powers[k] = MathF.Exp(row[k] - largest);
            sum += powers[k];
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Finish<S, V>(float* powers, float factor, float offset) where S : struct, ISimd<V> where V : struct
    {
        int k = 0;
        for (; k <= classes - S.Width; k += S.Width)
        {
            S.Store(S.MultiplyAdd(S.Load(powers + k), S.Broadcast(factor), S.Broadcast(offset)), powers + k);
        }

        for (; k < classes; k++)
        {
            powers[k] = (powers[k] * factor) + offset;
        }
    }
}

/// <summary>For each row 1 if fewer than k logits rank above the label's and none is a NaN, else 0.</summary>
internal readonly unsafe struct TopKJob(float* logits, int* labels, int rows, int classes, int k, int* hits) : IParallelJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        int end = Math.Min((task + 1) * Rows, rows);
        for (int n = task * Rows; n < end; n++)
        {
            ReadOnlySpan<float> row = new(logits + ((nint)n * classes), classes);
            int label = labels[n];
            float value = row[label];
            int above = 0, missing = 0;
            for (int i = 0; i < label; i++)
            {
                above += row[i] >= value ? 1 : 0;
                missing += float.IsNaN(row[i]) ? 1 : 0;
            }

            for (int i = label; i < row.Length; i++)
            {
                above += row[i] > value ? 1 : 0;
                missing += float.IsNaN(row[i]) ? 1 : 0;
            }

            hits[n] = above < k && missing == 0 ? 1 : 0;
        }
    }
}

/// <summary>The index of each row's largest element, the first of equals.</summary>
internal readonly unsafe struct ArgMaxJob(float* input, int rows, int columns, int* output) : IParallelJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        int end = Math.Min((task + 1) * Rows, rows);
        for (int n = task * Rows; n < end; n++)
        {
            float* row = input + ((nint)n * columns);
            int best = 0;
            for (int i = 1; i < columns; i++)
            {
                best = row[i] > row[best] ? i : best;
            }

            output[n] = best;
        }
    }
}
