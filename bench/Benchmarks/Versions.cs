using BenchmarkDotNet.Attributes;
using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Versions of one kernel beside each other: numbered ones on a GPU, vector widths on the CPU.</summary>
public class Versions : DeviceBenchmark
{
    private Action _call = null!;

    /// <summary>All versions that can run here.</summary>
    public static IEnumerable<Subject> Cases => VersionCatalog.All;

    /// <summary>Makes the tensors.</summary>
    [GlobalSetup]
    public void Prepare() => _call = Open<PrimitiveSubject>().Prepare();

    /// <summary>One call.</summary>
    [Benchmark]
    public void Call() => _call();
}
