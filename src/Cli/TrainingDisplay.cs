using System.Diagnostics;
using System.Globalization;
using Engine.Training;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>Shows how a training goes: a bar in a terminal, plain lines in a log, a line of JSON an epoch for programs.</summary>
internal sealed class TrainingDisplay(CommandOutput output)
{
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
            trainer.EpochEnded += report => output.Json(report.ToJson());
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
                    output.Say($"  {Line(step, int.MaxValue)}");
                }
            };
            trainer.EpochEnded += report =>
            {
                last = Stopwatch.GetTimestamp();
                output.Say(Line(report));
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
                bar.Description = Markup.Escape(Line(step, LiveProgress.TextWidth(output.Console.Profile.Width)));
            };
            trainer.EpochEnded += report => output.Console.WriteLine(Line(report));
            return trainer.Run(cancellation);
        });

    /// <summary>How far a training is, in a line of at most so many columns.</summary>
    internal static string Line(StepReport step, int width)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        return LiveProgress.Fit(
            width, (0, $"epoch {step.Epoch}/{step.Epochs}"), (5, $"step {step.Step}/{step.StepsPerEpoch}"), (
                1, string.Create(culture, $"loss {step.MeanLoss:F4}")),
            (2, string.Create(culture, $"train {step.Accuracy:P1}")), (
                4, string.Create(culture, $"{step.ImagesPerSecond:N0} images/s")), (3, $"{Duration(step.Remaining)} left"));
    }

    private static string Line(EpochReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"epoch {report.Epoch}/{report.Epochs}  loss {report.TrainLoss:F4}  train {report.TrainAccuracy:P1}  test {report.Accuracy:P2} "
            + $"({report.Correct:N0}/{report.Total:N0}){Average(report)}  {report.Seconds:F1} s  {report.ImagesPerSecond:N0} images/s  lr "
            + $"{report.LearningRate:G3}");

    private static string Average(EpochReport report) => report.EmaCorrect is { } correct
        ? string.Create(CultureInfo.InvariantCulture, $", average {(double)correct / report.Total:P2} ({correct:N0})")
        : "";

    private static string Duration(TimeSpan time) => time.TotalHours >= 1 ? $"{(long)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
