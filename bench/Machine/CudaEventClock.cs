using Engine.Bench.Subjects;
using Engine.Kernels;
using Engine.Kernels.Interop;
using Perfolizer.Horology;

namespace Engine.Bench.Machine;

/// <summary>
/// A clock that BenchmarkDotNet reads around each iteration: the GPU's own. Each reading puts an event behind all queued work, waits
/// for it, and adds the time since the event of the reading before. So an iteration is as long as the GPU worked, and the host's
/// waiting is not in it.
/// </summary>
internal sealed class CudaEventClock : IClock
{
    private CudaEvent? _last;
    private CudaDevice? _device;
    private long _nanoseconds;

    /// <summary>The device of the benchmark that runs; set by its set-up.</summary>
    public static BenchDevice? Current { get; set; }

    public string Title => "CUDA events";

    public bool IsAvailable => true;

    public Frequency Frequency => new(1e9);

    public long GetTimestamp()
    {
        CudaDevice device = (CudaDevice)(Current ?? throw new EngineException("the GPU's clock was read before a benchmark chose its GPU")).Device;
        device.Synchronize();
        CudaEvent now = new(timing: true);
        now.Record(device.Stream);
        now.Synchronize();
        if (_last is not null && ReferenceEquals(_device, device))
        {
            _nanoseconds += (long)Math.Round(CudaEvent.ElapsedMilliseconds(_last, now) * 1e6);
        }

        _last?.Dispose();
        (_last, _device) = (now, device);
        return _nanoseconds;
    }
}
