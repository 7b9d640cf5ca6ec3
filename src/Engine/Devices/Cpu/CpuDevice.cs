using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu.Convolution;
using Engine.Devices.Cpu.Loops;
using Engine.Devices.Cpu.Simd;

namespace Engine;

/// <summary>
/// The fast device of every computer: single precision, vectors as wide as the processor's, and a team of threads. Results do not
/// depend on the number of threads, to the last bit: work is cut into tasks by shape alone, and partial sums are added up in a fixed
/// order. They do depend, in the last bits, on the vector width, which <c>level</c> or ENGINE_SIMD fixes: with 512 or 256, machines and builds
/// (JIT and Native AOT) that have it agree to the last bit (docs/cpu.md).
/// </summary>
public sealed unsafe partial class CpuDevice : Device
{
    private readonly ThreadTeam _team;
    private readonly CpuConvolution _convolution;

    /// <summary>Makes the device and starts its threads.</summary>
    /// <param name="threads">How many threads compute, the caller's included; one a processor where null.</param>
    /// <param name="level">The vector width; where null, what the environment variable ENGINE_SIMD says (512, 256, 128 or scalar),
    /// or else the widest that the processor, the runtime and the build have.</param>
    /// <param name="winograd">Whether convolutions with dense 3x3 filters of stride 1 may be computed by Winograd's transforms, which
    /// take a quarter of the products and round a little more (docs/cpu.md); where null, what the environment variable
    /// ENGINE_WINOGRAD says (on or off), or else yes.</param>
    /// <param name="fusesNorms">Whether norms travel inside convolutions (<see cref="Device.FusesNorms"/>), which changes roundings only.</param>
    /// <exception cref="EngineException">Fewer than one thread, a vector width that is not to be had here, or a variable that says neither.</exception>
    public CpuDevice(int? threads = null, SimdLevel? level = null, bool? winograd = null, bool fusesNorms = true) : base("cpu", DataType.Float32)
    {
        int size = threads ?? Environment.ProcessorCount;
        if (size is < 1 or > 1024)
        {
            throw new EngineException($"the cpu device runs on 1 to 1024 threads, but {size} were asked for");
        }

        Level = level ?? SimdLevels.FromEnvironment();
        if (!Enum.IsDefined(Level) || !Level.IsSupported())
        {
            throw new EngineException(SimdLevels.Refusal(Level, SimdLevels.Widest, SimdLevels.WidestOfProcessor, SimdLevels.IsNativeBuild));
        }

        UsesWinograd = winograd ?? ParseSwitch("ENGINE_WINOGRAD", Environment.GetEnvironmentVariable("ENGINE_WINOGRAD"));
        FusesNorms = fusesNorms;
        _team = new ThreadTeam(size);
        _convolution = new CpuConvolution(_team, Level, UsesWinograd);
    }

    /// <summary>The vector width in use.</summary>
    public SimdLevel Level { get; }

    /// <summary>One line for whoever wonders why the device is slow: that the processor has wider vectors than this build or this runtime uses,
    /// and what to do; null where it does not. Says nothing of a width that was asked for.</summary>
    public static string? WidthRemark => SimdLevels.Remark(SimdLevels.Widest, SimdLevels.WidestOfProcessor, SimdLevels.IsNativeBuild);

    /// <summary>Whether convolutions may be computed by Winograd's transforms.</summary>
    public bool UsesWinograd { get; }

    /// <summary>How many threads compute, the caller's included.</summary>
    public int Threads => _team.Size;

    /// <inheritdoc/>
    public override string Description =>
        $"{Processor.Name}, {Threads} {(Threads == 1 ? "thread" : "threads")}, "
        + $"{Level.DisplayName()} ({(int)Level} {(Level == SimdLevel.Scalar ? "float" : "floats")})";

    /// <inheritdoc/>
    protected override string Algorithm => _convolution.Algorithm;

    /// <summary>Floats in a vector.</summary>
    private int Width => (int)Level;

