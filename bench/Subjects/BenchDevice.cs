using Engine.Bench.Machine;
using Engine.Kernels;
using Engine.Kernels.Interop;

namespace Engine.Bench.Subjects;

/// <summary>A device that is present: opened when it is first used, and then shared by all benchmarks, which run one after another.</summary>
internal sealed class BenchDevice
{
    private static readonly Lazy<(IReadOnlyList<BenchDevice> Devices, string? Skipped)> Found = new(Find);
    private static Lazy<Ceilings> _processor = new(CpuCeilings.Measure);
    private readonly Lazy<Device> _device;
    private readonly Lazy<Ceilings>? _ceilings;

    private BenchDevice(string name, Func<Device> open, bool isCuda = false)
    {
        (Name, IsCuda) = (name, isCuda);
        _device = new Lazy<Device>(open);

        // The processor is measured without a device: an open one's threads would wait for work beside.
        _ceilings = isCuda ? new Lazy<Ceilings>(() => CudaCeilings.Measure((CudaDevice)Device)) : null;
    }

    /// <summary>The devices on which everything is measured: the CPU, and a GPU in single precision and in bfloat16.</summary>
    public static IReadOnlyList<BenchDevice> All => Found.Value.Devices;

    /// <summary>The CPU with narrower vectors than its widest, down to one float: earlier versions of every CPU kernel, so to say.</summary>
    public static IReadOnlyList<BenchDevice> Levels { get; } =
    [
        .. Enum.GetValues<SimdLevel>().Where(level => level.IsSupported()).OrderBy(level => level)
            .Select(level => new BenchDevice($"cpu {level.DisplayName()}", () => new CpuDevice(level: level))),
    ];

    /// <summary>The line that tells why there is no GPU among them; null where there is one.</summary>
    public static string? Skipped => Found.Value.Skipped;

    /// <summary>How tables call it.</summary>
    public string Name { get; }

    /// <summary>Whether it is a GPU, whose work is timed by its own events.</summary>
    public bool IsCuda { get; }

    /// <summary>The device.</summary>
    public Device Device => _device.Value;

    /// <summary>What the hardware can do at most, measured in this run.</summary>
    public Ceilings Ceilings => (_ceilings ?? _processor).Value;

    /// <summary>
    /// Measures the processor once more, after the benchmarks, and keeps the higher figures: of a shared machine a part may be withheld for
    /// as long as one measurement takes.
    /// </summary>
    public static void MeasureProcessorAgain()
    {
        Ceilings higher = _processor.Value.Or(CpuCeilings.Measure());
        _processor = new Lazy<Ceilings>(higher);
    }

    private static (IReadOnlyList<BenchDevice>, string?) Find()
    {
        List<BenchDevice> devices = [new BenchDevice("cpu", () => new CpuDevice())];
        if (!CudaLibraries.Probe().IsAvailable)
        {
            return (devices, $"cuda: skipped, because {CudaLibraries.Probe().Reason}");
        }

        try
        {
            CudaDevice single = CudaDevice.Open(0, CudaPrecision.Float32);
            devices.Add(new BenchDevice("cuda", () => single, isCuda: true));
            devices.Add(new BenchDevice("cuda bf16", () => CudaDevice.Open(0, CudaPrecision.BFloat16), isCuda: true));
            return (devices, null);
        }
        catch (EngineException e)
        {
            return (devices, $"cuda: skipped, because {e.Message}");
        }
    }
}
