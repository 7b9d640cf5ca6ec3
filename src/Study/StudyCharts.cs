using Engine.Formats;
using Engine.Training;

namespace Engine.Study;

/// <summary>The charts of a study as SVG images for slides; the page of <see cref="StudyReport"/> has the same ones, with controls.</summary>
public static class StudyCharts
{
    private static readonly Dictionary<string, string[]> Colors = new()
    {
        ["plain"] = ["#e8a33d", "#d97f20", "#c2560c", "#8f2d04"],
        ["residual"] = ["#6fb1e0", "#3f8fcb", "#1b68ae", "#0b3f7d"],
        ["highway"] = ["#7cc08a", "#4aa35e", "#23803c", "#0d5724"],
    };

    /// <summary>
    /// Writes error.svg, gradient-start.svg, gradient-end.svg, heatmap.svg, responses.svg and additions.svg; those of which the run has no
    /// measurement are left out.
    /// </summary>
    /// <param name="run">A run that nothing is added to meanwhile.</param>
    /// <param name="path">The folder; it is made if need be.</param>
    /// <exception cref="EngineException">The folder or a file cannot be written.</exception>
    public static void Write(StudyRun run, string path)
    {
        AtomicFile.CreateFolder(path);
        foreach ((string name, string? image) in Draw(run))
        {
            if (image is null)
            {
                AtomicFile.Delete(Path.Combine(path, name));
            }
            else
            {
                AtomicFile.WriteText(Path.Combine(path, name), image);
            }
        }
    }

    /// <summary>The images by the names of their files; null for one that the run has no measurement for.</summary>
    public static IEnumerable<(string Name, string? Image)> Draw(StudyRun run)
    {
        StudyNetwork[] measured = [.. run.Networks.Where(n => n.Samples.Count > 0)];
        int deepest = measured.Length == 0 ? 0 : measured.Max(n => n.Info.Depth);
        StudyNetwork[] deep = [.. measured.Where(n => n.Info.Depth == deepest)];
        yield return ("error.svg", Errors(run));
        yield return ("gradient-start.svg", ByLayer(run, deep, "activation_gradient", "Gradient by activations before the first step", n => n.Samples[0]));
        yield return ("gradient-end.svg", ByLayer(run, deep, "activation_gradient", "Gradient by activations in the last step", n => n.Samples[^1]));
        yield return ("heatmap.svg", HeatMap(deep.Where(n => !IsBare(run, n)).Take(2).ToArray()));
        yield return ("responses.svg", ByLayer(run, deep, "deviation", "Standard deviation of responses in the last step", n => n.Samples[^1]));
        yield return ("additions.svg", Additions(measured.Where(n => !IsBare(run, n) && n.Info.Blocks.Count > 0).MaxBy(n => n.Info.Depth)));
    }

    private static bool IsBare(StudyRun run, StudyNetwork network) => network.Info.Norm == "none" && run.Options.Norm != "none";

    private static SvgLine Line(StudyRun run, StudyNetwork network, IReadOnlyList<(double X, double Y)> points)
    {
        int[] depths = [.. run.Networks.Select(n => n.Info.Depth).Distinct().Order()];
        double share = depths.Length < 2 ? 1 : (double)Array.IndexOf(depths, network.Info.Depth) / (depths.Length - 1);
        return new SvgLine(network.Info.Name, Colors[network.Info.Kind][(int)Math.Round(3 * share)], 1.5 + share, IsBare(run, network), points);
    }

    private static string? Errors(StudyRun run)
    {
        StudyNetwork[] networks = [.. run.Networks.Where(n => !IsBare(run, n) && n.Train.Count > 0)];
        if (networks.Length == 0)
        {
            return null;
        }

        string[] kinds = [.. networks.Select(n => n.Info.Kind).Distinct()];
        SvgPlot plot = new("Training error against iteration", $"Training error of {string.Join(", ", networks.Select(n => n.Info.Name))}.", kinds.Length);
        SvgLine[] lines = [.. networks.Select(n => Line(run, n, [.. n.Train.Select(p => ((double)p.Step, p.Error))]))];
        plot.Legend(lines);
        SvgAxis x = new("iteration", 0, Math.Max(1, networks.Max(n => n.Info.TotalSteps)));
        SvgAxis y = new("", 0, Math.Max(0.01, Math.Min(1, networks.Max(n => n.Train.Max(p => p.Error)) * 1.05)), IsPercent: true);
        for (int i = 0; i < kinds.Length; i++)
        {
            plot.Lines(i, kinds[i], x, y, lines.Where((_, k) => networks[k].Info.Kind == kinds[i]));
        }

        return plot.ToString();
    }

