using Engine.Kernels.Interop;
using Engine.Kernels.Prediction;

namespace Engine.Kernels.Queues;

/// <summary>
/// A GPU that is described, not present: it hands out addresses, counts them against the described memory, and notes each piece of
/// work that is queued while it captures. Nothing is computed; what is read back is zeros.
/// </summary>
internal sealed class RecordingQueue(GpuDescription gpu, CudaPrecision precision, ConvolutionForecast forecast) : CudaQueue
{
    private const int Alignment = 256;
    private const int LargestTable = 64 * 1024;

    private readonly Dictionary<nint, long> _blocks = [];
    private readonly Dictionary<nint, byte[]> _tables = [];
    private nint _nextAddress = Alignment;
    private List<StepNode>? _nodes;

    /// <summary>The described GPU.</summary>
    internal GpuDescription Gpu => gpu;

    /// <summary>What cuDNN would compute convolutions with.</summary>
    internal ConvolutionForecast Forecast => forecast;

    /// <summary>The device's pool and tape, which know how large the tensor at an address is and in which part of a step work is queued.</summary>
    internal Device? Owner { private get; set; }

    /// <summary>The bytes that are taken now.</summary>
    internal long TakenBytes { get; private set; } = DriverQueue.BlasWorkspace(gpu.Properties);

    internal override CudaDeviceProperties Properties => gpu.Properties;

    internal override nint Allocate(long bytes)
    {
        if (TakenBytes + bytes > gpu.Properties.TotalMemory)
        {
            throw new OutOfMemoryException(
                $"{gpu.Name} has {gpu.Properties.TotalMemory:N0} bytes, of which {TakenBytes:N0} are taken: {bytes:N0} more do not fit");
        }

        nint address = _nextAddress;
        _nextAddress += (nint)((bytes + Alignment - 1) / Alignment * Alignment);
        _blocks[address] = bytes;
        TakenBytes += bytes;
        return address;
    }

    internal override void Free(nint address)
    {
        _tables.Remove(address);
        if (_blocks.Remove(address, out long bytes))
        {
            TakenBytes -= bytes;
        }
    }

    internal override void Launch(string kernel, KernelVariant variant, Dim3 grid, Dim3 block, ReadOnlySpan<KernelArgument> arguments)
    {
        if (_nodes is not null)
        {
            bool isForward = Owner?.Tape.IsRecording ?? true;
            _nodes.Add(new KernelTraffic(kernel, variant, arguments, BytesAt, TableAt).ToNode(grid, block, isForward));
        }
    }

    /// <summary>Notes a convolution by cuDNN; false where the forecast says that it has no engine.</summary>
    /// <param name="key">The convolution.</param>
    /// <param name="accumulate">Whether it adds to what is there.</param>
    /// <param name="rentWorkspace">Lends the workspace, which counts in the peak of memory.</param>
    internal bool TryConvolve(in ConvolutionKey key, bool accumulate, Func<long, Tensor> rentWorkspace)
    {
        PlannedConvolution plan = forecast.PlanFor(key, accumulate);
        if (plan.IsDirect)
        {
            return false;
        }

        using Tensor workspace = rentWorkspace(Math.Max(plan.WorkspaceBytes, 4));
        _nodes?.Add(ConvolutionWork.ToNode(key, accumulate, precision, plan));
        return true;
    }

    internal override void Copy(nint source, nint destination, long bytes) => Add("copy", bytes, bytes);

    internal override void SetBytes(nint destination, byte value, long bytes) => Add("set", 0, bytes);

    internal override void SetWords(nint destination, uint value, long words) => Add("set", 0, 4 * words);

    internal override void Gemm(int m, int n, int k, in CublasMatrix a, in CublasMatrix b, float beta, in CublasMatrix c, CublasComputeType computeType)
    {
        long result = SizeOf(c.Type) * m * n;
        Arithmetic arithmetic = a.Type == CudaDataType.BFloat16 ? Arithmetic.BFloat16
            : computeType == CublasComputeType.Tf32 ? Arithmetic.TensorFloat32 : Arithmetic.Float32;
        long read = (SizeOf(a.Type) * m * k) + (SizeOf(b.Type) * k * n) + (beta == 0 ? 0 : result);
        _nodes?.Add(new StepNode("cublas gemm", StepPart.Products, read, result, 2L * m * n * k, arithmetic));

        static long SizeOf(CudaDataType type) => type == CudaDataType.BFloat16 ? 2 : 4;
    }

    internal override void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        // Tables of addresses are small; images and weights need not be kept.
        if (source.Length <= LargestTable)
        {
            _tables[destination] = source.ToArray();
        }
    }

    internal override void UploadBeside(ReadOnlySpan<byte> source, nint destination) => _tables[destination] = source.ToArray();

    internal override void Read(nint source, Span<byte> destination) => destination.Clear();

    internal override void Synchronize() { }

    internal override void BeginCapture() => _nodes = [];

    internal override QueuedGraph EndCapture()
    {
        RecordedNodes graph = new(_nodes ?? []);
        _nodes = null;
        return graph;
    }

    public override void Dispose() => forecast.Dispose();

    private void Add(string name, long read, long written) => _nodes?.Add(new StepNode(name, StepPart.Memory, read, written));

    // What a tensor asked for, not the larger block that the pool gave it.
    private long BytesAt(nint address) => Owner?.Memory.FindBytes(address) ?? _blocks.GetValueOrDefault(address);

    private ReadOnlyMemory<byte> TableAt(nint address) => _tables.GetValueOrDefault(address);
}

/// <summary>Captured work of a described GPU: a list, which nothing can run.</summary>
internal sealed class RecordedNodes(IReadOnlyList<StepNode> nodes) : QueuedGraph
{
    internal IReadOnlyList<StepNode> Nodes => nodes;

    internal override long NodeCount => nodes.Count;

    internal override void Launch() { }

    public override void Dispose() { }
}
