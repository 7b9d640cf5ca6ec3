using Engine.Kernels.Interop;

namespace Engine.Kernels.Queues;

/// <summary>
/// What a <see cref="CudaDevice"/> hands its work to, once it has chosen kernels, grids and memory: a GPU
/// (<see cref="DriverQueue"/>), or a list of what a GPU would have been given (<see cref="RecordingQueue"/>). The choices are the
/// device's, so both see the same launches.
/// </summary>
internal abstract class CudaQueue : IDisposable
{
    /// <summary>The GPU's figures.</summary>
    internal abstract CudaDeviceProperties Properties { get; }

    /// <summary>Makes the GPU the calling thread's.</summary>
    internal virtual void Enter() { }

    /// <summary>The same before something is given back, which no failure of the context may hinder.</summary>
    internal virtual void EnterForRelease() { }

    /// <summary>Takes device memory, aligned to at least 256 bytes.</summary>
    /// <exception cref="OutOfMemoryException">There is none left.</exception>
    internal abstract nint Allocate(long bytes);

    /// <summary>Gives device memory back, after all work queued so far.</summary>
    internal abstract void Free(nint address);

    /// <summary>Queues a kernel of kernels.cu.</summary>
    internal abstract void Launch(string kernel, KernelVariant variant, Dim3 grid, Dim3 block, ReadOnlySpan<KernelArgument> arguments);

    /// <summary>Queues a copy within the device.</summary>
    internal abstract void Copy(nint source, nint destination, long bytes);

    /// <summary>Queues setting every byte.</summary>
    internal abstract void SetBytes(nint destination, byte value, long bytes);

    /// <summary>Queues setting every 32-bit word.</summary>
    internal abstract void SetWords(nint destination, uint value, long words);

    /// <summary>Queues c [m, n] = op(a) [m, k] op(b) [k, n] + beta c, in column order.</summary>
    internal abstract void Gemm(int m, int n, int k, in CublasMatrix a, in CublasMatrix b, float beta, in CublasMatrix c, CublasComputeType computeType);

    /// <summary>Queues a copy from the host; the source may be reused on return.</summary>
    internal abstract void Upload(ReadOnlySpan<byte> source, nint destination);

    /// <summary>Copies from the host at once, into memory that no queued work uses; allowed while work is captured.</summary>
    internal abstract void UploadBeside(ReadOnlySpan<byte> source, nint destination);

    /// <summary>Copies to the host, after all work queued so far.</summary>
    internal abstract void Read(nint source, Span<byte> destination);

    /// <summary>Waits for all work queued so far.</summary>
    internal abstract void Synchronize();

    /// <summary>The same before something is given back: throws an error of queued work that nobody has seen yet, and none that was thrown already.</summary>
    internal virtual void SynchronizeForRelease() { }

    /// <summary>From now on work is kept instead of run, until <see cref="EndCapture"/>.</summary>
    internal abstract void BeginCapture();

    /// <summary>Ends the capture and returns its work.</summary>
    internal abstract QueuedGraph EndCapture();

    /// <summary>Gives everything back.</summary>
    public abstract void Dispose();
}

/// <summary>Captured work, to be run as often as wanted.</summary>
internal abstract class QueuedGraph : IDisposable
{
    /// <summary>How many pieces of work it holds.</summary>
    internal abstract long NodeCount { get; }

    /// <summary>Queues all of it.</summary>
    internal abstract void Launch();

    /// <summary>Gives it back.</summary>
    public abstract void Dispose();
}