    private static string? ByLayer(StudyRun run, StudyNetwork[] networks, string statistic, string title, Func<StudyNetwork, FlowSample> sampleOf)
    {
        if (networks.Length == 0)
        {
            return null;
        }

        StudyStatistic what = StudyStatistic.All.Single(s => s.Name == statistic);
        SvgLine[] lines = [.. networks.Select(n => Line(run, n, [.. MainPath(n).Select(i => ((double)n.Info.Layers[i].Depth, Value(what, sampleOf(n), i)))]))];
        SvgPlot plot = new(title, what.Description, 1);
        plot.Legend(lines);
        plot.Lines(
            0, "", new SvgAxis("layer, from the images to the loss", 1, Math.Max(2, networks.Max(n => n.Info.Depth))),
            SvgAxis.Around("", lines.SelectMany(l => l.Points.Select(p => p.Y)), what.IsLogarithmic), lines);
        return plot.ToString();
    }

    private static string? HeatMap(StudyNetwork[] networks)
    {
        const int MostColumns = 150;
        if (networks.Length == 0)
        {
            return null;
        }

        StudyStatistic what = StudyStatistic.All.Single(s => s.Name == "activation_gradient");
        SvgAxis color = SvgAxis.Around(
            what.Title, networks.SelectMany(n => n.Samples.SelectMany(s => MainPath(n).Select(i => Value(what, s, i)))), what.IsLogarithmic);
        SvgPlot plot = new("Layer by iteration", what.Description, networks.Length);
        plot.Scale(color);
        for (int k = 0; k < networks.Length; k++)
        {
            StudyNetwork network = networks[k];
            int every = (network.Samples.Count + MostColumns - 1) / MostColumns;
            FlowSample[] samples = [.. network.Samples.Where((_, i) => i % every == 0)];
            plot.Cells(
                k, network.Info.Name, new SvgAxis(
                    "iteration", samples[0].Step, Math.Max(network.Info.TotalSteps, samples[^1].Step + 1)), [.. samples.Select(s => (double)s.Step)],
                [.. MainPath(network).Select(i => samples.Select(s => Value(what, s, i)).ToArray())], color);
        }

        return plot.ToString();
    }

    private static string? Additions(StudyNetwork? network)
    {
        if (network is null)
        {
            return null;
        }

        FlowSample sample = network.Samples[^1];
        string[] colors = [Colors["residual"][3], Colors["plain"][2], Colors["highway"][2]];
        SvgLine[] lines =
        [
            .. network.Info.Branches.Select((branch, k) => new SvgLine(
                $"through the {branch}{(branch == "residual" ? " branch" : "")}", colors[k % 3], 2.5, false, [.. sample.Blocks.Select((b, i) => (i
                    + 1.0, b.Branches[branch]))])),
        ];
        SvgPlot plot = new($"The gradient at the additions of {network.Info.Name}", $"Norm of the gradient by branch and block in step {sample.Step}.", 1);
        plot.Legend(lines);
        plot.Lines(
            0, "", new SvgAxis("block, from the images to the loss", 1, Math.Max(2, network.Info.Blocks.Count)),
            SvgAxis.Around("", lines.SelectMany(l => l.Points.Select(p => p.Y)), true), lines);
        return plot.ToString();
    }

    // The places of the layers on the main path.
    private static IEnumerable<int> MainPath(StudyNetwork network) =>
        Enumerable.Range(0, network.Info.Layers.Count).Where(i => !network.Info.Layers[i].IsBeside);

    private static double Value(StudyStatistic what, FlowSample sample, int layer) => what.Of(sample.Layers[layer]) ?? double.NaN;
}
