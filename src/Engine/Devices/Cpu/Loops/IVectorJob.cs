using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>A piece of parallel work written once for all vector widths.</summary>
internal interface IVectorJob
{
    /// <summary>Does one task with the vectors of <typeparamref name="S"/>. What it computes depends neither on the thread nor on how many there are.</summary>
    void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct;
}

/// <summary>A vector job at one width, as the thread team runs it.</summary>
internal struct VectorJob<TJob, S, V>(TJob job) : IParallelJob
    where TJob : struct, IVectorJob where S : struct, ISimd<V> where V : struct
{
    private TJob _job = job;

    public void Run(int task, int thread) => _job.Run<S, V>(task, thread);
}

/// <summary>A condition that is known when a kernel is compiled, so that each case gets a loop of its own.</summary>
internal interface IFlag
{
    static abstract bool IsSet { get; }
}

/// <summary>The flag that is set.</summary>
internal readonly struct Yes : IFlag
{
    public static bool IsSet => true;
}

/// <summary>The flag that is not set.</summary>
internal readonly struct No : IFlag
{
    public static bool IsSet => false;
}
