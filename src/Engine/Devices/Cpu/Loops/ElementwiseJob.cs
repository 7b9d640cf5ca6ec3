using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>A function of one or two floats (and perhaps of the one that it replaces), applied to every element.</summary>
internal interface IElementwise
{
    /// <summary>Whether there is a second input.</summary>
    static abstract bool HasSecond { get; }

    /// <summary>Whether the result depends on what the output held.</summary>
    static abstract bool ReadsOutput { get; }

    /// <summary>The result for one vector; arguments that the operator does not ask for are zero.</summary>
    V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct;
}

/// <summary>Applies an operator to flat arrays, a chunk a task. The output may be one of the inputs.</summary>
internal readonly unsafe struct ElementwiseJob<TOperator>(TOperator function, float* first, float* second, float* output, long count) : IVectorJob
    where TOperator : struct, IElementwise
{
    /// <summary>Elements in a task: long enough to outweigh its dispatch, short enough to share among many threads.</summary>
    public const int Chunk = 16384;

    private readonly TOperator _function = function;
    private readonly float* _first = first;
    private readonly float* _second = second;
    private readonly float* _output = output;
    private readonly long _count = count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        long start = (long)task * Chunk;
        nint length = (nint)Math.Min(Chunk, _count - start);
        TOperator function = _function;
        float* first = _first + start;
        float* second = TOperator.HasSecond ? _second + start : null;
        float* output = _output + start;
        nint i = 0;
        for (; i <= length - (2 * S.Width); i += 2 * S.Width)
        {
            V a = function.Apply<S, V>(
                S.Load(first + i), TOperator.HasSecond ? S.Load(second + i) : S.Zero, TOperator.ReadsOutput ? S.Load(output + i) : S.Zero);
            V b = function.Apply<S, V>(
                S.Load(first + i + S.Width),
                TOperator.HasSecond ? S.Load(second + i + S.Width) : S.Zero,
                TOperator.ReadsOutput ? S.Load(output + i + S.Width) : S.Zero);
            S.Store(a, output + i);
            S.Store(b, output + i + S.Width);
        }

        for (; i < length; i++)
        {
            output[i] = function.Apply<Scalar, float>(
                first[i], TOperator.HasSecond ? second[i] : 0, TOperator.ReadsOutput ? output[i] : 0);
        }
    }
}

/// <summary>Adds an operator's result to what the output held.</summary>
internal readonly struct Accumulated<TOperator>(TOperator function) : IElementwise where TOperator : struct, IElementwise
{
    private readonly TOperator _function = function;

    public static bool HasSecond => TOperator.HasSecond;

    public static bool ReadsOutput => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<S, V>(V first, V second, V old) where S : struct, ISimd<V> where V : struct =>
        S.Add(old, _function.Apply<S, V>(first, second, old));
}
