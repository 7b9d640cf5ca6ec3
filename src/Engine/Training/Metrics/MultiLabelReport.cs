using System.Text.Json;

namespace Engine.Training;

/// <summary>
/// How a network does that answers several questions of yes or no at once, such as one trained by binary cross-entropy: each label's
/// precision, recall and F1, and averages. Division by zero gives 0, as with scikit-learn's zero_division=0.
/// </summary>
public sealed class MultiLabelReport
{
    private MultiLabelReport(int samples, long exact, IReadOnlyList<ClassFigures> labels, ClassFigures all, long wrong)
    {
        (Samples, Labels) = (samples, labels);
        Micro = new AverageFigures(all.Precision, all.Recall, all.F1);
        ExactMatch = ClassFigures.Ratio(exact, samples);
        HammingLoss = ClassFigures.Ratio(wrong, (double)samples * labels.Count);
    }

    /// <summary>How many samples there are.</summary>
    public int Samples { get; }

    /// <summary>The figures of each label.</summary>
    public IReadOnlyList<ClassFigures> Labels { get; }

    /// <summary>The figures of all answers counted together.</summary>
    public AverageFigures Micro { get; }

    /// <summary>The mean of the labels' figures, each label counted once.</summary>
    public AverageFigures Macro => AverageFigures.Macro(Labels);

    /// <summary>The share of samples of which every answer is right: scikit-learn's accuracy_score of several labels.</summary>
    public double ExactMatch { get; }

    /// <summary>The share of answers that are wrong.</summary>
    public double HammingLoss { get; }

    /// <summary>Compares answers with targets.</summary>
    /// <param name="outputs">Logits or probabilities [N, K], row by row.</param>
    /// <param name="targets">1 for yes and 0 for no [N, K].</param>
    /// <param name="labelNames">The K labels.</param>
    /// <param name="threshold">An output above it is a yes: 0 for logits, where the probability is 1/2, and 0.5 for probabilities.</param>
    /// <exception cref="EngineException">The lengths do not fit, an output is NaN, or a target is neither 0 nor 1.</exception>
    public static MultiLabelReport Of(
        ReadOnlySpan<float> outputs, ReadOnlySpan<float> targets, IReadOnlyList<string> labelNames, float threshold = 0)
    {
        int labels = labelNames.Count, samples = ReportCheck.Rows("multi-label report", outputs.Length, targets.Length, labels);
        long[] truePositives = new long[labels], falsePositives = new long[labels], falseNegatives = new long[labels];
        long exact = 0;
        for (int row = 0; row < samples; row++)
        {
            bool isExact = true;
            for (int k = 0; k < labels; k++)
            {
                (float output, float target) = (outputs[(row * labels) + k], targets[(row * labels) + k]);
                if (float.IsNaN(output) || target is not (0 or 1))
                {
                    throw new EngineException(FormattableString.Invariant(
                        $"multi-label report: row {row}, '{labelNames[k]}': output {output} must be a number and target {target} 0 or 1"));
                }

                bool isYes = output > threshold;
                truePositives[k] += isYes && target == 1 ? 1 : 0;
                falsePositives[k] += isYes && target == 0 ? 1 : 0;
                falseNegatives[k] += !isYes && target == 1 ? 1 : 0;
                isExact &= isYes == (target == 1);
            }

            exact += isExact ? 1 : 0;
        }

        ClassFigures[] figures =
            [.. labelNames.Select((name, k) => ClassFigures.Of(name, truePositives[k], falsePositives[k], falseNegatives[k]))];
        ClassFigures all = ClassFigures.Of("", truePositives.Sum(), falsePositives.Sum(), falseNegatives.Sum());
        return new MultiLabelReport(samples, exact, figures, all, falsePositives.Sum() + falseNegatives.Sum());
    }

    /// <summary>A table of text: a row for each label, then averages.</summary>
    public override string ToString()
    {
        ReportTable table = ReportTable.Of(Labels);
        string support = ReportTable.Number(Labels.Sum(label => label.Support));
        foreach ((string name, AverageFigures average) in ((string, AverageFigures)[])[("micro average", Micro), ("macro average", Macro)])
        {
            table.Add(name, average, support);
        }

        return table.Add("exact match", "", "", ReportTable.Number(ExactMatch), ReportTable.Number(Samples))
            .Add("Hamming loss", "", "", ReportTable.Number(HammingLoss), ReportTable.Number(Samples)).ToString();
    }

    /// <summary>The report as JSON: {"samples":10,"exact_match":0.8,"hamming_loss":0.1,"micro":{...},"macro":{...},"labels":[{"name":"red", ...}]}.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new MultiLabelDocument(Samples, ExactMatch, HammingLoss, Micro, Macro, Labels), ReportJson.Default.MultiLabelDocument);
}

/// <summary>A <see cref="MultiLabelReport"/> in JSON.</summary>
internal sealed record MultiLabelDocument(
    int Samples, double ExactMatch, double HammingLoss, AverageFigures Micro, AverageFigures Macro, IReadOnlyList<ClassFigures> Labels);
