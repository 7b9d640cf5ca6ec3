using System.Text.Json.Nodes;
using Engine.Bench.Machine;
using Engine.Bench.Reports;

namespace Engine.Bench.Peers;

/// <summary>What a comparison found.</summary>
/// <param name="Comparison">What was compared.</param>
/// <param name="Engine">The engine's figure of each round.</param>
/// <param name="Peer">PyTorch's.</param>
/// <param name="OtherCores">Cores that other programs kept busy in each round, at worst.</param>
/// <param name="Commands">The engine's command line and PyTorch's, or where a size comes from.</param>
internal sealed record PeerResult(
    Comparison Comparison, IReadOnlyList<double> Engine, IReadOnlyList<double> Peer, IReadOnlyList<double> OtherCores, IReadOnlyList<string> Commands)
{
    /// <summary>A round with more than this share of a core taken away is disturbed.</summary>
    public const double Disturbance = 0.2;

    /// <summary>Engine / PyTorch, by rounds.</summary>
    public RatioStatistics Ratio { get; } = RatioStatistics.Of(Engine, Peer);

    /// <summary>How many rounds other programs disturbed.</summary>
    public int DisturbedRounds => OtherCores.Count(cores => cores > Disturbance);

    /// <summary>One line for people.</summary>
    public override string ToString()
    {
        Comparison c = Comparison;
        string text = $"{c.Name}: engine {c.Show(RatioStatistics.MedianOf(Engine))}, PyTorch {c.Show(RatioStatistics.MedianOf(Peer))}, ratio "
            + $"{Quantity.Digits(Ratio.Median)}";
        text += Ratio.Ratios.Count > 1 ? $" (from {Quantity.Digits(Ratio.Min)} to {Quantity.Digits(Ratio.Max)} in {Ratio.Ratios.Count} rounds)" : "";
        text += c.Goal is null ? "" : $", {c.Judge(Ratio.Median)}";
        return text + (DisturbedRounds > 0 ? $"; other programs disturbed {DisturbedRounds} of {OtherCores.Count} rounds" : "");
    }

    /// <summary>The table for the documents.</summary>
    public static string Table(IEnumerable<PeerResult> results)
    {
        MarkdownTable table = new("comparison", "engine", "PyTorch", "engine / PyTorch", "from", "to", "goal");
        foreach (PeerResult r in results)
        {
            table.Add(
                r.Comparison.Name, r.Comparison.Show(RatioStatistics.MedianOf(r.Engine)), r.Comparison.Show(RatioStatistics.MedianOf(r.Peer)),
                Quantity.Digits(r.Ratio.Median), Quantity.Digits(r.Ratio.Min), Quantity.Digits(r.Ratio.Max), r.Comparison.Goal is null
                    ? Quantity.None : r.Comparison.Judge(r.Ratio.Median));
        }

        return table.ToString();
    }

    /// <summary>The comparison as bench/results keeps it.</summary>
    public JsonObject ToJson() => new()
    {
        ["name"] = Comparison.Name,
        ["model"] = Comparison.Model,
        ["batch_size"] = Comparison.BatchSize,
        ["mode"] = Comparison.Mode,
        ["measure"] = Comparison.Measure switch
        {
            Measure.Throughput => "images_per_second",
            Measure.ColdStart => "seconds_to_first_step",
            Measure.PeakMemory => "peak_resident_bytes",
            _ => "installed_bytes",
        },
        ["warmup"] = Comparison.WarmUp,
        ["steps"] = Comparison.Steps,
        ["engine"] = Numbers(Engine),
        ["pytorch"] = Numbers(Peer),
        ["ratios"] = Numbers(Ratio.Ratios),
        ["ratio"] = new JsonObject { ["median"] = Round(Ratio.Median), ["min"] = Round(Ratio.Min), ["max"] = Round(Ratio.Max) },
        ["goal"] = Comparison.Goal is null ? null : Comparison.Judge(Ratio.Median),
        ["other_cores_busy"] = Numbers(OtherCores),
        // As typed in the repository's folder: where that lies on one machine concerns nobody.
        ["commands"] = new JsonArray([.. Commands.Select(
            c => (JsonNode)c.Replace(Environment.CurrentDirectory + Path.DirectorySeparatorChar, "", StringComparison.Ordinal))]),
    };

    /// <summary>A whole run as bench/results keeps it.</summary>
    public static JsonObject ToJson(
        IEnumerable<PeerResult> results, MachineInfo machine, IReadOnlyList<double> load, JsonObject versions, string commit, string command,
        PeerOptions options) => new()
        {
            ["what"] = "engine and PyTorch in turn, each run in a process of its own; a ratio is of two runs that followed each other",
            ["date"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
            ["command"] = command,
            ["commit"] = commit,
            ["machine"] = machine.ToJson(new KeyValuePair<string, JsonNode?>("load_average_before", Numbers(load))),
            ["versions"] = versions,
            ["device"] = options.Device,
            ["precision"] = options.Precision,
            ["threads"] = options.Threads,
            ["rounds"] = options.Rounds,
            ["results"] = new JsonArray([.. results.Select(r => (JsonNode)r.ToJson())]),
        };

    private static JsonArray Numbers(IEnumerable<double> values) => [.. values.Select(v => (JsonNode)Round(v))];

    // Four digits are more than any of these figures is good for.
    private static double Round(double value) =>
        value == 0 ? 0 : Math.Abs(value) >= 1e4 ? Math.Round(value) : Math.Round(value, 3 - (int)Math.Floor(Math.Log10(Math.Abs(value))));
}
