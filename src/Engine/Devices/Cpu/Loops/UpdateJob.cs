using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>One parameter of a step.</summary>
internal unsafe struct UpdateEntry
{
    public float* Value;
    public float* Gradient;

    /// <summary>Null where there is no such state.</summary>
    public float* First;

    /// <summary>Null where there is no such state.</summary>
    public float* Second;

    public float WeightDecay;

    public float RateFactor;

    /// <summary>Elements of this parameter and all before it.</summary>
    public long End;
}

/// <summary>What is done to each element of each parameter.</summary>
internal unsafe interface IUpdateRule
{
    /// <summary>Updates one vector of elements, whose index is <paramref name="i"/>.</summary>
    void Apply<S, V>(in UpdateEntry entry, nint i) where S : struct, ISimd<V> where V : struct;
}

/// <summary>A rule over all parameters laid end to end, a chunk a task.</summary>
internal readonly unsafe struct UpdateJob<TRule>(UpdateEntry* entries, int count, TRule rule) : IVectorJob where TRule : struct, IUpdateRule
{
    /// <summary>Elements in a task.</summary>
    public const int Chunk = 8192;

    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        long position = (long)task * Chunk;
        long end = position + Chunk;
        int index = First(position);
        for (; index < count && position < end; index++)
        {
            UpdateEntry entry = entries[index];
            long start = index == 0 ? 0 : entries[index - 1].End;
            nint stop = (nint)(Math.Min(end, entry.End) - start);
            Update<S, V>(entry, (nint)(position - start), stop);
            position = start + stop;
        }
    }

    // The first parameter that ends beyond the position.
    private int First(long position)
    {
        int low = 0, high = count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (entries[middle].End > position)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Update<S, V>(UpdateEntry entry, nint start, nint end) where S : struct, ISimd<V> where V : struct
    {
        TRule one = rule;
        nint i = start;
        for (; i <= end - S.Width; i += S.Width)
        {
            one.Apply<S, V>(entry, i);
        }

        for (; i < end; i++)
        {
            one.Apply<Scalar, float>(entry, i);
        }
    }
}
