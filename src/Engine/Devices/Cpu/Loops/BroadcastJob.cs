using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>A function of up to three floats; of those that it does not use, it is given anything.</summary>
internal interface IBroadcastFunction
{
    /// <summary>The result for one vector.</summary>
    static abstract V Apply<S, V>(V a, V b, V c) where S : struct, ISimd<V> where V : struct;
}

/// <summary>
/// Applies a function to tensors that are broadcast to an output, the loop's operand 0, which is walked in its own order. Along the
/// innermost axis an input moves on with the output or stays where it is.
/// </summary>
internal readonly unsafe struct BroadcastJob<TFunction>(StridedLoop loop, float* output, float* a, float* b, float* c, bool accumulate) : IVectorJob
    where TFunction : struct, IBroadcastFunction
{
    /// <summary>Elements in a task.</summary>
    private const int Chunk = 16384;

    private readonly StridedLoop _loop = loop;
    private readonly float* _output = output;
    private readonly float* _a = a;
    private readonly float* _b = b;
    private readonly float* _c = c;
    private readonly bool _accumulate = accumulate;

    /// <summary>How many tasks there are: pieces of the innermost loop, or several runs of it.</summary>
    public static int Tasks(in StridedLoop loop) => loop.Count == 0 ? 0
        : loop.Rows == 1 ? ((loop.Inner - 1) / Chunk) + 1
        : ((loop.Rows - 1) / RowsPerTask(loop)) + 1;

    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        if (_loop.Rows == 1)
        {
            Row<S, V>(0, task * Chunk, Math.Min(Chunk, _loop.Inner - (task * Chunk)));
            return;
        }

        int rows = RowsPerTask(_loop), end = Math.Min((task + 1) * rows, _loop.Rows);
        for (int row = task * rows; row < end; row++)
        {
            Row<S, V>(row, 0, _loop.Inner);
        }
    }

    private static int RowsPerTask(in StridedLoop loop) => Math.Max(1, Chunk / loop.Inner);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row<S, V>(int row, int first, int length) where S : struct, ISimd<V> where V : struct
    {
        nint stepA = _loop.InnerStride(1), stepB = _loop.InnerStride(2), stepC = _loop.InnerStride(3);
        float* output = _output + _loop.RowStart(0, row) + first;
        float* a = _a + _loop.RowStart(1, row) + (first * stepA);
        float* b = _b + _loop.RowStart(2, row) + (first * stepB);
        float* c = _c + _loop.RowStart(3, row) + (first * stepC);
        bool accumulate = _accumulate;
        V sameA = S.Broadcast(*a), sameB = S.Broadcast(*b), sameC = S.Broadcast(*c);
        nint i = 0;
        for (; i <= length - S.Width; i += S.Width)
        {
            V value = TFunction.Apply<S, V>(stepA == 0 ? sameA : S.Load(a + i), stepB == 0 ? sameB : S.Load(b + i), stepC == 0 ? sameC : S.Load(c + i));
            S.Store(accumulate ? S.Add(S.Load(output + i), value) : value, output + i);
        }

        for (; i < length; i++)
        {
            float value = TFunction.Apply<Scalar, float>(a[i * stepA], b[i * stepB], c[i * stepC]);
            output[i] = accumulate ? output[i] + value : value;
        }
    }
}
