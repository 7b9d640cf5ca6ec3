using System.Globalization;

namespace Engine.Bench.Reports;

/// <summary>The tables of docs/benchmarks.md, made from what a run measured.</summary>
internal static class BenchmarkTables
{
    /// <summary>
    /// One table for the timings of one class of benchmarks. A class of one method gets a row of rates for each case; of several,
    /// a row for each case with the methods side by side, and the ratio where the class compares a fused one with an unfused one.
    /// </summary>
    /// <param name="timings">What was measured, in the order of the run.</param>
    public static string Of(IReadOnlyList<Timing> timings)
    {
        string[] methods = [.. timings.Select(m => m.Method).Distinct()];
        return methods.Length == 1 ? Single(timings) : SideBySide(timings, methods);
    }

    private static string Single(IReadOnlyList<Timing> timings)
    {
        MarkdownTable table = new("case", "time", "GB/s", "GFLOP/s", "of the ceiling", "allocated");
        foreach (Timing m in timings)
        {
            table.Add(
                $"{m.Subject}", Quantity.Time(m.Seconds), Quantity.Giga(m.Work.Bytes, m.Seconds), Quantity.Giga(m.Work.Operations, m.Seconds),
                Quantity.Share(m.Work, m.Seconds, m.Subject.Place.Ceilings), Allocated(m));
        }

        return table.ToString();
    }

    private static string SideBySide(IReadOnlyList<Timing> timings, string[] methods)
    {
        bool isComparison = methods.Contains(nameof(Benchmarks.Fusions.Unfused));
        MarkdownTable table = new(["case", .. methods.SelectMany(Headings), .. isComparison ? ["times faster"] : Array.Empty<string>(), "allocated"]);
        foreach (IGrouping<string, Timing> row in timings.GroupBy(m => m.Subject.ToString()))
        {
            Timing?[] cells = [.. methods.Select(method => row.FirstOrDefault(m => m.Method == method))];
            table.Add(
                [row.Key, .. cells.SelectMany(Cells), .. isComparison ? [Ratio(row)] : Array.Empty<string>(), Allocated([.. cells.OfType<Timing>()])]);
        }

        return table.ToString();

        IEnumerable<string> Headings(string method) => [Words(method), timings.Any(m => m.Work.Operations > 0) ? "GFLOP/s" : "GB/s", "of the ceiling"];
    }

    private static IEnumerable<string> Cells(Timing? m) => m is null
        ? [Quantity.None, Quantity.None, Quantity.None]
        : [
            Quantity.Time(m.Seconds),
            m.Work.Operations > 0 ? Quantity.Giga(m.Work.Operations, m.Seconds) : Quantity.Giga(m.Work.Bytes, m.Seconds),
            Quantity.Share(m.Work, m.Seconds, m.Subject.Place.Ceilings),
        ];

    private static string Ratio(IEnumerable<Timing> row)
    {
        Timing? fused = row.FirstOrDefault(m => m.Method == nameof(Benchmarks.Fusions.Fused));
        Timing? unfused = row.FirstOrDefault(m => m.Method == nameof(Benchmarks.Fusions.Unfused));
        return fused is null || unfused is null ? Quantity.None : Quantity.Digits(unfused.Seconds / fused.Seconds);
    }

    private static string Allocated(params IReadOnlyList<Timing> cells) =>
        string.Join(", ", cells.Select(m => m.AllocatedBytes).Distinct().Select(bytes => string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} B")));

    // ByFilter as by filter.
    private static string Words(string method) =>
        string.Concat(method.Select((c, i) => i > 0 && char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
