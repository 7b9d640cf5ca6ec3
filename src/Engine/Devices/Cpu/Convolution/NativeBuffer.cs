namespace Engine.Devices.Cpu.Convolution;

/// <summary>Floats outside the managed heap that grow when more are needed and never shrink: after the first step nothing is allocated.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
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
                _floats = (float*)CpuMemory.Allocate(checked(floats * sizeof(float)));
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
        CpuMemory.Free(_floats);
        _floats = null;
        Capacity = 0;
    }
}