    /// <inheritdoc/>
    protected override nint AllocateNative(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)((bytes + 63) / 64 * 64) + 64, 64);

    /// <inheritdoc/>
    protected override void FreeNative(nint address, long bytes) => NativeMemory.AlignedFree((void*)address);

    /// <inheritdoc/>
    protected override void DisposeCore()
    {
        _convolution.Dispose();
        _team.Dispose();
        base.DisposeCore();
    }

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination, long start)
    {
        fixed (byte* from = source)
        {
            Buffer.MemoryCopy(from, (byte*)destination.WriteAddress() + start, destination.ByteCount - start, source.Length);
        }
    }

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination)
    {
        fixed (byte* to = destination)
        {
            Buffer.MemoryCopy((void*)source.ReadAddress, to, destination.Length, source.ByteCount);
        }
    }

    /// <inheritdoc/>
    protected override void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output) =>
        _convolution.Forward(input, filter, geometry, output, default(PlainEpilogue));

    /// <inheritdoc/>
    protected override void ConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate) =>
        _convolution.BackwardData(outputGradient, filter, geometry, inputGradient, accumulate, default(PlainEpilogue));

    /// <inheritdoc/>
    protected override void ConvolutionBackwardFilterCore(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate) =>
        _convolution.BackwardFilter(input, default, outputGradient, geometry, filterGradient, accumulate);

    /// <summary>What a switch among the environment variables says: on where it is not set.</summary>
    /// <exception cref="EngineException">It is neither on nor off.</exception>
    internal static bool ParseSwitch(string variable, string? value) => value switch
    {
        null or "" or "on" => true,
        "off" => false,
        _ => throw new EngineException($"{variable} is '{value}', but must be on or off"),
    };

    /// <summary>Runs all tasks of a job with the device's vectors.</summary>
    private void Run<TJob>(in TJob job, int tasks) where TJob : struct, IVectorJob
    {
        // The conditions are constants: the constructor refuses what they exclude, and a native build has no code for it.
        switch (Level)
        {
            case SimdLevel.Vector512 when Vector512.IsHardwareAccelerated: Run<TJob, Simd512, Vector512<float>>(job, tasks); break;
            case SimdLevel.Vector256 when Vector256.IsHardwareAccelerated: Run<TJob, Simd256, Vector256<float>>(job, tasks); break;
            case SimdLevel.Vector128 when !Vector256.IsHardwareAccelerated || SimdLevels.HasNarrow: Run<TJob, Simd128, Vector128<float>>(job, tasks); break;
            case SimdLevel.Scalar when !Vector128.IsHardwareAccelerated || SimdLevels.HasNarrow: Run<TJob, Scalar, float>(job, tasks); break;
        }
    }

    private void Run<TJob, S, V>(in TJob job, int tasks) where TJob : struct, IVectorJob where S : struct, ISimd<V> where V : struct
    {
        VectorJob<TJob, S, V> sized = new(job);
        _team.Run(ref sized, tasks);
    }

    private static int TaskCount(long items, int perTask) => checked((int)((items + perTask - 1) / perTask));

    /// <summary>The elements of a tensor of real numbers, to read; null where there is no tensor.</summary>
    private static float* Floats(Tensor? tensor) => tensor is null ? null : (float*)Checked(tensor, DataType.Float32).ReadAddress;

    /// <summary>The elements of a tensor of real numbers, to write; null where there is no tensor.</summary>
    private static float* FloatsToWrite(Tensor? tensor) => tensor is null ? null : (float*)Checked(tensor, DataType.Float32).WriteAddress();

    /// <summary>The elements of a tensor of labels or indices, to read.</summary>
    private static int* Integers(Tensor tensor) => (int*)Checked(tensor, DataType.Int32).ReadAddress;

    /// <summary>The elements of a tensor of indices or counts, to write.</summary>
    private static int* IntegersToWrite(Tensor tensor) => (int*)Checked(tensor, DataType.Int32).WriteAddress();

    /// <summary>The elements of a tensor of pixels or window positions, to read.</summary>
    private static byte* Bytes(Tensor tensor) => (byte*)Checked(tensor, DataType.UInt8).ReadAddress;

    /// <summary>The elements of a tensor of window positions, to write.</summary>
    private static byte* BytesToWrite(Tensor tensor) => (byte*)Checked(tensor, DataType.UInt8).WriteAddress();

    private static Tensor Checked(Tensor tensor, DataType type) => tensor.Type == type
        ? tensor
        : throw new EngineException($"the cpu device computes in Float32, Int32 and UInt8: it expected {type}, but was given {tensor}");

    /// <summary>Memory that a primitive borrows from the pool while it runs.</summary>
    private readonly ref struct Scratch
    {
        private readonly MemoryPool _pool;
        private readonly DeviceMemory _memory;

        public Scratch(MemoryPool pool, long bytes)
        {
            _pool = pool;
            _memory = pool.Rent(bytes);
        }

        public byte* Start => (byte*)_memory.Address;

        public void Dispose() => _pool.Return(_memory);
    }
}
