using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Kernels.Interop;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Single numbers that the GPU writes into pinned host memory by itself, and an event that tells when it has.</summary>
internal sealed class CudaReadback(CudaDevice device, int capacity) : ScalarReadback(capacity)
{
    private const int SlotBytes = sizeof(double);

    private readonly CudaPageLockedHostMemory<byte> _host = new(capacity * SlotBytes);
    private readonly DataType[] _types = new DataType[capacity];
    private readonly CudaEvent _arrived = new();

    /// <inheritdoc/>
    protected override void Queue(int first, ReadOnlySpan<Tensor> scalars)
    {
        if (device.IsCapturing)
        {
            throw new EngineException($"{device.Name} cannot read {scalars[0]} while a step is being recorded: do it before or after");
        }

        device.Enter();
        for (int i = 0; i < scalars.Length; i++)
        {
            _types[first + i] = scalars[i].Type;
            CudaMemory.CopyToHostAsync(scalars[i].ReadAddress, _host.Pointer + ((first + i) * SlotBytes), scalars[i].ByteCount, device.Stream);
        }

        _arrived.Record(device.Stream);
    }

    /// <inheritdoc/>
    protected override void Receive(Span<double> numbers)
    {
        device.Enter();
        _arrived.Synchronize();
        for (int i = 0; i < numbers.Length; i++)
        {
            HostConversion.Convert(_host.Span[(i * SlotBytes)..], _types[i], MemoryMarshal.AsBytes(numbers.Slice(i, 1)), DataType.Float64, 1);
        }
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        try
        {
            device.EnterForRelease();
            _arrived.SynchronizeForRelease();
        }
        finally
        {
            _arrived.Dispose();
            _host.Dispose();
        }
    }
}
