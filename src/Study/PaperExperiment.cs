using System.Globalization;
using Engine.Training;

namespace Engine.Study;

/// <summary>
/// One of the experiments of He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015: what is trained, by the paper's
/// recipe, and the paper's figures to put beside one's own.
/// </summary>
public sealed class PaperExperiment
{
    private const long PaperSteps = 64_000;
    private static readonly Dictionary<int, double> Table6 = new() { [20] = 8.75, [32] = 7.51, [44] = 7.17, [56] = 6.97, [110] = 6.43, [1202] = 7.93 };
    private static readonly Dictionary<string, double> Table2 = new() { ["plain18"] = 27.94, ["resnet18"] = 27.88, ["plain34"] = 28.54, ["resnet34"] = 25.03 };
    private readonly double _scale;

    private PaperExperiment(string name, string title, StudyOptions options, double scale) => (Name, Title, Options, _scale) = (name, title, options, scale);

    /// <summary>The experiments that <see cref="Of"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["figure6", "table6", "figure7", "table2"];

    /// <summary>figure6, table6, figure7 or table2.</summary>
    public string Name { get; }

    /// <summary>What the paper shows there.</summary>
    public string Title { get; }

    /// <summary>What is trained.</summary>
    public StudyOptions Options { get; }

    /// <summary>An experiment, whole or cut down.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="scale">The share of the paper's iterations, above 0 and up to 1. The rate falls at the half and at three quarters of
    /// them. Below 1 it also grows linearly over the first twentieth: the paper warms up its deepest network alone, but 0.1 throws every
    /// deep residual network back by some hundred iterations, which 64,000 hide and a few thousand do not.</param>
    /// <param name="depths">The depths to train; null for the paper's, without the 1,202 layers that it has in Table 6, which must be asked for.</param>
    /// <param name="batchSize">Images behind an update; null for the paper's 128 on CIFAR-10.</param>
    /// <param name="data">The data set's name; null for cifar10.</param>
    /// <exception cref="EngineException">There is no such experiment, or a figure is out of range.</exception>
    public static PaperExperiment Of(string name, double scale, IReadOnlyList<int>? depths = null, int? batchSize = null, string? data = null)
    {
        if (!(scale is > 0 and <= 1))
        {
            throw new EngineException(FormattableString.Invariant(
                $"the scale is {scale}, but must be above 0 and at most 1, which is the paper's {PaperSteps:N0} iterations"));
        }

        (string title, int[] standard, string[] kinds) = name switch
        {
            "figure6" => ("Figure 6: training on CIFAR-10, plain and residual", new[] { 20, 32, 44, 56 }, new[] { "plain", "residual" }),
            "table6" => ("Table 6: residual networks on CIFAR-10", [20, 32, 44, 56, 110], ["residual"]),
            "figure7" => ("Figure 7: standard deviations of layer responses on CIFAR-10", [20, 56], ["plain", "residual"]),
            "table2" => ("Table 2: 18 and 34 layers, plain and residual", [18, 34], ["plain", "residual"]),
            _ => throw new EngineException($"there is no experiment '{name}'{Suggestion.Phrase(name, Names, ".")} There are {string.Join(", ", Names)}"),
        };
        long steps = Math.Max(1, (long)Math.Round(PaperSteps * scale));
        StudyOptions options = new()
        {
            Data = data ?? "cifar10",
            IsImageNetFamily = name == "table2",
            Depths = depths ?? standard,
            Kinds = kinds,
            Epochs = int.MaxValue,
            MaxSteps = steps,
            BatchSize = batchSize ?? 128,
            LearningRate = 0.1,
            Schedule = scale == 1 ? "paper" : "warmup-step",
            PerPixelMean = true,
            Every = (int)Math.Max(1, steps / 20),
            CurveInterval = (int)Math.Clamp(steps / 200, 1, 400),
        };
        options.Check();
        return new PaperExperiment(name, title, options, scale);
    }

    /// <summary>One's own figures beside the paper's.</summary>
    public (string[] Header, List<string[]> Rows) Table(StudyRun run) => Name switch
    {
        "figure7" => (["network", "mean deviation", "first half", "second half", "paper"], [.. run.Networks.Select(DeviationRow)]),
        _ => (["network", "training error %", "test error %", "paper's test error %"], [.. run.Networks.Select(ErrorRow)]),
    };

    /// <summary>Sentences: whether the paper's claim shows, and what differs from its recipe.</summary>
    public IEnumerable<string> Remarks(StudyRun run)
    {
        foreach (string kind in Options.Kinds)
        {
            StudyNetwork[] family = [.. run.Networks.Where(n => n.Info.Kind == kind && n.Train.Count > 0).OrderBy(n => n.Info.Depth)];
            if (Name != "figure7" && family.Length > 1)
            {
                StudyNetwork shallow = family[0], deep = family[^1];
                string which = deep.FinalTrainError > shallow.FinalTrainError ? "higher" : "lower";
                yield return Text(
                    $"{kind}: {deep.Info.Depth} layers end with a {which} training error than {shallow.Info.Depth} ({deep.FinalTrainError:P2} and {shallow.FinalTrainError:P2}); in the paper {(kind == "plain" ? "higher" : "lower")}");
            }
        }

        if (Name == "table2")
        {
            yield return Text($"the paper's figures are ImageNet's; these are on {Options.Data}");
        }

        if (_scale < 1)
        {
            yield return Text(
                $"{_scale:G3} of the paper's {PaperSteps:N0} iterations, the first twentieth with a growing rate: compare directions, not figures");
        }
    }

    private string[] ErrorRow(StudyNetwork network) =>
    [
        network.Info.Name,
        network.Train.Count == 0 ? "" : Text($"{100 * network.FinalTrainError:F2}"),
        network.Test.Count == 0 ? "" : Text($"{100 * network.Test[^1].Error:F2}"),
        Name == "table2" ? (Table2.TryGetValue(network.Info.Name, out double top1) ? Text($"{top1:F2}") : "")
            : network.Info.Kind == "plain" ? "rises with depth"
            : Table6.TryGetValue(network.Info.Depth, out double error) ? Text($"{error:F2}")
            : "",
    ];

    // The 3x3 layers in order, as in the figure.
    private static string[] DeviationRow(StudyNetwork network)
    {
        if (network.Samples.Count == 0)
        {
            return [network.Info.Name, "", "", "", ""];
        }

        double[] deviations =
        [
            .. network.Samples[^1].Layers.Zip(network.Info.Layers).SkipLast(1).Where(l => !l.Second.IsBeside).Select(l => l.First.Deviation),
        ];
        int half = deviations.Length / 2;
        return
        [
            network.Info.Name,
            Text($"{deviations.Average():F3}"),
            Text($"{deviations[..half].Average():F3}"),
            Text($"{deviations[half..].Average():F3}"),
            network.Info.Kind == "plain" ? "larger than the residual one's" : "smaller than the plain one's, and smaller the deeper",
        ];
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
