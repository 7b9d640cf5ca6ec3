using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Training;

namespace Engine.Cli;

/// <summary>What --per-class adds to an evaluation: precision, recall and F1 of each class or label, and which classes are taken for which.</summary>
internal static class PerClassFigures
{
    // A matrix that still fits a terminal.
    private const int MostShown = 20;

    /// <summary>Prints the figures.</summary>
    /// <param name="line">The evaluation's line of JSON, which gets them as its report; null to print tables.</param>
    /// <param name="outputs">[samples, classes].</param>
    /// <param name="labels">[samples].</param>
    /// <param name="names">The classes.</param>
    /// <param name="output">Where it is printed.</param>
    public static void Tell(JsonObject? line, float[] outputs, int[] labels, IReadOnlyList<string> names, CommandOutput output)
    {
        ClassificationReport report = ClassificationReport.Of(outputs, labels, names);
        Tell(line, report.ToJson(), report.ToString(), output);
        if (line is null && names.Count <= MostShown)
        {
            output.Say($"true classes down, predictions across:\n{report.Confusion}");
        }
    }

    /// <summary>Prints the figures of samples with classes or labels.</summary>
    /// <exception cref="UsageException">The samples have values.</exception>
    public static void Tell(JsonObject? line, float[] outputs, Samples samples, CommandOutput output)
    {
        switch (samples.Task)
        {
            case SampleTask.Classification:
                Tell(line, outputs, samples.Labels.ToArray(), samples.TargetNames, output);
                break;
            case SampleTask.MultiLabel:
                MultiLabelReport report = MultiLabelReport.Of(outputs, samples.Values, samples.TargetNames);
                Tell(line, report.ToJson(), report.ToString(), output);
                break;
            default:
                throw new UsageException("--per-class is for classes and labels, but the weights predict values: leave it out");
        }
    }

    private static void Tell(JsonObject? line, string json, string text, CommandOutput output)
    {
        if (line is null)
        {
            output.Say(text);
        }
        else
        {
            line["report"] = JsonNode.Parse(json);
        }
    }
}
