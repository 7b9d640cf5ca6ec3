using System.Text.Json.Serialization;

namespace Engine.Training;

/// <summary>
/// How one class, or one label, is recognized, from its true positives TP, false positives FP and false negatives FN. Where a denominator is 0,
/// the figure is 0, as with scikit-learn's zero_division=0.
/// </summary>
/// <param name="Name">The class.</param>
/// <param name="Precision">TP / (TP + FP): the share of its predictions that are right.</param>
/// <param name="Recall">TP / (TP + FN): the share of its samples that are found.</param>
/// <param name="F1">2 TP / (2 TP + FP + FN): the harmonic mean of both.</param>
/// <param name="Support">TP + FN: how many samples it has.</param>
public sealed record ClassFigures(string Name, double Precision, double Recall, [property: JsonPropertyName("f1")] double F1, long Support)
{
    /// <summary>The figures of a class from its counts.</summary>
    internal static ClassFigures Of(string name, long truePositives, long falsePositives, long falseNegatives) => new(
        name, Ratio(truePositives, truePositives + falsePositives), Ratio(truePositives, truePositives + falseNegatives),
        Ratio(2 * truePositives, (2 * truePositives) + falsePositives + falseNegatives), truePositives + falseNegatives);

    /// <summary>A quotient; 0 where the denominator is.</summary>
    internal static double Ratio(double numerator, double denominator) => denominator == 0 ? 0 : numerator / denominator;
}

/// <summary>Averages of <see cref="ClassFigures"/>.</summary>
/// <param name="Precision">The averaged precision.</param>
/// <param name="Recall">The averaged recall.</param>
/// <param name="F1">The averaged F1.</param>
public sealed record AverageFigures(double Precision, double Recall, [property: JsonPropertyName("f1")] double F1)
{
    /// <summary>The mean over all classes, each counted once: scikit-learn's macro average over all given labels.</summary>
    internal static AverageFigures Macro(IReadOnlyCollection<ClassFigures> classes) => Mean(classes, _ => 1);

    /// <summary>The mean over all classes, each weighted by its support; 0 where there are no samples.</summary>
    internal static AverageFigures Weighted(IReadOnlyCollection<ClassFigures> classes) => Mean(classes, figures => figures.Support);

    private static AverageFigures Mean(IReadOnlyCollection<ClassFigures> classes, Func<ClassFigures, double> weight)
    {
        double all = classes.Sum(weight);
        return new AverageFigures(
            ClassFigures.Ratio(classes.Sum(c => weight(c) * c.Precision), all), ClassFigures.Ratio(classes.Sum(c => weight(c) * c.Recall), all),
            ClassFigures.Ratio(classes.Sum(c => weight(c) * c.F1), all));
    }
}
