using System.Globalization;
using System.Text;
using Engine.Training;

namespace Engine.Study;

/// <summary>A study as tables of comma-separated values, one row a measurement, with a header line; an empty field is a number that does not exist.</summary>
public static class StudyCsv
{
    /// <summary>The training and test curves: network, set (train or test), step, loss, error.</summary>
    public static string Curves(StudyRun run)
    {
        StringBuilder text = new("network,set,step,loss,error\n");
        foreach (StudyNetwork network in run.Networks)
        {
            foreach ((string set, IReadOnlyList<CurvePoint> points) in new[] { ("train", network.Train), ("test", network.Test) })
            {
                foreach (CurvePoint point in points)
                {
                    AppendRow(text, [network.Info.Name, set, Text(point.Step), StudyNumber.Text(point.Loss), StudyNumber.Text(point.Error)]);
                }
            }
        }

        return text.ToString();
    }

    /// <summary>The layers' measurements: network, step, layer, depth, and a column a <see cref="StudyStatistic"/>.</summary>
    public static string Layers(StudyRun run)
    {
        StringBuilder text = new($"network,step,layer,depth,{string.Join(',', StudyStatistic.All.Select(s => s.Name))}\n");
        foreach (StudyNetwork network in run.Networks)
        {
            foreach (FlowSample sample in network.Samples)
            {
                for (int i = 0; i < sample.Layers.Count; i++)
                {
                    LayerStatistics layer = sample.Layers[i];
                    AppendRow(text,
                    [
                        network.Info.Name, Text(sample.Step), layer.Layer, Text(network.Info.Layers[i].Depth),
                        .. StudyStatistic.All.Select(s => StudyNumber.Text(s.Of(layer))),
                    ]);
                }
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// How the gradient splits at each block: network, step, block, branch, gradient (the norm of this branch's share of the gradient by the block's input).
    /// </summary>
    public static string Branches(StudyRun run)
    {
        StringBuilder text = new("network,step,block,branch,gradient\n");
        foreach (StudyNetwork network in run.Networks)
        {
            foreach (FlowSample sample in network.Samples)
            {
                foreach (BranchStatistics block in sample.Blocks)
                {
                    foreach ((string branch, double norm) in block.Branches)
                    {
                        AppendRow(text, [network.Info.Name, Text(sample.Step), block.Block, branch, StudyNumber.Text(norm)]);
                    }
                }
            }
        }

        return text.ToString();
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    // No name in a study has a comma, a quote or a line break.
    private static void AppendRow(StringBuilder text, IEnumerable<string?> fields) => text.AppendJoin(',', fields).Append('\n');
}
