using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Memory for what convolutions copy and transform, aligned for vectors. On Linux large blocks are asked for in pages of 2 MB: a transform writes to 36
/// places at once, and with pages of 4 KB the processor is short of their addresses (docs/cpu.md has the measurement). Tensors stay on small pages:
/// training gained nothing that could be told from noise, and took 4 % more memory.
/// </summary>
internal static unsafe partial class CpuMemory
{
    private const nuint Line = 64, HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    /// <summary>Takes memory from the system, whose content is unspecified.</summary>
    /// <exception cref="OutOfMemoryException">There is none left.</exception>
    public static void* Allocate(long bytes)
    {
        bool isLarge = OperatingSystem.IsLinux() && bytes >= (long)HugePage;
        void* memory = NativeMemory.AlignedAlloc(checked((nuint)bytes), isLarge ? HugePage : Line);
        if (isLarge)
        {
            // A wish: where the system does not grant it, the memory is as good as any.
            _ = madvise(memory, (nuint)bytes / HugePage * HugePage, AdviseHugePages);
        }

        return memory;
    }

    /// <summary>Gives memory back; null is fine.</summary>
    public static void Free(void* memory) => NativeMemory.AlignedFree(memory);

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint bytes, int advice);
}
