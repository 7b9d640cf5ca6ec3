using Engine.Formats;
using Engine.Layers;
using Engine.TensorBoard;
using Engine.Training;

namespace Engine.Cli;

/// <summary>
/// A training's event file for TensorBoard, in the run folder: loss, accuracy and learning rate at about a thousand steps of the run, the
/// epochs' results, and histograms of the weights at the ends of up to fifty epochs.
/// </summary>
internal sealed class TrainingEvents : IDisposable
{
    private const int Points = 1000, Images = 50;
    private readonly Trainer _trainer;
    private readonly RunFolder _folder;
    private FileStream? _stream;
    private EventWriter? _writer;

    /// <summary>
    /// Listens to a trainer that has not begun; nothing is written before its first step has ended. The files of a run's earlier sessions stay.
    /// </summary>
    /// <param name="trainer">The trainer.</param>
    /// <param name="folder">Its run folder.</param>
    /// <param name="words">What is trained on and learned; null for images.</param>
    public TrainingEvents(Trainer trainer, RunFolder folder, TrainingWords? words = null)
    {
        words ??= TrainingWords.Images;
        (_trainer, _folder) = (trainer, folder);
        long every = Math.Max(1, trainer.TotalSteps / Points);
        trainer.StepEnded += step =>
        {
            EventWriter writer = Open(step.GlobalStep - 1);
            if ((step.GlobalStep - 1) % every == 0)
            {
                (string, double)[] accuracy = words.HasAnswers ? [("step/accuracy", step.BatchAccuracy)] : [];
                Write(() => writer.WriteScalars(
                    step.GlobalStep - 1, [("step/loss", step.Loss), .. accuracy, ("step/learning_rate", step.LearningRate)]));
            }
        };
        int pace = Math.Max(1, trainer.Epochs / Images);
        trainer.EpochEnded += report =>
        {
            EventWriter writer = Open(report.GlobalStep);
            Write(() =>
            {
                (string, double)[] results = words.HasAnswers
                    ? [("epoch/train_accuracy", report.TrainAccuracy), ("epoch/test_loss", report.TestLoss), ("epoch/test_accuracy", report.Accuracy)]
                    : [("epoch/test_loss", report.TestLoss), ("epoch/test_r2", report.R2 ?? 0), ("epoch/test_rmse", report.Rmse ?? 0)];
                writer.WriteScalars(
                    report.GlobalStep,
                    [
                        ("epoch/train_loss", report.TrainLoss), .. results, ("epoch/learning_rate", report.LearningRate),
                        ($"epoch/{words.Noun}s_per_second", report.ImagesPerSecond),
                    ]);
                if (report is { EmaCorrect: { } correct, EmaTestLoss: { } loss })
                {
                    (string, double)[] average = words.HasAnswers ? [("epoch/ema_test_accuracy", (double)correct / report.Total)] : [];
                    writer.WriteScalars(report.GlobalStep, [("epoch/ema_test_loss", loss), .. average]);
                }

                if (report.Epoch % pace == 0 || report.Epoch == report.Epochs)
                {
                    writer.WriteHistograms(report.GlobalStep, Weights());
                }

                _stream!.Flush();
            });
        };
    }

    /// <summary>Makes sure that all of the file is on the disk.</summary>
    /// <exception cref="EngineException">It is not; the run's own files are.</exception>
    public void Close()
    {
        if (_stream is not null)
        {
            AtomicFile.Sync(_stream);
        }

        Dispose();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        try
        {
            _stream?.Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What led here before Close is the error to report.
        }
    }

    private IEnumerable<(string Tag, Histogram Histogram)> Weights()
    {
        foreach ((string name, Parameter parameter) in _trainer.Model.Parameters)
        {
            if (Histogram.Of(parameter.Value.ToArray<float>()) is { } histogram)
            {
                yield return ($"weights/{name}", histogram);
            }
        }
    }

    private EventWriter Open(long firstStep)
    {
        if (_writer is not null)
        {
            return _writer;
        }

        // TensorBoard takes the files of a folder in the order of their names: the time comes first, and steps that an interrupted
        // session had gone beyond its last checkpoint are dropped.
        SteadyClock clock = new();
        string name = EventFileName.Next(Directory.EnumerateFiles(_folder.Path), clock.GetUtcNow());
        string path = Path.Combine(_folder.Path, name);
        Write(path, () =>
        {
            _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            _writer = new EventWriter(_stream, clock);
            _writer.WriteHeader();
            _writer.WriteStart(firstStep);
        });
        return _writer!;
    }

    private void Write(Action write) => Write(_stream!.Name, write);

    private static void Write(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(path, e, "the run goes on from its last checkpoint with --resume");
        }
    }
}
