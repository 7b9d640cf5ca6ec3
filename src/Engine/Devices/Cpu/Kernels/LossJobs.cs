using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Kernels;

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
            int first = IndexOfLargest(row);
            float largest = row[first];

            // The largest logit's power is 1, beside which the others may be too small for a float: they are summed without it.
            powers[first] = MathF.Exp(largest - largest);
            double rest = Exponentiate<S, V>(row, largest, powers, 0, first) + Exponentiate<S, V>(row, largest, powers, first + 1, classes);
            double sum = powers[first] + rest;
            double logSum = Math.Log(sum);
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

    // A NaN where there is one, so that it spreads over the row.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int IndexOfLargest(float* row)
    {
        int best = 0;
        for (int k = 1; k < classes; k++)
        {
            best = row[k] > row[best] || float.IsNaN(row[k]) ? k : best;
        }

        return best;
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
            int above = 0;
            bool hasNaN = false;
            for (int i = 0; i < row.Length; i++)
            {
                hasNaN |= float.IsNaN(row[i]);
                above += row[i] > value || (row[i] == value && i < label) ? 1 : 0;
            }

            hits[n] = above < k && !hasNaN ? 1 : 0;
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

/// <summary>What a reduction adds up for each element.</summary>
internal interface IReductionTerm
{
    static abstract double Of(float value, double center);
}

/// <summary>The element itself.</summary>
internal readonly struct Identity : IReductionTerm
{
    public static double Of(float value, double center) => value;
}

/// <summary>The squared distance from a center.</summary>
internal readonly struct SquaredDistance : IReductionTerm
{
    public static double Of(float value, double center) => (value - center) * (value - center);
}

/// <summary>1 for an infinity or a NaN.</summary>
internal readonly struct NonFiniteCount : IReductionTerm
{
    public static double Of(float value, double center) => float.IsFinite(value) ? 0 : 1;
}

/// <summary>The sum of a term over each task's chunk, in double precision, in four independent chains.</summary>
internal readonly unsafe struct ReduceJob<TTerm>(float* input, long count, double center, double* partial) : IParallelJob
    where TTerm : struct, IReductionTerm
{
    /// <summary>Elements in a task.</summary>
    public const int Chunk = 16384;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int task, int thread)
    {
        long start = (long)task * Chunk;
        nint length = (nint)Math.Min(Chunk, count - start);
        float* values = input + start;
        double middle = center;
        double sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
        nint i = 0;
        for (; i <= length - 4; i += 4)
        {
            sum0 += TTerm.Of(values[i], middle);
            sum1 += TTerm.Of(values[i + 1], middle);
            sum2 += TTerm.Of(values[i + 2], middle);
            sum3 += TTerm.Of(values[i + 3], middle);
        }

        for (; i < length; i++)
        {
            sum0 += TTerm.Of(values[i], middle);
        }

        partial[task] = sum0 + sum1 + (sum2 + sum3);
    }
}
