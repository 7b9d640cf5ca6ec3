namespace Engine.Kernels.Tests;

/// <summary>A test on the emulated GPU: it starts with a fresh one, and what it leaves allocated there is a failure.</summary>
public abstract class EmulatorTest : IDisposable
{
    /// <param name="isChecked">Whether every access of a kernel is judged: false for long runs of kernels that other tests check.</param>
    protected EmulatorTest(bool isChecked = true)
    {
        CudaEmulator.Reset();
        CudaEmulator.SetKernels(Environment.GetEnvironmentVariable("ENGINE_EMULATOR") ?? (isChecked ? "checked" : "fast"));
    }

    public void Dispose()
    {
        Release();
        (long bytes, long handles, long allocations) = (CudaEmulator.LiveBytes, CudaEmulator.LiveHandles, CudaEmulator.LiveAllocations);
        CudaEmulator.Reset();
        CudaEmulator.SetKernels(Environment.GetEnvironmentVariable("ENGINE_EMULATOR") ?? "checked");
        Assert.True(
            bytes == 0 && handles == 0 && allocations == 0,
            $"the test left {allocations} device allocations of {bytes} bytes, and {handles} streams, events, graphs, modules or pinned blocks");
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives back what the test class holds.</summary>
    protected virtual void Release() { }
}
