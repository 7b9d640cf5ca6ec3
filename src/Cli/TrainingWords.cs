using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Training;

namespace Engine.Cli;

/// <summary>What a training is on and what it learns, which decides how it is told.</summary>
/// <param name="Noun">What a sample is called.</param>
/// <param name="HasAnswers">Whether answers are right or wrong; values are neither.</param>
internal sealed record TrainingWords(string Noun, bool HasAnswers)
{
    /// <summary>Images and their classes.</summary>
    public static TrainingWords Images { get; } = new("image", HasAnswers: true);

    /// <summary>Rows of a table.</summary>
    public static TrainingWords Rows(SampleTask task) => new("row", task != SampleTask.Regression);

    /// <summary>Whether it is on a table.</summary>
    public bool IsTable => this != Images;

    /// <summary>What was reached on the test set.</summary>
    public string Result(EpochReport report) => HasAnswers
        ? string.Create(CultureInfo.InvariantCulture, $"{report.Accuracy:P2} ({report.Correct:N0}/{report.Total:N0})")
        : Result(report.R2, report.Rmse);

    /// <summary>How good predicted values are.</summary>
    public static string Result(double? r2, double? rmse) => string.Create(CultureInfo.InvariantCulture, $"R2 {r2:F4}, RMSE {rmse:G5}");

    /// <summary>An epoch's line of JSON; without counts of right answers where there are none.</summary>
    public string Json(EpochReport report)
    {
        if (HasAnswers)
        {
            return report.ToJson();
        }

        JsonObject line = JsonNode.Parse(report.ToJson())!.AsObject();
        foreach (string name in (string[])["train_accuracy", "correct", "total", "ema_correct"])
        {
            line.Remove(name);
        }

        return line.ToJsonString();
    }
}
