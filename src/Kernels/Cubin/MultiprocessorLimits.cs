namespace Engine.Kernels.Cubin;

/// <summary>
/// What one multiprocessor of an architecture holds, and how many blocks of a kernel fit in it at once. The figures are those of the
/// CUDA C++ programming guide, "Technical specifications per compute capability"; the rounding is that of cuda_occupancy.h.
/// </summary>
/// <param name="ComputeCapability">The architecture.</param>
/// <param name="Threads">Threads at once.</param>
/// <param name="Blocks">Blocks at once.</param>
/// <param name="Registers">32-bit registers.</param>
/// <param name="SharedBytes">The most shared memory, in bytes, that its blocks can have together.</param>
public sealed record MultiprocessorLimits(Version ComputeCapability, int Threads, int Blocks, int Registers, int SharedBytes)
{
    private const int Warp = 32;

    // Registers are dealt to warps 256 at a time, each from its own quarter of the multiprocessor; shared memory 128 bytes at a time,
    // with 1,024 bytes a block that the system keeps for itself.
    private const int RegisterUnit = 256;
    private const int Partitions = 4;
    private const int SharedUnit = 128;
    private const int ReservedSharedBytes = 1024;

    /// <summary>The most registers that a thread can have.</summary>
    public const int MaxRegistersPerThread = 255;

    /// <summary>The limits of a compute capability from 8.0 to 12.1.</summary>
    /// <exception cref="EngineException">It is not known.</exception>
    public static MultiprocessorLimits For(Version computeCapability) => (computeCapability.Major, computeCapability.Minor) switch
    {
        (8, 0) => Of(computeCapability, 2048, 32, 164),
        (8, 7) => Of(computeCapability, 1536, 16, 164),
        (8, 9) => Of(computeCapability, 1536, 24, 100),
        (8, _) => Of(computeCapability, 1536, 16, 100),
        (9, _) or (10, _) => Of(computeCapability, 2048, 32, 228),
        (11, _) => Of(computeCapability, 1536, 24, 228),
        (12, _) => Of(computeCapability, 1536, 24, 100),
        _ => throw new EngineException($"the multiprocessors of compute capability {computeCapability} are not known; known are 8.0 to 12.1"),
    };

    /// <summary>How many blocks of a kernel fit at once.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="threadsPerBlock">Threads of a block.</param>
    /// <param name="dynamicSharedBytes">Shared memory that the launch adds, in bytes.</param>
    /// <returns>The number of blocks; 0 where not even one fits.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A block has no thread, or less than no shared memory.</exception>
    public int BlocksPerMultiprocessor(KernelResources kernel, int threadsPerBlock, int dynamicSharedBytes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threadsPerBlock, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(dynamicSharedBytes);
        int warps = RoundUp(threadsPerBlock, Warp) / Warp;
        int byThreads = Math.Min(Blocks, Threads / Warp / warps);
        int registersOfWarp = RoundUp(Math.Max(kernel.Registers, 1) * Warp, RegisterUnit);
        int byRegisters = kernel.Registers > MaxRegistersPerThread ? 0 : Registers / Partitions / registersOfWarp * Partitions / warps;
        long shared = RoundUp((long)kernel.SharedBytes + dynamicSharedBytes + ReservedSharedBytes, SharedUnit);
        return (int)Math.Min(Math.Min(byThreads, byRegisters), SharedBytes / shared);
    }

    /// <summary>The share of the multiprocessor's warps that a kernel's blocks fill, from 0 to 1.</summary>
    /// <inheritdoc cref="BlocksPerMultiprocessor"/>
    /// <returns>The share.</returns>
    public double Occupancy(KernelResources kernel, int threadsPerBlock, int dynamicSharedBytes = 0) =>
        (double)BlocksPerMultiprocessor(kernel, threadsPerBlock, dynamicSharedBytes) * RoundUp(threadsPerBlock, Warp) / Threads;

    private static MultiprocessorLimits Of(Version computeCapability, int threads, int blocks, int sharedKibibytes) =>
        new(computeCapability, threads, blocks, 65536, sharedKibibytes * 1024);

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    private static long RoundUp(long value, int unit) => (value + unit - 1) / unit * unit;
}
