using System.Globalization;
using Engine.Training;

namespace Engine.Study;

/// <summary>What a run shows, in numbers and in sentences.</summary>
public static class StudyFindings
{
    /// <summary>
    /// How much of the gradient reaches the first layer: the norm of the gradient by the first layer's response over that by the last
    /// convolution's, at the first sample. NaN where there is no sample or no gradient.
    /// </summary>
    public static double FirstToLast(StudyNetwork network) =>
        network.Samples.Count == 0 ? double.NaN : FirstToLast(network.Info, network.Samples[0]);

    /// <summary>The same of a sample. Layers beside the main path, and the classifier behind the mean over pixels, do not count.</summary>
    public static double FirstToLast(StudyNetworkInfo info, FlowSample sample)
    {
        double[] path = [.. sample.Layers.Zip(info.Layers).SkipLast(1).Where(l => !l.Second.IsBeside).Select(l => l.First.ActivationGradient)];
        return path[0] / path[^1];
    }

    /// <summary>The plain and the residual network of the greatest depth that have both, by normalization; null where there is no such pair.</summary>
    /// <param name="run">The run.</param>
    /// <param name="isBare">Whether the pair without normalization is asked for.</param>
    public static (StudyNetwork Plain, StudyNetwork Residual)? DeepestPair(StudyRun run, bool isBare) => run.Networks
        .Where(n => n.Info.Norm == "none" == isBare)
        .GroupBy(n => n.Info.Depth)
        .OrderByDescending(g => g.Key)
        .Select(g => (Plain: g.FirstOrDefault(n => n.Info.Kind == "plain"), Residual: g.FirstOrDefault(n => n.Info.Kind == "residual")))
        .Where(pair => pair is { Plain: not null, Residual: not null })
        .Select(pair => ((StudyNetwork, StudyNetwork)?)(pair.Plain!, pair.Residual!))
        .FirstOrDefault();

    /// <summary>Sentences with the run's own numbers: how the deepest pair ended, and how gradients fade without normalization.</summary>
    public static IEnumerable<string> Of(StudyRun run)
    {
        if (DeepestPair(run, isBare: false) is ({ } plain, { } residual) && plain.Train.Count > 0 && residual.Train.Count > 0)
        {
            yield return Text(
                $"at {plain.Info.Depth} layers the plain network ends with a training loss of {plain.FinalTrainLoss:F4}, the residual one with {residual.FinalTrainLoss:F4}");
        }

        if (DeepestPair(run, isBare: true) is ({ } fading, { } carried) && fading.Samples.Count > 0 && carried.Samples.Count > 0)
        {
            double faded = FirstToLast(fading), kept = FirstToLast(carried);
            string[] lost = [.. new[] { fading, carried }.Where(n => !double.IsFinite(FirstToLast(n))).Select(n => n.Info.Name)];
            yield return lost.Length > 0
                ? $"the gradients of {string.Join(" and ", lost)} are zero or beyond single precision from the start"
                : Text(
                    $"without normalization the gradient at the first of {fading.Info.Depth} layers is {faded:G3} of that at the last in the plain network and {kept:G3} in the residual one{(faded == 0 ? "" : Text($": {kept / faded:G3} times as much"))}");
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
