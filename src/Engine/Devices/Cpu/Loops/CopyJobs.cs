using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>Copies between two layouts, the loop's operands 0 (written) and 1 (read).</summary>
internal readonly unsafe struct StridedCopyJob(StridedLoop loop, float* input, float* output, bool accumulate) : IVectorJob
{
    /// <summary>Elements in a task.</summary>
    private const int Chunk = 16384;

    private readonly StridedLoop _loop = loop;

    public static int Tasks(in StridedLoop loop) => loop.Count == 0 ? 0 : ((loop.Rows - 1) / RowsPerTask(loop)) + 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int rows = RowsPerTask(_loop), end = Math.Min((task + 1) * rows, _loop.Rows), length = _loop.Inner;
        nint toStep = _loop.InnerStride(0), fromStep = _loop.InnerStride(1);
        for (int row = task * rows; row < end; row++)
        {
            float* to = output + _loop.RowStart(0, row);
            float* from = input + _loop.RowStart(1, row);
            nint i = 0;
            if (toStep == 1 && fromStep == 1)
            {
                for (; i <= length - S.Width; i += S.Width)
                {
                    S.Store(accumulate ? S.Add(S.Load(to + i), S.Load(from + i)) : S.Load(from + i), to + i);
                }
            }

            for (; i < length; i++)
            {
                to[i * toStep] = accumulate ? to[i * toStep] + from[i * fromStep] : from[i * fromStep];
            }
        }
    }

    private static int RowsPerTask(in StridedLoop loop) => Math.Max(1, Chunk / loop.Inner);
}

/// <summary>Copies chosen rows of an input [outer, extent, inner] to an output [outer, count, inner].</summary>
internal readonly unsafe struct GatherJob(float* input, int* indices, float* output, int outer, int extent, int count, int inner) : IParallelJob
{
    /// <summary>Rows in a task.</summary>
    public const int Rows = 64;

    public void Run(int task, int thread)
    {
        int end = (int)Math.Min(((long)task + 1) * Rows, (long)outer * count);
        for (int row = task * Rows; row < end; row++)
        {
            long source = ((long)(row / count) * extent) + indices[row % count];
            long bytes = (long)inner * sizeof(float);
            Buffer.MemoryCopy(input + (source * inner), output + ((long)row * inner), bytes, bytes);
        }
    }
}

/// <summary>
/// Adds the rows of a gradient [outer, count, inner] to the rows from which they were gathered, in [outer, extent, inner]. A task owns a few
/// of those and goes over all indices, so that sums are taken in the indices' order whatever the number of threads.
/// </summary>
internal readonly unsafe struct GatherBackwardJob(
    float* outputGradient, int* indices, float* inputGradient, int extent, int count, int inner, int rowsPerTask, bool accumulate) : IVectorJob
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        int tasksPerPart = ((extent - 1) / rowsPerTask) + 1;
        int part = task / tasksPerPart, first = task % tasksPerPart * rowsPerTask, rows = Math.Min(rowsPerTask, extent - first);
        float* target = inputGradient + ((((long)part * extent) + first) * inner);
        float* source = outputGradient + ((long)part * count * inner);
        if (!accumulate)
        {
            new Span<byte>(target, checked(rows * inner * sizeof(float))).Clear();
        }

        for (int i = 0; i < count; i++)
        {
            int row = indices[i] - first;
            if ((uint)row >= (uint)rows)
            {
                continue;
            }

            float* to = target + ((long)row * inner);
            float* from = source + ((long)i * inner);
            int k = 0;
            for (; k <= inner - S.Width; k += S.Width)
            {
                S.Store(S.Add(S.Load(to + k), S.Load(from + k)), to + k);
            }

            for (; k < inner; k++)
            {
                to[k] += from[k];
            }
        }
    }
}
