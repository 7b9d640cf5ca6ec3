using Engine.Bench.Subjects;

namespace Engine.Bench.Benchmarks;

/// <summary>Whole networks.</summary>
public class Steps : NetworkBenchmark
{
    /// <summary>The networks of all devices.</summary>
    public static IEnumerable<Subject> Cases => BenchDevice.All.SelectMany(NetworkSubject.WholeOn);
}
