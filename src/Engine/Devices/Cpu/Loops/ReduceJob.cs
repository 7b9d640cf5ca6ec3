using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Devices.Cpu.Loops;

/// <summary>What a reduction adds up for each element.</summary>
internal interface IReductionTerm
{
    static abstract Vector512<double> Of(Vector512<double> values, Vector512<double> center);
}

/// <summary>The element itself.</summary>
internal readonly struct Identity : IReductionTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Of(Vector512<double> values, Vector512<double> center) => values;
}

/// <summary>The squared distance from a center.</summary>
internal readonly struct SquaredDistance : IReductionTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Of(Vector512<double> values, Vector512<double> center) => (values - center) * (values - center);
}

/// <summary>1 for an infinity or a NaN: these do not become zero when taken from themselves.</summary>
internal readonly struct NonFiniteCount : IReductionTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Of(Vector512<double> values, Vector512<double> center) =>
        Vector512.AndNot(Vector512<double>.One, Vector512.Equals(values - values, Vector512<double>.Zero));
}

/// <summary>
/// The sum of a term over each task's chunk, in double precision, in sixteen interleaved sums whatever the device's vectors: a
/// statistic is the same at every width.
/// </summary>
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
        Vector512<double> middle = Vector512.Create(center);
        Vector512<double> lower = Vector512<double>.Zero, upper = Vector512<double>.Zero;
        nint i = 0;
        for (; i <= length - 16; i += 16)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(values + i));
            lower += TTerm.Of(low, middle);
            upper += TTerm.Of(high, middle);
        }

        double sum = Vector512.Sum(lower + upper);
        for (; i < length; i++)
        {
            sum += TTerm.Of(Vector512.Create((double)values[i]), middle).ToScalar();
        }

        partial[task] = sum;
    }
}
