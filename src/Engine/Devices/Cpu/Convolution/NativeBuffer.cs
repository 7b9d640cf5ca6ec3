using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>Floats outside the managed heap that grow when more are needed and never shrink: after the first step nothing is allocated.</summary>
/// <remarks>
/// On Linux large ones are asked for in pages of 2 MB: a transform writes to 36 places at once, and with pages of 4 KB the processor is short of their
/// addresses (docs/cpu.md has the measurement). Tensors stay on small pages: training gained nothing that could be told from noise, and took 4 % more memory.
/// </remarks>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    private const nuint Line = 64, HugePage = 2 << 20;
    private const int AdviseHugePages = 14;
    private float* _floats;

    /// <summary>How many floats there is room for.</summary>
    public long Capacity { get; private set; }

    /// <summary>Room for at least this many floats, aligned to 64 bytes; earlier content is lost when it grows.</summary>
    public float* Ensure(long floats)
    {
        if (floats > Capacity)
        {
            Dispose();
            try
            {
                _floats = (float*)Allocate(checked(floats * sizeof(float)));
            }
            catch (OutOfMemoryException e)
            {
                throw new EngineException(
                    $"out of memory: a convolution needs {floats * sizeof(float):N0} bytes of scratch; use a smaller batch or a smaller model", e);
            }

            Capacity = floats;
        }

        return _floats;
    }

    /// <summary>Floats rounded up to whole cache lines, so that what lies behind them is aligned too.</summary>
    public static long WholeLines(long floats) => (floats + 15) / 16 * 16;

    public void Dispose()
    {
        NativeMemory.AlignedFree(_floats);
        _floats = null;
        Capacity = 0;
    }

    private static void* Allocate(long bytes)
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

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint bytes, int advice);
}
