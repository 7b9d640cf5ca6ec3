using BenchmarkDotNet.Attributes;
using Engine.Bench.Machine;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>A benchmark whose one parameter is its <see cref="Subject"/>.</summary>
public abstract class DeviceBenchmark
{
    private protected DeviceBenchmark()
    {
    }

    /// <summary>The device and what runs on it.</summary>
    [ParamsSource("Cases")]
    public Subject Case { get; set; } = null!;

    /// <summary>Frees the tensors.</summary>
    [GlobalCleanup]
    public void Clean() => Case.Clean();

    /// <summary>The case, as what it is; also tells the GPU's clock which GPU to read.</summary>
    private protected T Open<T>() where T : Subject
    {
        CudaEventClock.Current = Case.Place;
        return (T)Case;
    }
}
