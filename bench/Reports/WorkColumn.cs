using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Engine.Bench.Machine;
using Engine.Bench.Subjects;

namespace Engine.Bench.Reports;

/// <summary>A column that sets the median time in relation to the work, or to what the hardware can do at most.</summary>
internal sealed class WorkColumn(string name, string legend, Func<Work, double, Ceilings, string> show) : IColumn
{
    /// <summary>Memory traffic, arithmetic, and the share of the ceiling that applies.</summary>
    public static IColumn[] All { get; } =
    [
        new WorkColumn("GB/s", "Bytes that must be read and written, by the median time", (work, seconds, _) => Quantity.Giga(work.Bytes, seconds)),
        new WorkColumn("GFLOP/s", "Twice the direct multiply-adds, by the median time", (work, seconds, _) => Quantity.Giga(work.Operations, seconds)),
        new WorkColumn("Ceiling", "Share of the measured copy bandwidth or FMA peak, whichever takes longer", Quantity.Share),
    ];

    public string Id => $"{nameof(WorkColumn)}.{name}";

    public string ColumnName => name;

    public string Legend => legend;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, SummaryStyle.Default);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
        Timing.Of(summary, benchmarkCase) is { } measured
            ? show(measured.Work, measured.Seconds, measured.Subject.Place.Ceilings)
            : Quantity.None;
}
