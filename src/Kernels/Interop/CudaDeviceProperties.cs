namespace Engine.Kernels.Interop;

/// <summary>What the driver says of a GPU.</summary>
/// <param name="Index">Its number, from 0.</param>
/// <param name="Name">Its name, such as NVIDIA H100 80GB HBM3.</param>
/// <param name="ComputeCapability">Its architecture, such as 9.0.</param>
/// <param name="TotalMemory">Its memory, in bytes.</param>
/// <param name="MultiprocessorCount">How many multiprocessors it has.</param>
/// <param name="MaxThreadsPerMultiprocessor">How many threads one of them keeps at a time.</param>
/// <param name="MaxThreadsPerBlock">The most threads of a block.</param>
/// <param name="SharedMemoryPerBlock">Bytes of shared memory that a block may have without asking.</param>
/// <param name="SharedMemoryPerBlockOptIn">Bytes that it may have when its kernel asks for more.</param>
/// <param name="L2CacheBytes">The size of the second-level cache.</param>
/// <param name="MemoryClockKilohertz">The clock of the memory; 0 where the driver does not tell.</param>
/// <param name="MemoryBusBits">The width of the memory's bus.</param>
public sealed record CudaDeviceProperties(
    int Index, string Name, Version ComputeCapability, long TotalMemory, int MultiprocessorCount, int MaxThreadsPerMultiprocessor, int MaxThreadsPerBlock,
    int SharedMemoryPerBlock, int SharedMemoryPerBlockOptIn, int L2CacheBytes, int MemoryClockKilohertz, int MemoryBusBits)
{
    /// <summary>The memory's bandwidth by its data sheet, in bytes a second: two transfers a clock over the whole bus. 0 where not told.</summary>
    public double PeakBandwidth => 2.0 * MemoryClockKilohertz * 1000 * MemoryBusBits / 8;

    /// <summary>Why it cannot run the kernels, in one line; null when it can.</summary>
    public string? Problem => ComputeCapability >= KernelLibrary.LeastComputeCapability
        ? null
        : $"cuda:{Index} ({Name}) has compute capability {ComputeCapability}, and the kernels need {KernelLibrary.LeastComputeCapability} (Ampere) or later";
}
