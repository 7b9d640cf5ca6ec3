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
                    output.Say($"  {Line(step)}");
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

    private TrainingResult RunLive(Trainer trainer, CancellationToken cancellation) => output.Console.Progress()
        .AutoClear(true)
        .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
        .Start(context =>
        {
            ProgressTask bar = context.AddTask("starting", maxValue: trainer.TotalSteps);
            bar.Value = trainer.StepsDone;
            trainer.StepEnded += step =>
            {
                bar.Value = step.GlobalStep;
                bar.Description = Markup.Escape(Line(step));
            };
            trainer.EpochEnded += report => output.Console.WriteLine(Line(report));
            return trainer.Run(cancellation);
        });

    private static string Line(StepReport step) => string.Create(
        CultureInfo.InvariantCulture,
        $"epoch {step.Epoch}/{step.Epochs}  step {step.Step}/{step.StepsPerEpoch}  loss {step.MeanLoss:F4}  train {step.Accuracy:P1}  {step.ImagesPerSecond:N0} images/s  {Duration(step.Remaining)} left");

    private static string Line(EpochReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"epoch {report.Epoch}/{report.Epochs}  loss {report.TrainLoss:F4}  train {report.TrainAccuracy:P1}  test {report.Accuracy:P2} ({report.Correct:N0}/{report.Total:N0}){Average(report)}  {report.Seconds:F1} s  {report.ImagesPerSecond:N0} images/s  lr {report.LearningRate:G3}");

    private static string Average(EpochReport report) => report.EmaCorrect is { } correct
        ? string.Create(CultureInfo.InvariantCulture, $", average {(double)correct / report.Total:P2} ({correct:N0})")
        : "";

    private static string Duration(TimeSpan time) => time.TotalHours >= 1 ? $"{(long)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
