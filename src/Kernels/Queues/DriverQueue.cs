using Engine.Kernels.Interop;

namespace Engine.Kernels.Queues;

/// <summary>A GPU behind the NVIDIA driver: one stream, kernels.cu compiled for it, cuBLAS on that stream.</summary>
internal sealed class DriverQueue : CudaQueue
{
    private readonly UploadRing _uploads;
    private readonly CudaBlas _blas;
    private readonly nint _blasWorkspace;

    /// <summary>Prepares a GPU; the context is this queue's from here on, unless the constructor throws.</summary>
    internal DriverQueue(CudaContext context)
    {
        Context = context;
        Kernels = new KernelLibrary(context.Properties.ComputeCapability);
        Stream = new CudaStream();
        _uploads = new UploadRing(Stream);

        // Memory of its own, of the size that NVIDIA advises, lets cuBLAS be recorded in a graph.
        long workspace = BlasWorkspace(context.Properties);
        _blasWorkspace = CudaMemory.Allocate(workspace);
        _blas = new CudaBlas();
        _blas.SetStream(Stream);
        _blas.SetWorkspace(_blasWorkspace, workspace);
    }

    internal CudaContext Context { get; }

    internal CudaStream Stream { get; }

    internal KernelLibrary Kernels { get; }

    internal override CudaDeviceProperties Properties => Context.Properties;

    /// <summary>The bytes that NVIDIA advises to give cuBLAS.</summary>
    internal static long BlasWorkspace(CudaDeviceProperties properties) => properties.ComputeCapability.Major >= 9 ? 32 << 20 : 4 << 20;

    internal override void Enter() => Context.SetCurrent();

    internal override void EnterForRelease() => Context.SetCurrentForRelease();

    internal override nint Allocate(long bytes)
    {
        try
        {
            return CudaMemory.Allocate(bytes);
        }
        catch (CudaException e) when (e.IsOutOfMemory)
        {
            throw new OutOfMemoryException(e.Message, e);
        }
    }

    internal override void Free(nint address) => CudaMemory.Free(address);

    internal override void Launch(string kernel, KernelVariant variant, Dim3 grid, Dim3 block, ReadOnlySpan<KernelArgument> arguments) =>
        Kernels.Get(kernel, variant).Launch(Stream, grid, block, 0, arguments);

    internal override void Copy(nint source, nint destination, long bytes) => CudaMemory.CopyAsync(source, destination, bytes, Stream);

    internal override void SetBytes(nint destination, byte value, long bytes) => CudaMemory.SetAsync(destination, value, bytes, Stream);

    internal override void SetWords(nint destination, uint value, long words) => CudaMemory.SetWordsAsync(destination, value, words, Stream);

    internal override void Gemm(int m, int n, int k, in CublasMatrix a, in CublasMatrix b, float beta, in CublasMatrix c, CublasComputeType computeType) =>
        _blas.Gemm(m, n, k, 1, a, b, beta, c, computeType);

    internal override void Upload(ReadOnlySpan<byte> source, nint destination) => _uploads.Upload(source, destination);

    internal override void UploadBeside(ReadOnlySpan<byte> source, nint destination) => _uploads.UploadBeside(source, destination);

    internal override unsafe void Read(nint source, Span<byte> destination)
    {
        fixed (byte* data = destination)
        {
            CudaMemory.CopyToHostAsync(source, (nint)data, destination.Length, Stream);
            Stream.Synchronize();
        }
    }

    internal override void Synchronize() => Stream.Synchronize();

    internal override void SynchronizeForRelease() => Stream.SynchronizeForRelease();

    internal override void BeginCapture() => Stream.BeginCapture();

    internal override QueuedGraph EndCapture()
    {
        using CudaGraph graph = Stream.EndCapture();
        return new DriverGraph(graph.Instantiate(), graph.NodeCount, Stream);
    }

    public override void Dispose()
    {
        _blas.Dispose();
        _uploads.Dispose();
        CudaMemory.Free(_blasWorkspace);
        Kernels.Dispose();
        Stream.Dispose();
        Context.Dispose();
    }

    private sealed class DriverGraph(CudaGraphExec graph, long nodeCount, CudaStream stream) : QueuedGraph
    {
        internal override long NodeCount => nodeCount;

        internal override void Launch() => graph.Launch(stream);

        public override void Dispose() => graph.Dispose();
    }
}
