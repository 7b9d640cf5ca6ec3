using System.Text.Json;
using Engine.Bench.Machine;

namespace Engine.Bench.Peers;

/// <summary>Runs comparisons: a pair of processes a round, in alternating order.</summary>
internal sealed class PeerRunner(PeerOptions options, Action<string> say)
{
    private static readonly string[] Layouts = ["channels_last", "contiguous"];
    private readonly Dictionary<(string Model, string Mode, bool Avx2), string> _layouts = [];

    /// <summary>Runs one.</summary>
    public PeerResult Run(Comparison comparison)
    {
        if (comparison.Measure == Measure.Size)
        {
            throw new ArgumentException("a size is read, not run", nameof(comparison));
        }

        PeerCommand engine = PeerSides.Engine(comparison, options);
        PeerCommand torch = PeerSides.Torch(comparison, options, LayoutFor(comparison));

        // What a cold start reads from the disk is read once beforehand, on both sides: the start is compared, not the disk.
        if (comparison.Measure == Measure.ColdStart)
        {
            PeerRun.Of(engine);
            PeerRun.Of(torch);
        }

        List<double> engineValues = [], torchValues = [], others = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            bool isEngineFirst = round % 2 == 0;
            PeerRun first = PeerRun.Of(isEngineFirst ? engine : torch);
            PeerRun second = PeerRun.Of(isEngineFirst ? torch : engine);
            engineValues.Add(Read(comparison, isEngineFirst ? first : second));
            torchValues.Add(Read(comparison, isEngineFirst ? second : first));
            others.Add(Math.Max(first.OtherCores, second.OtherCores));
            say($"  round {round + 1}: engine {comparison.Show(engineValues[^1])}, PyTorch {comparison.Show(torchValues[^1])}"
                + (others[^1] > PeerResult.Disturbance ? $"; other programs kept {others[^1]:N1} cores busy" : ""));
        }

        return new PeerResult(comparison, engineValues, torchValues, others, [engine.ToString(), torch.ToString()]);
    }

    // A GPU's libraries search for their algorithms by themselves and want channels last; on a CPU the better layout depends on the
    // processor and the version, so both are tried once.
    private string LayoutFor(Comparison comparison)
    {
        if (options.IsGpu)
        {
            return Layouts[0];
        }

        (string, string, bool) key = (comparison.Model, comparison.Mode, comparison.Avx2);
        if (!_layouts.TryGetValue(key, out string? layout))
        {
            Comparison trial = comparison with { WarmUp = 1, Steps = Math.Clamp(comparison.Steps / 3, 2, 5), Measure = Measure.Throughput };
            double[] rates = [.. Layouts.Select(l => Read(trial, PeerRun.Of(PeerSides.Torch(trial, options, l))))];
            _layouts[key] = layout = rates[0] >= rates[1] ? Layouts[0] : Layouts[1];
            say($"  PyTorch's layouts: {string.Join(", ", Layouts.Zip(rates, (l, rate) => $"{l} {trial.Show(rate)}"))}: {layout} it is");
        }

        return layout;
    }

    private static double Read(Comparison comparison, PeerRun run) => comparison.Measure switch
    {
        Measure.Throughput => Median(run.Line),
        Measure.ColdStart => run.SecondsToLine,
        _ =>
            run.PeakResidentBytes > 0 ? run.PeakResidentBytes : throw new EngineException(
                "this system does not tell how much memory a process had: compare memory on Linux"),
    };

    private static double Median(JsonElement line) =>
        line.TryGetProperty("images_per_second", out JsonElement rates) && rates.TryGetProperty("median", out JsonElement median)
            ? median.GetDouble()
            : throw new EngineException($"a line has no images_per_second.median: {line}");
}
