using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>The loss of each element against its target, and its slope.</summary>
internal interface IPointwiseLoss
{
    V Loss<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct;

    V Slope<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct;
}

/// <summary><see cref="LossFunction.Squared"/>.</summary>
internal readonly struct SquaredLoss : IPointwiseLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Loss<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct => S.Multiply(S.Subtract(x, t), S.Subtract(x, t));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct => S.Add(S.Subtract(x, t), S.Subtract(x, t));
}

/// <summary><see cref="LossFunction.Absolute"/>.</summary>
internal readonly struct AbsoluteLoss : IPointwiseLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Loss<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct => S.Abs(S.Subtract(x, t));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct =>
        S.Subtract(S.WhereGreater(x, t, S.Broadcast(1), S.Zero), S.WhereGreater(t, x, S.Broadcast(1), S.Zero));
}

/// <summary><see cref="LossFunction.Huber"/>: with c = d clamped to delta, the loss is c (d - c / 2) and its slope c.</summary>
internal readonly struct HuberLoss(float delta) : IPointwiseLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Loss<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct
    {
        V distance = S.Subtract(x, t), clamped = S.Clamp(distance, delta);
        return S.Multiply(clamped, S.MultiplyAdd(clamped, S.Broadcast(-0.5f), distance));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct => S.Clamp(S.Subtract(x, t), delta);
}

/// <summary><see cref="LossFunction.BinaryCrossEntropy"/>.</summary>
internal readonly struct BinaryCrossEntropyLoss : IPointwiseLoss
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Loss<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct
    {
        V power = S.Exp(S.Subtract(S.Zero, S.Abs(x)));
        return S.Add(S.Subtract(S.ClipNegative(x), S.Multiply(x, t)), LogOnePlus<S, V>(power));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<S, V>(V x, V t) where S : struct, ISimd<V> where V : struct
    {
        V one = S.Broadcast(1);
        return S.Subtract(S.Divide(one, S.Add(one, S.Exp(S.Subtract(S.Zero, x)))), t);
    }

    // log(1 + e) for e from 0 to 1, with all digits of a small e: 2 artanh(e / (2 + e)), whose series in at most 1/3 is short.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LogOnePlus<S, V>(V e) where S : struct, ISimd<V> where V : struct
    {
        V s = S.Divide(e, S.Add(S.Broadcast(2), e));
        V square = S.Multiply(s, s);
        V sum = S.Broadcast(2f / 15);
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2f / 13));
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2f / 11));
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2f / 9));
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2f / 7));
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2f / 5));
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2f / 3));
        sum = S.MultiplyAdd(sum, square, S.Broadcast(2));
        return S.Multiply(s, sum);
    }
}

/// <summary>The sum of the losses of each task's chunk, in double precision, and the gradient where one is wanted.</summary>
/// <param name="function">The loss of an element.</param>
/// <param name="input">The output of a network.</param>
/// <param name="target">What it should be.</param>
/// <param name="weights">A factor for each row; null for ones.</param>
/// <param name="inner">Elements of a row.</param>
/// <param name="count">Elements in all.</param>
/// <param name="partial">Receives a sum for each task.</param>
/// <param name="gradient">Receives the gradient; null for none.</param>
internal readonly unsafe struct PointwiseLossJob<TLoss>(
    TLoss function, float* input, float* target, float* weights, long inner, long count, double* partial, float* gradient) : IVectorJob
    where TLoss : struct, IPointwiseLoss
{
    /// <summary>Elements in a task.</summary>
    public const int Chunk = 4096;

    // Elements whose losses are added up in single precision, before the sum goes on in double.
    private const int Piece = 256;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        long position = (long)task * Chunk, end = Math.Min(position + Chunk, count);
        double sum = 0;
        while (position < end)
        {
            long row = weights is null ? 0 : position / inner;
            long stop = Math.Min(Math.Min(end, position + Piece), weights is null ? end : (row + 1) * inner);
            float weight = weights is null ? 1 : weights[row];
            sum += (double)weight * Lose<S, V>((nint)position, (nint)stop, (float)(weight / (double)count));
            position = stop;
        }

        partial[task] = sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Lose<S, V>(nint start, nint end, float factor) where S : struct, ISimd<V> where V : struct
    {
        TLoss loss = function;
        V sums = S.Zero;
        nint i = start;
        for (; i <= end - S.Width; i += S.Width)
        {
            V x = S.Load(input + i), t = S.Load(target + i);
            sums = S.Add(sums, loss.Loss<S, V>(x, t));
            if (gradient is not null)
            {
                S.Store(S.Multiply(loss.Slope<S, V>(x, t), S.Broadcast(factor)), gradient + i);
            }
        }

        float sum = S.Sum(sums);
        for (; i < end; i++)
        {
            sum += loss.Loss<Scalar, float>(input[i], target[i]);
            if (gradient is not null)
            {
                gradient[i] = loss.Slope<Scalar, float>(input[i], target[i]) * factor;
            }
        }

        return sum;
    }
}
