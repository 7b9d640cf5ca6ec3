using System.Globalization;
using Engine.Bench.Subjects;

namespace Engine.Bench.Machine;

/// <summary>What a device's hardware can do at most, measured in the same run as the benchmarks beside which it stands.</summary>
/// <param name="BytesPerSecond">Bytes read plus bytes written by a copy between two buffers that no cache holds.</param>
/// <param name="OperationsPerSecond">Single-precision operations, a fused multiply-add counted as two.</param>
/// <param name="Description">How and on what it was measured.</param>
internal sealed record Ceilings(double BytesPerSecond, double OperationsPerSecond, string Description)
{
    /// <summary>The shortest time in which the hardware could do some work, in seconds: what takes longer, moving its bytes or its arithmetic.</summary>
    public double LeastSeconds(Work work) => Math.Max(work.Bytes / BytesPerSecond, work.Operations / OperationsPerSecond);

    /// <summary>Whether moving the work's bytes takes longer than its arithmetic.</summary>
    public bool IsBoundByMemory(Work work) => work.Bytes / BytesPerSecond > work.Operations / OperationsPerSecond;

    /// <summary>Of each figure the higher one.</summary>
    public Ceilings Or(Ceilings other) => this with
    {
        BytesPerSecond = Math.Max(BytesPerSecond, other.BytesPerSecond),
        OperationsPerSecond = Math.Max(OperationsPerSecond, other.OperationsPerSecond),
    };

    /// <summary>Both figures, for people.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"copy {BytesPerSecond / 1e9:N1} GB/s, multiply-add {OperationsPerSecond / 1e9:N0} GFLOP/s ({Description})");
}
