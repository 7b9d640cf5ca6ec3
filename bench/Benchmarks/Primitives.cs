using BenchmarkDotNet.Attributes;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Every primitive of every device.</summary>
public class Primitives : DeviceBenchmark
{
    private Action _call = null!;

    /// <summary>The primitives of all devices.</summary>
    public static IEnumerable<Subject> Cases => BenchDevice.All.SelectMany(PrimitiveCatalog.On);

    /// <summary>Makes the tensors.</summary>
    [GlobalSetup]
    public void Prepare() => _call = Open<PrimitiveSubject>().Prepare();

    /// <summary>One call.</summary>
    [Benchmark]
    public void Call() => _call();
}
