using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Devices.Cpu.Loops;

/// <summary>How a reduction takes in one element after the other, in double precision.</summary>
internal interface IReductionStep
{
    static abstract double Start { get; }

    static abstract double Combine(double left, double right);

    static abstract Vector512<double> Combine(Vector512<double> left, Vector512<double> right);
}

/// <summary>The sum.</summary>
internal readonly struct SumStep : IReductionStep
{
    public static double Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Combine(double left, double right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Combine(Vector512<double> left, Vector512<double> right) => left + right;
}

/// <summary>The largest element, or a NaN.</summary>
internal readonly struct MaxStep : IReductionStep
{
    public static double Start => double.NegativeInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Combine(double left, double right) => Math.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Combine(Vector512<double> left, Vector512<double> right) => Vector512.Max(left, right);
}

/// <summary>Reduces an input over axes. The order in which elements are taken in depends neither on threads nor on the width of vectors.</summary>
internal readonly unsafe struct AxesJob<TStep>(AxesGeometry geometry, float* input, double factor, float* output, bool accumulate) : IParallelJob
    where TStep : struct, IReductionStep
{
    /// <summary>Elements that a task reads, about.</summary>
    private const int Chunk = 16384;

    /// <summary>Columns that are reduced side by side.</summary>
    private const int Block = 64;

    private readonly AxesGeometry _geometry = geometry;

    public static int Tasks(in AxesGeometry geometry) => ((Units(geometry) - 1) / UnitsPerTask(geometry)) + 1;

    public void Run(int task, int thread)
    {
        int perTask = UnitsPerTask(_geometry), end = Math.Min((task + 1) * perTask, Units(_geometry));
        for (int unit = task * perTask; unit < end; unit++)
        {
            if (_geometry.IsInnerReduced)
            {
                One(unit);
            }
            else
            {
                int blocks = BlocksOf(_geometry), column = unit % blocks * Block;
                Columns(unit / blocks, column, Math.Min(Block, _geometry.Kept2 - column));
            }
        }
    }

    private static int BlocksOf(in AxesGeometry geometry) => ((geometry.Kept2 - 1) / Block) + 1;

    // A unit is one element of the output, or a block of columns.
    private static int Units(in AxesGeometry geometry) => geometry.Kept1 * (geometry.IsInnerReduced ? geometry.Kept2 : BlocksOf(geometry));

    private static int UnitsPerTask(in AxesGeometry geometry) =>
        (int)Math.Max(1, Chunk / ((long)geometry.Reduced * (geometry.IsInnerReduced ? 1 : Math.Min(Block, geometry.Kept2))));

    // Sixteen interleaved results, as the statistics of whole tensors have them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void One(int element)
    {
        float* start = input + (element / _geometry.Kept2 * (long)_geometry.KeptStride1) + (element % _geometry.Kept2 * (long)_geometry.KeptStride2);
        Vector512<double> lower = Vector512.Create(TStep.Start), upper = lower;
        double rest = TStep.Start;
        int length = _geometry.Reduced2;
        for (int outer = 0; outer < _geometry.Reduced1; outer++)
        {
            float* values = start + (outer * (long)_geometry.ReducedStride1);
            int i = 0;
            for (; i <= length - 16; i += 16)
            {
                (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(values + i));
                (lower, upper) = (TStep.Combine(lower, low), TStep.Combine(upper, high));
            }

            for (; i < length; i++)
            {
                rest = TStep.Combine(rest, values[i]);
            }
        }

        lower = TStep.Combine(lower, upper);
        double result = rest;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
        {
            result = TStep.Combine(result, lower.GetElement(lane));
        }

        Put(element, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Columns(int row, int column, int count)
    {
        double* results = stackalloc double[Block];
        new Span<double>(results, Block).Fill(TStep.Start);
        float* start = input + (row * (long)_geometry.KeptStride1) + column;
        for (int outer = 0; outer < _geometry.Reduced1; outer++)
        {
            for (int inner = 0; inner < _geometry.Reduced2; inner++)
            {
                float* values = start + (outer * (long)_geometry.ReducedStride1) + (inner * (long)_geometry.ReducedStride2);
                int i = 0;
                for (; i <= count - 16; i += 16)
                {
                    (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(values + i));
                    TStep.Combine(Vector512.Load(results + i), low).Store(results + i);
                    TStep.Combine(Vector512.Load(results + i + 8), high).Store(results + i + 8);
                }

                for (; i < count; i++)
                {
                    results[i] = TStep.Combine(results[i], values[i]);
                }
            }
        }

        for (int i = 0; i < count; i++)
        {
            Put((row * _geometry.Kept2) + column + i, results[i]);
        }
    }

    private void Put(int element, double result)
    {
        float value = (float)(factor * result);
        output[element] = accumulate ? output[element] + value : value;
    }
}
