using System.Text.Json;

namespace Engine.Training;

/// <summary>
/// How a classifier does: accuracy; precision, recall, F1 and support of each class; their averages; and the confusion matrix. The figures are
/// those of scikit-learn's classification_report with zero_division=0 and all classes as its labels.
/// </summary>
public sealed class ClassificationReport
{
    private ClassificationReport(ConfusionMatrix confusion) => Confusion = confusion;

    /// <summary>The counts [true, predicted].</summary>
    public ConfusionMatrix Confusion { get; }

    /// <summary>The share of samples that were predicted right, from 0 to 1; 0 where there are none.</summary>
    public double Accuracy => Confusion.Accuracy;

    /// <summary>The figures of each class.</summary>
    public IReadOnlyList<ClassFigures> Classes => Confusion.Classes;

    /// <summary>The mean of the classes' figures, each class counted once.</summary>
    public AverageFigures Macro => Confusion.Macro;

    /// <summary>The mean of the classes' figures, weighted by their support.</summary>
    public AverageFigures Weighted => Confusion.Weighted;

    /// <summary>Takes the class of the largest output, the first of equals, as the prediction, and compares it with the label.</summary>
    /// <param name="outputs">Logits or probabilities [N, K], row by row.</param>
    /// <param name="labels">The true classes [N], from 0 to K - 1.</param>
    /// <param name="classNames">The K classes, in the order of their numbers.</param>
    /// <exception cref="EngineException">The lengths do not fit, a label is not that of a class, or an output is NaN.</exception>
    public static ClassificationReport Of(ReadOnlySpan<float> outputs, ReadOnlySpan<int> labels, IReadOnlyList<string> classNames)
    {
        ConfusionMatrix confusion = new(classNames);
        int classes = classNames.Count;
        if (outputs.Length != (long)labels.Length * classes)
        {
            throw new EngineException(
                $"classification report: {outputs.Length} outputs were given, but {labels.Length} labels and {classes} classes need "
                    + $"{(long)labels.Length * classes}");
        }

        for (int row = 0; row < labels.Length; row++)
        {
            confusion.Add(labels[row], IndexOfLargest(outputs.Slice(row * classes, classes), row));
        }

        return new ClassificationReport(confusion);
    }

    /// <summary>The report of predictions that have been counted already.</summary>
    public static ClassificationReport Of(ConfusionMatrix confusion) => new(confusion);

    /// <summary>A table of text: a row for each class, then accuracy and averages.</summary>
    public override string ToString()
    {
        ReportTable table = ReportTable.Of(Classes);
        string total = ReportTable.Number(Confusion.Total);
        table.Add("accuracy", "", "", ReportTable.Number(Accuracy), total);
        foreach ((string name, AverageFigures average) in ((string, AverageFigures)[])[("macro average", Macro), ("weighted average", Weighted)])
        {
            table.Add(name, average, total);
        }

        return table.ToString();
    }

    /// <summary>
    /// The report as JSON: {"accuracy":0.9,"total":10,"macro":{...},"weighted":{...},"classes":[{"name":"cat","precision":1, ...}],"confusion":[[...]]}.
    /// </summary>
    public string ToJson() => JsonSerializer.Serialize(
        new ClassificationDocument(Accuracy, Confusion.Total, Macro, Weighted, Classes, Confusion.Rows()), ReportJson.Default.ClassificationDocument);

    private static int IndexOfLargest(ReadOnlySpan<float> row, int number)
    {
        int best = 0;
        for (int k = 0; k < row.Length; k++)
        {
            if (float.IsNaN(row[k]))
            {
                throw new EngineException($"classification report: output {k} of row {number} is NaN");
            }

            best = row[k] > row[best] ? k : best;
        }

        return best;
    }
}

/// <summary>A <see cref="ClassificationReport"/> in JSON.</summary>
internal sealed record ClassificationDocument(
    double Accuracy, long Total, AverageFigures Macro, AverageFigures Weighted, IReadOnlyList<ClassFigures> Classes,
    IReadOnlyList<IReadOnlyList<long>> Confusion);
