using System.Globalization;
using Engine.Formats;
using Engine.TensorBoard;
using Engine.Training;

namespace Engine.Study;

/// <summary>
/// A study as TensorBoard's event files: a folder a network, so that each is a run of TensorBoard's legend. Scalars are the curves, each
/// layer's statistics, and each block's gradient by branch, rounded as in the other files; histograms tell how a statistic is spread
/// over the layers, by its logarithm to base 10 where it spans powers of ten.
/// </summary>
public static class StudyEventFiles
{
    /// <summary>The file in each network's folder.</summary>
    public const string FileName = "events.out." + EventWriter.NameMark + ".0.engine";

    /// <summary>Writes the files of all networks; those of an earlier study in the same folder go.</summary>
    /// <param name="run">A run that nothing is added to meanwhile.</param>
    /// <param name="path">The folder around the networks' folders.</param>
    /// <param name="clock">What time it is; null for the system's.</param>
    /// <exception cref="EngineException">A folder or a file cannot be written.</exception>
    public static void Write(StudyRun run, string path, TimeProvider? clock = null)
    {
        HashSet<string> folders = [];
        foreach (StudyNetwork network in run.Networks)
        {
            string folder = Path.Combine(path, network.Info.Name.Replace(' ', '-'));
            folders.Add(folder);
            AtomicFile.CreateFolder(folder);
            AtomicFile.Write(Path.Combine(folder, FileName), stream => Write(network, new EventWriter(stream, clock ?? TimeProvider.System)));
        }

        foreach (string folder in Directory.EnumerateDirectories(path).Where(folder => !folders.Contains(folder)))
        {
            AtomicFile.Delete(Path.Combine(folder, FileName));
        }
    }

    private static void Write(StudyNetwork network, EventWriter writer)
    {
        writer.WriteHeader();
        foreach ((string set, IReadOnlyList<CurvePoint> points) in new[] { ("train", network.Train), ("test", network.Test) })
        {
            foreach (CurvePoint point in points)
            {
                writer.WriteScalars(point.Step, Known([($"{set}/loss", point.Loss), ($"{set}/error", point.Error)]));
            }
        }

        foreach (FlowSample sample in network.Samples)
        {
            writer.WriteScalars(sample.Step, Known(
            [
                .. StudyStatistic.All.SelectMany(s => sample.Layers.Select(layer => ($"{s.Name}/{layer.Layer}", s.Of(layer)))),
                .. sample.Blocks.SelectMany(block => block.Branches.Select(branch => ($"{branch.Key}_gradient/{block.Block}", (double?)branch.Value))),
            ]));
            writer.WriteHistograms(sample.Step, StudyStatistic.All
                .Select(s => (Tag: s.IsLogarithmic ? $"layers/log10 {s.Name}" : $"layers/{s.Name}", Histogram: Spread(s, sample)))
                .Where(h => h.Histogram is not null)
                .Select(h => (h.Tag, h.Histogram!)));
        }
    }

    private static Histogram? Spread(StudyStatistic statistic, FlowSample sample) => Histogram.Of(
    [
        .. sample.Layers.Select(statistic.Of).OfType<double>().Select(v => (float)(statistic.IsLogarithmic ? Math.Log10(v) : v)),
    ]);

    // The numbers as the other files have them, without those that do not exist.
    private static IEnumerable<(string Tag, double Value)> Known(IEnumerable<(string Tag, double? Value)> numbers)
    {
        foreach ((string tag, double? value) in numbers)
        {
            if (StudyNumber.Text(value) is { } text)
            {
                yield return (tag, double.Parse(text, CultureInfo.InvariantCulture));
            }
        }
    }
}
