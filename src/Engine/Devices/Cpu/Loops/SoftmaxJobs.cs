using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>Softmax over rows, or its logarithm.</summary>
internal readonly unsafe struct SoftmaxJob(float* input, float* output, int rows, int columns, bool isLog) : IVectorJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int end = Math.Min((task + 1) * Rows, rows);
        for (int n = task * Rows; n < end; n++)
        {
            float* x = input + ((nint)n * columns);
            float* y = output + ((nint)n * columns);
            float largest = Largest<S, V>(x);
            double sum = Exponentiate<S, V>(x, largest, isLog ? null : y);
            V shift = S.Broadcast(largest), offset = S.Broadcast((float)Math.Log(sum)), factor = S.Broadcast((float)(1 / sum));
            int k = 0;
            for (; k <= columns - S.Width; k += S.Width)
            {
                S.Store(isLog ? S.Subtract(S.Subtract(S.Load(x + k), shift), offset) : S.Multiply(S.Load(y + k), factor), y + k);
            }

            for (; k < columns; k++)
            {
                y[k] = isLog ? x[k] - largest - (float)Math.Log(sum) : y[k] * (float)(1 / sum);
            }
        }
    }

    // A NaN where there is one, so that it spreads over the row.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Largest<S, V>(float* x) where S : struct, ISimd<V> where V : struct
    {
        V best = S.Broadcast(float.NegativeInfinity);
        int k = 0;
        for (; k <= columns - S.Width; k += S.Width)
        {
            best = S.Max(best, S.Load(x + k));
        }

        float largest = float.NegativeInfinity;
        ref float lanes = ref Unsafe.As<V, float>(ref best);
        for (int lane = 0; lane < S.Width; lane++)
        {
            largest = MathF.Max(largest, Unsafe.Add(ref lanes, lane));
        }

        for (; k < columns; k++)
        {
            largest = MathF.Max(largest, x[k]);
        }

        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Exponentiate<S, V>(float* x, float largest, float* powers) where S : struct, ISimd<V> where V : struct
    {
        V shift = S.Broadcast(largest), sums = S.Zero;
        int k = 0;
        for (; k <= columns - S.Width; k += S.Width)
        {
            V power = S.Exp(S.Subtract(S.Load(x + k), shift));
            sums = S.Add(sums, power);
            if (powers is not null)
            {
                S.Store(power, powers + k);
            }
        }

        double sum = S.Sum(sums);
        for (; k < columns; k++)
        {
            float power = MathF.Exp(x[k] - largest);
            sum += power;
            if (powers is not null)
            {
                powers[k] = power;
            }
        }

        return sum;
    }
}

/// <summary>The gradient of softmax over rows, or of its logarithm, from the output.</summary>
internal readonly unsafe struct SoftmaxBackwardJob(
    float* outputGradient, float* output, float* inputGradient, int rows, int columns, bool isLog, bool accumulate) : IVectorJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int end = Math.Min((task + 1) * Rows, rows);
        for (int n = task * Rows; n < end; n++)
        {
            float* dy = outputGradient + ((nint)n * columns);
            float* y = output + ((nint)n * columns);
            float* dx = inputGradient + ((nint)n * columns);
            float sum = Total<S, V>(dy, y);
            V sums = S.Broadcast(sum);
            int k = 0;
            for (; k <= columns - S.Width; k += S.Width)
            {
                V gradient = Gradient<S, V>(S.Load(dy + k), S.Load(y + k), sums);
                S.Store(accumulate ? S.Add(S.Load(dx + k), gradient) : gradient, dx + k);
            }

            for (; k < columns; k++)
            {
                float gradient = Gradient<Scalar, float>(dy[k], y[k], sum);
                dx[k] = accumulate ? dx[k] + gradient : gradient;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V Gradient<S, V>(V dy, V y, V sum) where S : struct, ISimd<V> where V : struct =>
        isLog ? S.Subtract(dy, S.Multiply(S.Exp(y), sum)) : S.Multiply(y, S.Subtract(dy, sum));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Total<S, V>(float* dy, float* y) where S : struct, ISimd<V> where V : struct
    {
        V sums = S.Zero;
        int k = 0;
        for (; k <= columns - S.Width; k += S.Width)
        {
            sums = isLog ? S.Add(sums, S.Load(dy + k)) : S.MultiplyAdd(S.Load(dy + k), S.Load(y + k), sums);
        }

        double sum = S.Sum(sums);
        for (; k < columns; k++)
        {
            sum += isLog ? dy[k] : (double)dy[k] * y[k];
        }

        return (float)sum;
    }
}
