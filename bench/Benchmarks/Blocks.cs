using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Whole residual blocks.</summary>
public class Blocks : NetworkBenchmark
{
    /// <summary>The blocks of all devices.</summary>
    public static IEnumerable<Subject> Cases => BenchDevice.All.SelectMany(NetworkSubject.BlocksOn);
}
