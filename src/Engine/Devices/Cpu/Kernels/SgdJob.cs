using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Kernels;

/// <summary>One parameter of a step.</summary>
internal unsafe struct SgdEntry
{
    public float* Value;
    public float* Gradient;

    /// <summary>Null where there is no momentum.</summary>
    public float* Velocity;

    public float WeightDecay;

    /// <summary>Elements of this parameter and all before it.</summary>
    public long End;
}

/// <summary>A step of stochastic gradient descent over all parameters laid end to end, a chunk a task.</summary>
internal readonly unsafe struct SgdJob(SgdEntry* entries, int count, float rate, float momentum, bool nesterov) : IVectorJob
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
            SgdEntry entry = entries[index];
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
    private void Update<S, V>(in SgdEntry entry, nint start, nint end) where S : struct, ISimd<V> where V : struct
    {
        float* value = entry.Value;
        float* gradient = entry.Gradient;
        float* velocity = entry.Velocity;
        float decay = entry.WeightDecay;
        float down = -rate;
        float kept = momentum;
        bool isNesterov = nesterov;
        nint i = start;
        for (; i <= end - S.Width; i += S.Width)
        {
            One<S, V>(value + i, gradient + i, velocity is null ? null : velocity + i, decay, down, kept, isNesterov);
        }

        for (; i < end; i++)
        {
            One<Scalar, float>(value + i, gradient + i, velocity is null ? null : velocity + i, decay, down, kept, isNesterov);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One<S, V>(float* value, float* gradient, float* velocity, float decay, float down, float kept, bool isNesterov)
        where S : struct, ISimd<V> where V : struct
    {
        V old = S.Load(value);
        V direction = S.MultiplyAdd(S.Broadcast(decay), old, S.Load(gradient));
        V moved = direction;
        if (velocity is not null)
        {
            moved = S.MultiplyAdd(S.Broadcast(kept), S.Load(velocity), direction);
            S.Store(moved, velocity);
        }

        V step = isNesterov ? S.MultiplyAdd(S.Broadcast(kept), moved, direction) : moved;
        S.Store(S.MultiplyAdd(S.Broadcast(down), step, old), value);
    }
}
