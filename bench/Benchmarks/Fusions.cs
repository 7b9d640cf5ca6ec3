using BenchmarkDotNet.Attributes;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Fused primitives beside the ones that they replace.</summary>
public class Fusions : DeviceBenchmark
{
    private FusionPair _pair;

    /// <summary>The fusions of all devices.</summary>
    public static IEnumerable<Subject> Cases => BenchDevice.All.SelectMany(FusionCatalog.On);

    /// <summary>Makes the tensors.</summary>
    [GlobalSetup]
    public void Prepare() => _pair = Open<FusionSubject>().Prepare();

    /// <summary>One primitive after the other.</summary>
    [Benchmark(Baseline = true)]
    public void Unfused() => _pair.Unfused();

    /// <summary>All in one.</summary>
    [Benchmark]
    public void Fused() => _pair.Fused();
}
