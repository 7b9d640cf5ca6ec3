using System.Runtime.InteropServices;

namespace Engine;

/// <summary>
/// The definition of right: every primitive in double precision, as plain loops on one thread that follow the formulas in
/// <see cref="Device"/> to the letter. Other devices are compared with it, and gradients are checked on it; it is not meant to be fast.
/// </summary>
public sealed partial class ReferenceDevice : Device
{
    /// <summary>Makes the device; it holds no memory until tensors are made on it.</summary>
    /// <param name="fusesNorms">Whether norms travel inside convolutions (<see cref="Device.FusesNorms"/>), which changes roundings only.</param>
    public ReferenceDevice(bool fusesNorms = true) : base("reference", DataType.Float64) => FusesNorms = fusesNorms;

    /// <inheritdoc/>
    public override bool FusesNorms { get; }

    /// <inheritdoc/>
    public override string Description => "double precision, plain loops, one thread";

    /// <inheritdoc/>
    protected override unsafe nint AllocateNative(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);

    /// <inheritdoc/>
    protected override unsafe void FreeNative(nint address, long bytes) => NativeMemory.AlignedFree((void*)address);

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination, long start) =>
        source.CopyTo(BytesToWrite(destination)[checked((int)start)..]);

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination) => Bytes(source).CopyTo(destination);

    /// <inheritdoc/>
    protected override void FillCore(Tensor output, double value)
    {
        Span<byte> bytes = BytesToWrite(output);
        int size = output.Type.Size();
        Span<byte> element = stackalloc byte[sizeof(double)];
        HostConversion.Convert(MemoryMarshal.AsBytes(new ReadOnlySpan<double>(in value)), DataType.Float64, element, output.Type, 1);
        for (int i = 0; i < bytes.Length; i += size)
        {
            element[..size].CopyTo(bytes[i..]);
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor input, Tensor output) =>
        HostConversion.Convert(Bytes(input), input.Type, BytesToWrite(output), output.Type, input.Shape.Count);

    /// <summary>The elements of a tensor of real numbers, to read.</summary>
    private static ReadOnlySpan<double> Numbers(Tensor tensor) => Elements<double>(tensor, DataType.Float64);

    /// <summary>The elements of a tensor of real numbers, to write.</summary>
    private static Span<double> NumbersToWrite(Tensor tensor) => ElementsToWrite<double>(tensor, DataType.Float64);

    /// <summary>The elements of a tensor of labels or indices, to read.</summary>
    private static ReadOnlySpan<int> Integers(Tensor tensor) => Elements<int>(tensor, DataType.Int32);

    /// <summary>The elements of a tensor of indices or counts, to write.</summary>
    private static Span<int> IntegersToWrite(Tensor tensor) => ElementsToWrite<int>(tensor, DataType.Int32);

    /// <summary>The elements of a tensor of pixels or window positions, to read.</summary>
    private static ReadOnlySpan<byte> Pixels(Tensor tensor) => Elements<byte>(tensor, DataType.UInt8);

    /// <summary>The elements of a tensor of window positions, to write.</summary>
    private static Span<byte> PixelsToWrite(Tensor tensor) => ElementsToWrite<byte>(tensor, DataType.UInt8);

    private static unsafe ReadOnlySpan<T> Elements<T>(Tensor tensor, DataType type) where T : unmanaged =>
        new((void*)Checked(tensor, type).ReadAddress, tensor.Shape.Count);

    private static unsafe Span<T> ElementsToWrite<T>(Tensor tensor, DataType type) where T : unmanaged =>
        new((void*)Checked(tensor, type).WriteAddress(), tensor.Shape.Count);

    private static Tensor Checked(Tensor tensor, DataType type) => tensor.Type == type
        ? tensor
        : throw new EngineException($"the reference device computes in Float64, Int32 and UInt8: it expected {type}, but was given {tensor}");

    private static unsafe ReadOnlySpan<byte> Bytes(Tensor tensor) => new((void*)tensor.ReadAddress, checked((int)tensor.ByteCount));

    private static unsafe Span<byte> BytesToWrite(Tensor tensor) => new((void*)tensor.WriteAddress(), checked((int)tensor.ByteCount));

    /// <summary>Stores a result: added to what is there, or in its place.</summary>
    private static void Put(ref double target, double value, bool accumulate) => target = accumulate ? target + value : value;
}
