using System.Text.Json;

namespace Engine.Training;

/// <summary>
/// How often each class was taken for each: counts [true, predicted], as scikit-learn's confusion_matrix has them, and the figures that
/// follow. Classes are numbered from 0.
/// </summary>
public sealed class ConfusionMatrix
{
    private readonly long[] _counts;

    /// <summary>Makes an empty matrix.</summary>
    /// <param name="classNames">The classes, in the order of their numbers.</param>
    /// <exception cref="EngineException">There is no class.</exception>
    public ConfusionMatrix(IReadOnlyList<string> classNames)
    {
        if (classNames.Count == 0)
        {
            throw new EngineException("confusion matrix: at least 1 class is needed, but none was named");
        }

        ClassNames = [.. classNames];
        _counts = new long[checked(classNames.Count * classNames.Count)];
    }

    /// <summary>Counts predictions.</summary>
    /// <param name="labels">The true classes [N].</param>
    /// <param name="predictions">The predicted classes [N].</param>
    /// <param name="classNames">The classes, in the order of their numbers.</param>
    /// <exception cref="EngineException">The lengths differ, or a number is not that of a class.</exception>
    public static ConfusionMatrix Of(ReadOnlySpan<int> labels, ReadOnlySpan<int> predictions, IReadOnlyList<string> classNames)
    {
        ConfusionMatrix matrix = new(classNames);
        matrix.Add(labels, predictions);
        return matrix;
    }

    /// <summary>The classes, in the order of their numbers.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>How many samples of one class were taken for another.</summary>
    /// <param name="label">The true class.</param>
    /// <param name="prediction">The predicted class.</param>
    public long this[int label, int prediction] => _counts[Index(label, prediction)];

    /// <summary>All samples.</summary>
    public long Total => _counts.Sum();

    /// <summary>Samples that were predicted right.</summary>
    public long Correct => Enumerable.Range(0, ClassNames.Count).Sum(k => this[k, k]);

    /// <summary>The share of samples that were predicted right, from 0 to 1; 0 where there are none.</summary>
    public double Accuracy => ClassFigures.Ratio(Correct, Total);

    /// <summary>Precision, recall, F1 and support of each class.</summary>
    public IReadOnlyList<ClassFigures> Classes =>
        [.. ClassNames.Select((name, k) => ClassFigures.Of(name, this[k, k], Predicted(k) - this[k, k], Samples(k) - this[k, k]))];

    /// <summary>The mean of the classes' figures, each class counted once, also one without samples.</summary>
    public AverageFigures Macro => AverageFigures.Macro(Classes);

    /// <summary>The mean of the classes' figures, weighted by their support.</summary>
    public AverageFigures Weighted => AverageFigures.Weighted(Classes);

    /// <summary>Counts one prediction more.</summary>
    /// <exception cref="EngineException">A number is not that of a class.</exception>
    public void Add(int label, int prediction) => _counts[Index(label, prediction)]++;

    /// <summary>Counts more predictions, such as those of another batch.</summary>
    /// <exception cref="EngineException">The lengths differ, or a number is not that of a class; nothing is counted then.</exception>
    public void Add(ReadOnlySpan<int> labels, ReadOnlySpan<int> predictions)
    {
        if (labels.Length != predictions.Length)
        {
            throw new EngineException($"confusion matrix: {labels.Length} labels and {predictions.Length} predictions were given, but must be as many");
        }

        for (int i = 0; i < labels.Length; i++)
        {
            Index(labels[i], predictions[i]);
        }

        for (int i = 0; i < labels.Length; i++)
        {
            Add(labels[i], predictions[i]);
        }
    }

    /// <summary>The counts as a table of text, a row for each true class.</summary>
    public override string ToString()
    {
        ReportTable table = new();
        table.Add(["true \\ predicted", .. ClassNames]);
        for (int label = 0; label < ClassNames.Count; label++)
        {
            table.Add([ClassNames[label], .. Row(label).Select(ReportTable.Number)]);
        }

        return table.ToString();
    }

    /// <summary>The counts as JSON: {"class_names":["cat","dog"],"counts":[[3,1],[0,4]]}, a list for each true class.</summary>
    public string ToJson() => JsonSerializer.Serialize(new ConfusionDocument(ClassNames, Rows()), ReportJson.Default.ConfusionDocument);

    /// <summary>The counts, a list for each true class.</summary>
    internal IReadOnlyList<IReadOnlyList<long>> Rows() => [.. Enumerable.Range(0, ClassNames.Count).Select(Row)];

    private long[] Row(int label) => _counts[(label * ClassNames.Count)..((label + 1) * ClassNames.Count)];

    private long Samples(int label) => Row(label).Sum();

    private long Predicted(int prediction) => Enumerable.Range(0, ClassNames.Count).Sum(label => this[label, prediction]);

    private int Index(int label, int prediction)
    {
        int classes = ClassNames.Count;
        return (uint)label < (uint)classes && (uint)prediction < (uint)classes
            ? (label * classes) + prediction
            : throw new EngineException($"confusion matrix: label {label} and prediction {prediction} must be from 0 to {classes - 1}");
    }
}

/// <summary>A <see cref="ConfusionMatrix"/> in JSON.</summary>
internal sealed record ConfusionDocument(IReadOnlyList<string> ClassNames, IReadOnlyList<IReadOnlyList<long>> Counts);
