using Engine.Kernels.Convolutions;
using Engine.Kernels.Interop;
using Engine.Kernels.Prediction;
using Engine.Kernels.Queues;
using Engine.Verification;

namespace Engine.Kernels;

/// <summary>
/// An NVIDIA GPU: convolutions by cuDNN, matrix products by cuBLAS, everything else by kernels.cu. All work is queued on one stream
/// in the order of the calls, and no call but <see cref="Device.CopyToHost"/> and <see cref="Device.Synchronize"/> waits for it.
/// </summary>
/// <remarks>
/// Parameters are 32-bit floats in every precision. In bf16 the activations are bfloat16 tensors: each operation's output has its
/// input's type, so a network computes in bfloat16 from the first image on, and the device keeps a bfloat16 copy beside each weight.
/// </remarks>
public sealed partial class CudaDevice : Device
{
    private const int ThreadsPerBlock = 256;

    private readonly CudaQueue _queue;
    private readonly int _addReluVersion = KernelVersions.FromEnvironment().Of("add_relu");
    private readonly bool _foldsFirstLayer = KernelVersions.FromEnvironment().Of("first_layer") == 2;
    private string? _addReluKernel;
    private readonly CudaDNNContext? _dnn;
    private readonly ConvolutionPlans? _plans;

    private CudaDevice(DriverQueue queue, CudaPrecision precision, CudaBatchNorm batchNorm, CudaConvolutions convolutions)
        : base($"cuda:{queue.Context.DeviceId}", DataType.Float32)
    {
        _queue = queue;
        PlentifulBytes = queue.Context.GetMemoryInfo().Free / 2;
        (Precision, BatchNorm) = (precision, batchNorm);
        _dnn = new CudaDNNContext();
        _dnn.SetStream(queue.Stream);
        _plans = new ConvolutionPlans(this, _dnn, precision, convolutions);
    }

    private CudaDevice(RecordingQueue queue, CudaPrecision precision) : base(queue.Gpu.Name, DataType.Float32)
    {
        _queue = queue;
        PlentifulBytes = queue.Properties.TotalMemory / 2;
        Precision = precision;
        queue.Owner = this;
    }

    /// <summary>In what arithmetic it computes.</summary>
    public CudaPrecision Precision { get; }

    /// <summary>Whose kernels compute batch norm with the batch's statistics.</summary>
    public CudaBatchNorm BatchNorm { get; }

    /// <summary>BFloat16 in bf16, Float32 otherwise.</summary>
    public override DataType ActivationType => Precision == CudaPrecision.BFloat16 ? DataType.BFloat16 : DataType.Float32;

    /// <summary>While less than half of the memory is in use that was free when the device was opened.</summary>
    public override bool KeepsOutputs => Memory.UsedBytes < PlentifulBytes;

    /// <summary>Up to how many bytes in use memory counts as plentiful.</summary>
    internal long PlentifulBytes { get; set; }

    /// <summary>In tf32 the factors of products have 10 bits of mantissa; all else is as its type has it.</summary>
    public override CheckTolerance Tolerance => Precision == CudaPrecision.TensorFloat32 ? new CheckTolerance(1e-5, 3e-3) : base.Tolerance;

    /// <summary>The context, which other code of the process may share.</summary>
    /// <exception cref="EngineException">The GPU is described, not present.</exception>
    public CudaContext Context => Driver.Context;

    /// <summary>The stream on which all work is queued, for code that launches kernels of its own between the device's.</summary>
    /// <exception cref="EngineException">The GPU is described, not present.</exception>
    public CudaStream Stream => Driver.Stream;

