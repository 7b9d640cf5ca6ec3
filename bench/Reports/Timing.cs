using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Engine.Bench.Subjects;

namespace Engine.Bench.Reports;

/// <summary>What a benchmark's report says.</summary>
/// <param name="Subject">What it ran on.</param>
/// <param name="Method">The benchmark's method.</param>
/// <param name="Seconds">The median time of a call.</param>
/// <param name="AllocatedBytes">Managed memory that a call took.</param>
internal sealed record Timing(Subject Subject, string Method, double Seconds, long AllocatedBytes)
{
    /// <summary>The shortest and the longest time of a call, in seconds.</summary>
    public (double Least, double Most) Range { get; init; } = (Seconds, Seconds);

    /// <summary>The class of benchmarks, and the method.</summary>
    public string Name { get; init; } = Method;

    /// <summary>What a call has to do.</summary>
    public Work Work => Subject.WorkOf(Method);

    /// <summary>Reads it; null where the benchmark failed.</summary>
    public static Timing? Of(Summary summary, BenchmarkCase benchmark)
    {
        BenchmarkReport? report = summary[benchmark];
        return report?.ResultStatistics is { } statistics
            ? new Timing(
                (Subject)benchmark.Parameters["Case"], benchmark.Descriptor.WorkloadMethod.Name, statistics.Median * 1e-9,
                report.GcStats.GetBytesAllocatedPerOperation(benchmark) ?? 0)
            {
                Range = (statistics.Min * 1e-9, statistics.Max * 1e-9),
                Name = $"{benchmark.Descriptor.Type.Name}.{benchmark.Descriptor.WorkloadMethod.Name}",
            }
            : null;
    }
}
