using System.Runtime.InteropServices;
using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <summary>Single numbers that the GPU writes into pinned host memory by itself, and an event that tells when it has.</summary>
internal sealed class CudaReadback(CudaDevice device, int capacity) : ScalarReadback(capacity)
{
    private const int SlotBytes = sizeof(double);

    private readonly DataType[] _types = new DataType[capacity];
    private readonly ReadbackHandles _handles = device.Track(new ReadbackHandles(device, capacity * SlotBytes));

    /// <summary>Handles that the program has forgotten are given back on the thread that uses the device next.</summary>
    ~CudaReadback()
    {
        // Null where making them has failed.
        if (_handles is not null)
        {
            device.DisposeLater(_handles);
        }
    }

    /// <inheritdoc/>
    protected override void Queue(int first, ReadOnlySpan<Tensor> scalars)
    {
        if (device.IsCapturing)
        {
            throw new EngineException($"{device.Name} cannot read {scalars[0]} while a step is being recorded: do it before or after");
        }

        using DeviceUse use = device.Use();
        device.Enter();
        for (int i = 0; i < scalars.Length; i++)
        {
            _types[first + i] = scalars[i].Type;
            CudaMemory.CopyToHostAsync(scalars[i].ReadAddress, _handles.Host.Pointer + ((first + i) * SlotBytes), scalars[i].ByteCount, device.Stream);
        }

        _handles.Arrived.Record(device.Stream);
    }

    /// <inheritdoc/>
    protected override void Receive(Span<double> numbers)
    {
        using DeviceUse use = device.Use();
        device.Enter();
        _handles.Arrived.Synchronize();
        for (int i = 0; i < numbers.Length; i++)
        {
            HostConversion.Convert(_handles.Host.Span[(i * SlotBytes)..], _types[i], MemoryMarshal.AsBytes(numbers.Slice(i, 1)), DataType.Float64, 1);
        }
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        if (!device.IsDisposed)
        {
            using DeviceUse use = device.Use();
            _handles.Dispose();
        }
    }
}

/// <summary>What a device holds for a readback; it goes with the device at the latest.</summary>
internal sealed class ReadbackHandles(CudaDevice device, int bytes) : IDisposable
{
    private bool _isDisposed;

    internal CudaPageLockedHostMemory<byte> Host { get; } = new(bytes);

    internal CudaEvent Arrived { get; } = new();

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        device.Untrack(this);
        try
        {
            device.EnterForRelease();
            Arrived.SynchronizeForRelease();
        }
        finally
        {
            Arrived.Dispose();
            Host.Dispose();
        }
    }
}