    /// <summary>The compiled kernels.cu.</summary>
    /// <exception cref="EngineException">The GPU is described, not present.</exception>
    public KernelLibrary Kernels => Driver.Kernels;

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            CudaDeviceProperties gpu = _queue.Properties;
            string waits = CudaSynchronization.IsOn ? $", every launch waited for ({CudaSynchronization.Variable})" : "";
            return $"{gpu.Name}, compute capability {gpu.ComputeCapability}, {gpu.TotalMemory >> 30} GiB, {Precision.Name()}{waits}";
        }
    }

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <param name="precision">In what arithmetic it computes.</param>
    /// <param name="batchNorm">Whose kernels compute batch norm with the batch's statistics.</param>
    /// <param name="convolutions">By what convolutions are computed where it can.</param>
    /// <exception cref="EngineException">A library, the driver or the GPU is missing or too old; the message says which, and what to install.</exception>
    public static CudaDevice Open(
        int ordinal = 0, CudaPrecision precision = CudaPrecision.Float32, CudaBatchNorm batchNorm = CudaBatchNorm.Engine,
        CudaConvolutions convolutions = CudaConvolutions.Graph)
    {
        CudaLibraries.Require();
        CudaContext context = new(ordinal);
        try
        {
            return new CudaDevice(new DriverQueue(context), precision, batchNorm, convolutions);
        }
        catch
        {
            // With the context goes all that was made in it. What that may say does not matter: the reason is on its way up.
            try
            {
                context.Dispose();
            }
            catch (CudaException)
            {
            }

            throw;
        }
    }

    /// <summary>
    /// Opens a GPU that is described, not present, on any machine: it makes the same choices as a real one, hands out addresses of the
    /// described memory, computes nothing, and a step that it captures lists what a GPU would be given (<see cref="CapturedStep.Nodes"/>).
    /// </summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="precision">In what arithmetic it would compute.</param>
    public static CudaDevice Describe(GpuDescription gpu, CudaPrecision precision = CudaPrecision.Float32) =>
        Describe(gpu, precision, ConvolutionForecast.Open(gpu, precision));

    /// <summary>As <see cref="Describe(GpuDescription, CudaPrecision)"/>, without asking the cuDNN of this machine for plans.</summary>
    public static CudaDevice DescribeByRecords(GpuDescription gpu, CudaPrecision precision = CudaPrecision.Float32) =>
        Describe(gpu, precision, new RecordedPlans(gpu, precision));

    internal static CudaDevice Describe(GpuDescription gpu, CudaPrecision precision, ConvolutionForecast forecast) =>
        new(new RecordingQueue(gpu, precision, forecast), precision);

    /// <summary>Who says, in one line, what cuDNN would compute convolutions with: a library, or what was recorded of one; empty on a real GPU.</summary>
    public string PlansFrom => (_queue as RecordingQueue)?.Forecast.Description ?? "";

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination, long start)
    {
        Enter();
        ThrowIfCapturing("upload to", destination);
        _queue.Upload(source, destination.WriteAddress() + (nint)start);
    }

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination)
    {
        Enter();
        ThrowIfCapturing("read", source);
        if (destination.Length > 0)
        {
            _queue.Read(source.ReadAddress, destination);
        }
    }

    /// <inheritdoc/>
    protected override void SynchronizeCore()
    {
        Enter();
        _queue.Synchronize();
    }

    /// <inheritdoc/>
    protected override nint AllocateNative(long bytes)
    {
        Enter();
        return _queue.Allocate(bytes);
    }

    /// <inheritdoc/>
    protected override void FreeNative(nint address, long bytes)
    {
        EnterForRelease();
        _queue.Free(address);
    }

    /// <inheritdoc/>
    protected override void DisposeCore()
    {
        // An error of work queued before, which nobody has seen yet, is thrown here; all is given back nevertheless.
        try
        {
            EnterForRelease();
            _queue.SynchronizeForRelease();
        }
        finally
        {
            DisposeRecordings();
            DisposePrograms();
            _plans?.Dispose();
            foreach (TensorDescriptor descriptor in _normDescriptors.Values)
            {
                descriptor.Dispose();
            }

            _dnn?.Dispose();
            ReleaseUpdateTables();
            base.DisposeCore();
            _queue.Dispose();
        }
    }

    /// <summary>Where its work goes.</summary>
    internal CudaQueue Queue => _queue;

    private DriverQueue Driver
    {
        get
        {
            ThrowIfDisposed();
            return _queue as DriverQueue
                ?? throw new EngineException($"{Name} is described, not present: it has no context, stream or compiled kernels");
        }
    }

    /// <summary>The device may be driven by one thread after another, and each must have its context.</summary>
    internal void Enter()
    {
        ThrowIfDisposed();
        _queue.Enter();
    }

    /// <summary>The same before something is given back, which no failure of the context may hinder.</summary>
    internal void EnterForRelease() => _queue.EnterForRelease();

    /// <summary>Memory for the duration of one primitive: what follows on the stream may take it over.</summary>
    internal Tensor Temporary(long bytes) => Tensor.Borrow(this, new Shape(checked((int)((bytes + 3) / 4))), DataType.Int32);

    internal void Launch(string kernel, KernelVariant variant, Dim3 grid, Dim3 block, params ReadOnlySpan<KernelArgument> arguments)
    {
        Enter();
        _queue.Launch(kernel, variant, grid, block, arguments);
    }

    /// <summary>A grid for n pieces of work, one for each thread; kernels loop where it is cut short.</summary>
    internal Dim3 GridFor(long pieces) =>
        (int)Math.Clamp((pieces + ThreadsPerBlock - 1) / ThreadsPerBlock, 1, _queue.Properties.MultiprocessorCount * 32L);

    /// <summary>A grid for n pieces of work of one warp each.</summary>
    private static Dim3 GridForWarps(int pieces) => Math.Max(1, (pieces + 7) / 8);

    internal Dim3 GridForPacks(Tensor tensor) => GridFor((tensor.Shape.ElementCount + PackWidth(tensor.Type) - 1) / PackWidth(tensor.Type));

    /// <summary>Elements in 16 bytes.</summary>
    private static int PackWidth(DataType type) => type == DataType.BFloat16 ? 8 : 4;

    /// <summary>The variant for the tensors' common type of storage.</summary>
    /// <exception cref="EngineException">A tensor is neither Float32 nor BFloat16, or they differ.</exception>
    private KernelVariant Storage(params ReadOnlySpan<Tensor?> tensors)
    {
        Tensor first = tensors[0]!;
        foreach (Tensor? tensor in tensors)
        {
            if (tensor is not null && (tensor.Type != first.Type || tensor.Type is not (DataType.Float32 or DataType.BFloat16)))
            {
                throw new EngineException($"{Name} computes on Float32 or BFloat16 tensors of one type, but was given {first} and {tensor}");
            }
        }

        return first.Type == DataType.BFloat16 ? KernelVariant.BFloat16 : KernelVariant.Float32;
    }

    /// <summary>The address of a parameter, a statistic or labels, to read: of one type whatever the storage of activations; 0 for none.</summary>
    private nint AddressOf(Tensor? tensor, DataType type = DataType.Float32) => Checked(tensor, type)?.ReadAddress ?? 0;

    /// <summary>The address of a parameter, a statistic or a count, to write: of one type whatever the storage of activations; 0 for none.</summary>
    private nint WriteAddressOf(Tensor? tensor, DataType type = DataType.Float32) => Checked(tensor, type)?.WriteAddress() ?? 0;

    private Tensor? Checked(Tensor? tensor, DataType type) => tensor is null || tensor.Type == type
        ? tensor
        : throw new EngineException($"{Name} expected {type} here, but was given {tensor}");

    private static KernelVariant Scalar(KernelVariant variant) =>
        variant == KernelVariant.BFloat16 ? KernelVariant.BFloat16Scalar : KernelVariant.Float32Scalar;

    private static bool IsScalar(KernelVariant variant) => variant is KernelVariant.BFloat16Scalar or KernelVariant.Float32Scalar;

    private static int Flag(bool value) => value ? 1 : 0;
}
