using System.Diagnostics;
using System.Globalization;
using Engine.Training;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>Shows how a training goes: a bar in a terminal, plain lines in a log, a line of JSON an epoch for programs.</summary>
/// <param name="output">Where it is shown.</param>
/// <param name="words">What is trained on and learned.</param>
internal sealed class TrainingDisplay(CommandOutput output, TrainingWords words)
{
    // Epochs of a table are short and many.
    private const int TableLines = 20;

    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(15);

    /// <summary>Runs the training.</summary>
    public TrainingResult Run(Trainer trainer, CancellationToken cancellation)
    {
        if (output.IsLive)
        {
            return RunLive(trainer, cancellation);
        }

        if (output.IsJson)
        {
            trainer.EpochEnded += report => output.Json(words.Json(report));
        }
        else
        {
            // Long epochs give a sign of life between their ends.
            long last = Stopwatch.GetTimestamp();
            trainer.StepEnded += step =>
            {
                if (Stopwatch.GetElapsedTime(last) >= PlainInterval)
                {
                    last = Stopwatch.GetTimestamp();
                    output.Say($"  {Line(step, int.MaxValue, words)}");
                }
            };
            trainer.EpochEnded += report =>
            {
                last = Stopwatch.GetTimestamp();
                if (IsShown(report))
                {
                    output.Say(Line(report));
                }
            };
        }

        return trainer.Run(cancellation);
    }

    private TrainingResult RunLive(Trainer trainer, CancellationToken cancellation) => LiveProgress.Of(output.Console)
        .Start(context =>
        {
            ProgressTask bar = context.AddTask("starting", maxValue: trainer.TotalSteps);
            bar.Value = trainer.StepsDone;
            trainer.StepEnded += step =>
            {
                bar.Value = step.GlobalStep;
                bar.Description = Markup.Escape(Line(step, LiveProgress.TextWidth(output.Console.Profile.Width), words));
            };
            trainer.EpochEnded += report =>
            {
                if (IsShown(report))
                {
                    output.Console.WriteLine(Line(report));
                }
            };
            return trainer.Run(cancellation);
        });

    /// <summary>How far a training is, in a line of at most so many columns.</summary>
    /// <param name="step">How it is.</param>
    /// <param name="width">The columns.</param>
    /// <param name="words">What is trained on and learned; null for images.</param>
    internal static string Line(StepReport step, int width, TrainingWords? words = null)
    {
        words ??= TrainingWords.Images;
        CultureInfo culture = CultureInfo.InvariantCulture;
        (int, string)[] accuracy = words.HasAnswers ? [(2, string.Create(culture, $"train {step.Accuracy:P1}"))] : [];
        return LiveProgress.Fit(
            width,
            [
                (0, $"epoch {step.Epoch}/{step.Epochs}"), (5, $"step {step.Step}/{step.StepsPerEpoch}"),
                (1, string.Create(culture, $"loss {step.MeanLoss:F4}")), .. accuracy,
                (4, string.Create(culture, $"{step.ImagesPerSecond:N0} {words.Noun}s/s")), (3, $"{Duration(step.Remaining)} left"),
            ]);
    }

    private bool IsShown(EpochReport report) =>
        !words.IsTable || report.Epoch == report.Epochs || report.Epoch % Math.Max(1, report.Epochs / TableLines) == 0;

    private string Line(EpochReport report)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string train = words.HasAnswers ? string.Create(culture, $"  train {report.TrainAccuracy:P1}") : "";
        return string.Create(
            culture,
            $"epoch {report.Epoch}/{report.Epochs}  loss {report.TrainLoss:F4}{train}  test {words.Result(report)}{Average(report)}  {report.Seconds:F1} s  "
                + $"{report.ImagesPerSecond:N0} {words.Noun}s/s  lr {report.LearningRate:G3}");
    }

    private string Average(EpochReport report) => !words.HasAnswers
        ? report.EmaTestLoss is { } loss ? string.Create(CultureInfo.InvariantCulture, $", average's loss {loss:F4}") : ""
        : report.EmaCorrect is { } correct
        ? string.Create(CultureInfo.InvariantCulture, $", average {(double)correct / report.Total:P2} ({correct:N0})")
        : "";

    private static string Duration(TimeSpan time) => time.TotalHours >= 1 ? $"{(long)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
