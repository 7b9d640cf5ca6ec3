using Engine.Training;

namespace Engine.Study;

/// <summary>
/// One of the numbers that a study has of every layer at every sample. Files, charts and tables take them from <see cref="All"/>: a
/// statistic of one's own is a property of <see cref="LayerStatistics"/> and a line here.
/// </summary>
/// <param name="Name">As files have it: weight_gradient.</param>
/// <param name="Title">As charts have it.</param>
/// <param name="Description">One sentence: what is measured.</param>
/// <param name="IsLogarithmic">Whether its range spans powers of ten, so that a chart wants a logarithmic axis; otherwise it is a share from 0 to 1.</param>
/// <param name="Of">Takes it out of a layer's measurements; null where the layer has none.</param>
public sealed record StudyStatistic(string Name, string Title, string Description, bool IsLogarithmic, Func<LayerStatistics, double?> Of)
{
    /// <summary>All statistics of a layer, in the order of the files' columns.</summary>
    public static IReadOnlyList<StudyStatistic> All { get; } =
    [
        new("weight_gradient", "Gradient by weights", "Euclidean norm of the gradient of the loss by the layer's weights.", true, l => l.WeightGradient),
        new(
            "activation_gradient", "Gradient by activations", "Euclidean norm, over the whole batch, of the gradient of the loss by the layer's response.",
            true, l => l.ActivationGradient),
        new(
            "deviation", "Standard deviation of responses",
            "Standard deviation of the layer's response: after the normalization, before the addition and the ReLU.", true, l => l.Deviation),
        new("update_ratio", "Update to weight", "Norm of the step's change of the weights over the norm of the weights.", true, l => l.UpdateRatio),
        new("inactive", "Zeros behind the ReLU", "Share of zeros in the output of the ReLU behind the layer.", false, l => l.Inactive),
        new("dead", "Dead channels", "Share of the ReLU's channels that are zero at every pixel of every image of the batch.", false, l => l.Dead),
        new("weight", "Norm of the weights", "Euclidean norm of the layer's weights before the step.", true, l => l.Weight),
    ];
}
