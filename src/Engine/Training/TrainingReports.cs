using System.Text.Json;
using System.Text.Json.Serialization;

namespace Engine.Training;

/// <summary>How training stands after a step.</summary>
/// <param name="Epoch">The epoch in progress, from 1.</param>
/// <param name="Epochs">How many there will be.</param>
/// <param name="Step">Steps done in this epoch.</param>
/// <param name="StepsPerEpoch">Steps that this epoch has.</param>
/// <param name="GlobalStep">Steps done in the whole run.</param>
/// <param name="TotalSteps">Steps that the whole run has.</param>
/// <param name="Loss">The step's own loss.</param>
/// <param name="MeanLoss">The mean loss of this epoch's steps so far.</param>
/// <param name="Accuracy">The share of right answers in this epoch's training images so far, from 0 to 1.</param>
/// <param name="LearningRate">The step's rate.</param>
/// <param name="ImagesPerSecond">Training images a second, over this epoch so far.</param>
/// <param name="Remaining">The time that the rest of the run will take, at the pace so far.</param>
/// <param name="BatchAccuracy">The share of right answers in the step's own batch, from 0 to 1.</param>
public readonly record struct StepReport(
    int Epoch, int Epochs, int Step, int StepsPerEpoch, long GlobalStep, long TotalSteps, double Loss, double MeanLoss, double Accuracy,
    double LearningRate, double ImagesPerSecond, TimeSpan Remaining, double BatchAccuracy);

/// <summary>How an epoch went; a line of metrics.jsonl.</summary>
public sealed record EpochReport
{
    /// <summary>Always "epoch".</summary>
    [JsonPropertyOrder(-1)]
    public string Event { get; init; } = "epoch";

    /// <summary>Which epoch, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>How many epochs the run has.</summary>
    public required int Epochs { get; init; }

    /// <summary>Steps done in the whole run.</summary>
    public required long GlobalStep { get; init; }

    /// <summary>The mean loss over the epoch's steps.</summary>
    public required double TrainLoss { get; init; }

    /// <summary>The share of right answers among the epoch's training images, from 0 to 1, each as it was seen.</summary>
    public required double TrainAccuracy { get; init; }

    /// <summary>Right answers on the test (or validation) set; 0 where values are predicted.</summary>
    public required int Correct { get; init; }

    /// <summary>Test images whose label is among the five best answers; null where there are at most five classes.</summary>
    [JsonPropertyName("correct_top5")]
    public int? CorrectTop5 { get; init; }

    /// <summary>Answers on the test (or validation) set: one for each image or sample, or one for each of its labels.</summary>
    public required int Total { get; init; }

    /// <summary>The mean loss over the test set.</summary>
    public required double TestLoss { get; init; }

    /// <summary>The share of the values' variance that is explained, see <see cref="EvaluationResult.R2"/>; null where no values are predicted.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? R2 { get; init; }

    /// <summary>The root of the mean squared error, in the values' own units; null where no values are predicted.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Rmse { get; init; }

    /// <summary>Right answers of the moving average of the weights; null where there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? EmaCorrect { get; init; }

    /// <summary>The mean loss of the moving average over the test set; null where there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? EmaTestLoss { get; init; }

    /// <summary>The seconds that the epoch's training took, without the evaluation.</summary>
    public required double Seconds { get; init; }

    /// <summary>Training images a second.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>The last step's rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>
    /// Whether this epoch did better on the test (or validation) set than another of its run: more right answers, or as many with a smaller loss; of values, a
    /// smaller loss.
    /// </summary>
    public bool IsBetterThan(EpochReport other) =>
        Rmse is null && Correct != other.Correct ? Correct > other.Correct : TestLoss < other.TestLoss;

    /// <summary>The share of right answers on the test set, from 0 to 1.</summary>
    [JsonIgnore]
    public double Accuracy => (double)Correct / Total;

    /// <summary>The report as one line of JSON: {"event":"epoch","epoch":1,"train_loss":0.7, ...}.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingJson.Default.EpochReport);
}

/// <summary>How a run ended.</summary>
/// <param name="IsCompleted">Whether it ran to its end; otherwise it was canceled, and a checkpoint was written where there is a run folder.</param>
/// <param name="Epochs">The reports of all finished epochs, also of those before a resumption.</param>
public sealed record TrainingResult(bool IsCompleted, IReadOnlyList<EpochReport> Epochs)
{
    /// <summary>Whether it ended before its last epoch because nothing got better, or because a callback asked for it; it is completed then.</summary>
    public bool IsStoppedEarly { get; init; }

    /// <summary>The best finished epoch; null where there is none.</summary>
    public EpochReport? Best => BestOf(Epochs);

    internal static EpochReport? BestOf(IEnumerable<EpochReport> epochs) =>
        epochs.Aggregate((EpochReport?)null, (best, report) => best is null || report.IsBetterThan(best) ? report : best);

    /// <summary>The last finished epoch; null where there is none.</summary>
    public EpochReport? Last => Epochs.Count > 0 ? Epochs[^1] : null;
}
