using Engine.Bench.Reports;

namespace Engine.Bench.Peers;

/// <summary>What is compared.</summary>
internal enum Measure
{
    /// <summary>Images per second: the median step of a process that has warmed up.</summary>
    Throughput,

    /// <summary>Seconds from the start of the process to the end of its first training step.</summary>
    ColdStart,

    /// <summary>The most memory that the process had resident at once, in bytes.</summary>
    PeakMemory,

    /// <summary>Bytes that have to be installed.</summary>
    Size,
}

/// <summary>One comparison: a network, what is done with it, what is measured, and what must come out.</summary>
/// <param name="Name">How --only names it.</param>
/// <param name="Model">The network.</param>
/// <param name="BatchSize">Images in a batch.</param>
/// <param name="Mode">train or infer.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="WarmUp">Steps before measuring.</param>
/// <param name="Steps">Steps that are measured.</param>
/// <param name="Goal">The bound of engine / PyTorch: at least this for throughput, at most this otherwise; null for none.</param>
/// <param name="Avx2">Whether both sides are held to AVX2.</param>
internal sealed record Comparison(
    string Name, string Model, int BatchSize, string Mode, Measure Measure, int WarmUp, int Steps, double? Goal = null, bool Avx2 = false)
{
    /// <summary>What --only adds to a comparison's name for its AVX2 twin.</summary>
    public const string Avx2Suffix = "-avx2";

    // As long as two or three seconds of work a process, but at least two steps.
    private static readonly Comparison[] Standard =
    [
        new("resnet20-train", "resnet20", 128, "train", Measure.Throughput, 3, 15, 1.3),
        new("resnet20-infer", "resnet20", 128, "infer", Measure.Throughput, 5, 40, 1.3),
        new("resnet18-train", "resnet18", 16, "train", Measure.Throughput, 1, 5, 1.3),
        new("resnet18-infer", "resnet18", 16, "infer", Measure.Throughput, 2, 12),
        new("resnet50-train", "resnet50", 16, "train", Measure.Throughput, 1, 3, 1.1),
        new("resnet50-infer", "resnet50", 16, "infer", Measure.Throughput, 1, 6, 1.1),
    ];

    private static readonly Comparison[] Others =
    [
        new("cold-start", "resnet20", 128, "train", Measure.ColdStart, 0, 1, 0.3),
        new("memory", "resnet50", 16, "train", Measure.PeakMemory, 0, 3, 0.8),
        new("size", "", 0, "", Measure.Size, 0, 0),
    ];

    private static readonly Comparison[] Narrow =
        [.. Standard.Select(c => c with { Name = c.Name + Avx2Suffix, Avx2 = true, Goal = c.Name == "resnet20-train" ? 1.1 : null })];

    /// <summary>What runs where --only names nothing, on a CPU: every row of the project's table of goals, and its neighbors.</summary>
    public static IReadOnlyList<Comparison> Default { get; } = [.. Standard, Narrow[0], .. Others];

    /// <summary>What runs on a GPU: larger batches of the large networks, no vector widths.</summary>
    public static IReadOnlyList<Comparison> ForGpu { get; } =
        [.. Standard.Concat(Others).Select(
            c => c with { BatchSize = c.Model is "resnet18" or "resnet50" ? 128 : c.BatchSize, WarmUp = c.WarmUp * 10, Goal = null })];

    /// <summary>Everything that --only may name.</summary>
    public static IReadOnlyList<Comparison> All { get; } = [.. Standard, .. Narrow, .. Others];

    /// <summary>Whether more is better.</summary>
    public bool IsHigherBetter => Measure == Measure.Throughput;

    /// <summary>The goal, and whether a ratio meets it; empty where there is none.</summary>
    public string Judge(double ratio) => Goal is not { } goal ? ""
        : $"{(IsHigherBetter ? "at least" : "at most")} {Quantity.Digits(goal)}: {((IsHigherBetter ? ratio >= goal : ratio <= goal) ? "met" : "missed")}";

    /// <summary>A measured figure with its unit.</summary>
    public string Show(double value) => Measure switch
    {
        Measure.Throughput => $"{Quantity.Digits(value)} images/s",
        Measure.ColdStart => $"{Quantity.Digits(value)} s",
        _ => $"{Quantity.Digits(value / 1e6)} MB",
    };

    /// <summary>The comparisons that a list of names chooses, each name whole or the beginning of several.</summary>
    /// <exception cref="EngineException">A name chooses nothing.</exception>
    public static IReadOnlyList<Comparison> Choose(IReadOnlyList<string> names, bool isGpu)
    {
        IReadOnlyList<Comparison> all = isGpu ? ForGpu : All;
        if (names.Count == 0)
        {
            return isGpu ? ForGpu : Default;
        }

        List<Comparison> chosen = [];
        foreach (string name in names)
        {
            Comparison[] matches = all.Where(c => c.Name == name).ToArray() is [{ } exact] ? [exact]
                : [.. all.Where(c => c.Name.StartsWith(name, StringComparison.Ordinal) && (!c.Avx2 || name.EndsWith(Avx2Suffix, StringComparison.Ordinal)))];
            chosen.AddRange(matches.Length > 0
                ? matches
                : throw new EngineException($"--only names '{name}', which is no comparison; there are {string.Join(", ", all.Select(c => c.Name))}"));
        }

        return [.. chosen.Distinct()];
    }
}
