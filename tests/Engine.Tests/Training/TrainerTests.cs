using System.Diagnostics;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Tests.Formats;
using Engine.Training;

namespace Engine.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private static readonly TrainingOptions Options = new()
    {
        Epochs = 4,
        BatchSize = 8,
        LearningRate = 0.2,
        Seed = 5,
    };

    private static readonly TrainingOptions Adam = Options with
    {
        Optimizer = "adamw",
        LearningRate = 0.01,
        WeightDecay = 0.1,
        NormAndBiasDecay = false,
        ClipNorm = 0.5,
        ClipValue = 0.1,
        Ema = 0.9,
    };

    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void A_small_network_learns_and_reports_every_step_and_epoch()
    {
        Module model = TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, Options with { Epochs = 8 });
        List<StepReport> steps = [];
        List<EpochReport> epochs = [];
        trainer.StepEnded += steps.Add;
        trainer.EpochEnded += epochs.Add;
        Stopwatch watch = Stopwatch.StartNew();
        TrainingResult result = trainer.Run();

        Assert.True(result.IsCompleted);
        Assert.Equal(8, epochs.Count);
        Assert.Equal(epochs, result.Epochs);
        Assert.True(epochs[^1].TrainLoss < epochs[0].TrainLoss / 2, $"{epochs[0].TrainLoss} to {epochs[^1].TrainLoss}");
        Assert.InRange(result.Last!.Correct, 18, 20);
        Assert.Equal(20, result.Last.Total);
        Assert.Null(result.Last.CorrectTop5);
        Assert.True(model.IsTraining);
        Assert.Equal(48, steps.Count);
        Assert.Equal(Enumerable.Range(1, 48).Select(i => (long)i), steps.Select(s => s.GlobalStep));
        Assert.Equal(steps.Take(6).Average(s => s.Loss), epochs[0].TrainLoss, 1e-12);
        Assert.Equal(steps[5].Accuracy, epochs[0].TrainAccuracy, 1e-12);
        Assert.Equal(0.2, steps[0].LearningRate);
        Assert.All(steps, s => Assert.True(s.Remaining >= TimeSpan.Zero && s.ImagesPerSecond > 0));
        Assert.InRange(epochs.Sum(e => e.Seconds), 0, watch.Elapsed.TotalSeconds);
        Assert.All(epochs, e => Assert.Equal(48 / e.Seconds, e.ImagesPerSecond, 48 / e.Seconds * 1e-9));
    }

    [Fact]
    public void The_same_run_twice_has_the_same_weights_and_another_seed_has_others()
    {
        List<double[]> first = Train(Options), second = Train(Options), other = Train(Options with { Seed = 6 });
        Assert.Equal(first, second);
        Assert.NotEqual(first, other);
    }

    [Theory]
    [InlineData("cosine", 1, false)]
    [InlineData("cosine", 4, true)]
    [InlineData("plateau", 1, false)]
    [InlineData("paper-warmup", 1, false)]
    [InlineData("paper-warmup", 4, false)]
    public void A_run_canceled_in_mid_epoch_and_resumed_ends_with_the_very_weights_of_an_uninterrupted_one(string schedule, int interval, bool isAdamW)
    {
        TrainingOptions options = (isAdamW ? Adam : Options) with { Schedule = schedule };
        List<double[]> expected = Train(options, interval: interval);
        for (int stop = 1; stop < 24; stop += 5)
        {
            RunFolder folder = RunFolder.Create(_folder[$"run{stop}"], new RunManifest { Training = options });
            RunCanceled(options, folder, stop, interval);
            Module resumed = TinySet.Network();
            using Trainer trainer = new(resumed, TinySet.Make(), _device, options, RunFolder.Open(folder.Path), interval);
            trainer.Resume();
            Assert.InRange(trainer.StepsDone, stop, stop + interval);
            TrainingResult result = trainer.Run();
            Assert.True(result.IsCompleted);
            Assert.Equal(expected, Numbers(resumed));
            Assert.Equal([1, 2, 3, 4], result.Epochs.Select(e => e.Epoch));
            Assert.Equal([1, 2, 3, 4], File.ReadLines(folder.MetricsPath).Select(l => (int)JsonNode.Parse(l)!["epoch"]!));
        }
    }

    [Fact]
    public void A_moving_average_is_evaluated_and_saved_beside_the_weights_and_resumed_to_the_same_bytes()
    {
        RunFolder whole = RunFolder.Create(
            _folder["whole"], new RunManifest { Training = Adam }), folder = RunFolder.Create(_folder["run"], new RunManifest { Training = Adam });
        Train(Adam, whole);
        RunCanceled(Adam, folder, stop: 13, interval: 1);
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Adam, RunFolder.Open(folder.Path));
        trainer.Resume();
        EpochReport last = trainer.Run().Last!;
        Assert.NotNull(last.EmaCorrect);
        Assert.NotEqual(last.TestLoss, last.EmaTestLoss);
        Assert.Equal(File.ReadAllBytes(whole.AveragePath), File.ReadAllBytes(folder.AveragePath));
        Assert.NotEqual(File.ReadAllBytes(folder.WeightsPath), File.ReadAllBytes(folder.AveragePath));

        // What the file holds is what was evaluated.
        Module averaged = TinySet.Network();
        averaged.To(_device);
        StateDictionary.Load(averaged, folder.AveragePath);
        using Trainer evaluating = new(averaged, TinySet.Make(), _device, Adam with { Ema = null, Epochs = 1, LearningRate = 1e-300, WeightDecay = 0 });
        Assert.Equal(last.EmaCorrect, evaluating.Run().Last!.Correct);
    }

    [Fact]
    public void Each_optimizer_clipping_and_average_changes_the_weights()
    {
        List<double[]>[] ends =
        [
            Train(Options), Train(Options with { Optimizer = "adamw" }), Train(Options with { ClipNorm = 0.01 }), Train(Options with { ClipValue = 0.001 }),
            Train(Options with { WeightDecay = 0.1 }), Train(Options with { WeightDecay = 0.1, NormAndBiasDecay = false }),
        ];
        Assert.Equal(ends.Length, ends.Select(end => end[0][0]).Distinct().Count());
        Assert.Equal(ends[0], Train(Options with { Ema = 0.5 })); // It follows the weights and does not touch them.
        Assert.Contains("momentum", Assert.Throws<EngineException>(() => Train(Options with { Optimizer = "momentum" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_killed_in_mid_epoch_goes_on_from_its_last_checkpoint_to_the_very_same_end()
    {
        string whole = _folder["whole"], killed = _folder["killed"];
        List<double[]> expected = Train(Options, RunFolder.Create(whole, new RunManifest { Training = Options }));

        // Just before the third epoch's checkpoint the folder is copied, as a kill would leave it: with a line of metrics too many and a file
        // half-written.
        RunFolder folder = RunFolder.Create(killed + ".live", new RunManifest { Training = Options });
        Module model = TinySet.Network();
        using (Trainer trainer = new(model, TinySet.Make(), _device, Options, folder))
        {
            trainer.EpochEnded += e =>
            {
                if (e.Epoch == 2)
                {
                    Copy(folder.Path, killed);
                }
            };
            trainer.Run();
        }

        File.Copy(folder.MetricsPath, Path.Combine(killed, "metrics.jsonl"), overwrite: true);
        File.WriteAllText(Path.Combine(killed, "checkpoint.safetensors" + AtomicFile.TemporarySuffix), "half");

        Module resumed = TinySet.Network();
        RunFolder reopened = RunFolder.Open(killed);
        Assert.Equal(Options, reopened.Manifest.Training);
        using (Trainer trainer = new(resumed, TinySet.Make(), _device, reopened.Manifest.Training, reopened))
        {
            trainer.Resume();
            Assert.Equal(12, trainer.StepsDone);
            Assert.Equal(2, File.ReadLines(reopened.MetricsPath).Count());
            trainer.Run();
        }

        Assert.Equal(expected, Numbers(resumed));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "weights.safetensors")), File.ReadAllBytes(reopened.WeightsPath));
        Assert.Equal(4, File.ReadLines(reopened.MetricsPath).Count());
        Assert.False(File.Exists(reopened.CheckpointPath + AtomicFile.TemporarySuffix));
    }

    [Fact]
    public void A_run_without_a_checkpoint_starts_anew()
    {
        RunFolder folder = RunFolder.Create(_folder["run"], new RunManifest { Training = Options });
        Module model = TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, Options, folder);
        trainer.Resume();
        trainer.Run();
        Assert.Equal(Train(Options), Numbers(model));
    }

    [Fact]
    public void A_finished_run_resumes_to_nothing_or_to_more_epochs()
    {
        TrainingOptions options = Options with { Schedule = "constant", Epochs = 2 };
        RunFolder folder = RunFolder.Create(_folder["run"], new RunManifest { Training = options });
        List<double[]> two = Train(options, folder), four = Train(options with { Epochs = 4 });

        foreach ((int epochs, List<double[]> expected) in new[] { (2, two), (4, four) })
        {
            Module model = TinySet.Network();
            using Trainer trainer = new(model, TinySet.Make(), _device, options with { Epochs = epochs }, RunFolder.Open(folder.Path));
            trainer.Resume();
            TrainingResult result = trainer.Run();
            Assert.Equal(expected, Numbers(model));
            Assert.Equal(epochs, result.Epochs.Count);
        }
    }

    [Fact]
    public void Max_steps_end_the_run_in_the_middle_of_an_epoch()
    {
        TrainingOptions options = Options with { MaxSteps = 8, Epochs = int.MaxValue };
        RunFolder folder = RunFolder.Create(_folder["run"], new RunManifest { Training = options });
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, options, folder);
        TrainingResult result = trainer.Run();
        Assert.Equal([6L, 8L], result.Epochs.Select(e => e.GlobalStep));
        Assert.Equal(2, trainer.Epochs);

        using Trainer resumed = new(TinySet.Network(), TinySet.Make(), _device, options, RunFolder.Open(folder.Path));
        resumed.Resume();
        Assert.True(resumed.Run().IsCompleted);
    }

    [Fact]
    public void Micro_batches_add_up_to_the_whole_batchs_gradient()
    {
        // Without batch norm, whose statistics are each micro-batch's own.
        List<double[]> whole = Train(Options, model: new TinyNetwork()), parts = Train(Options with { MicroBatches = 4 }, model: new TinyNetwork());
        for (int i = 0; i < whole.Count; i++)
        {
            for (int j = 0; j < whole[i].Length; j++)
            {
                Assert.Equal(whole[i][j], parts[i][j], 1e-12);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_loss_that_is_not_finite_stops_the_run_and_leaves_the_last_good_checkpoint(int interval)
    {
        RunFolder folder = RunFolder.Create(_folder["run"], new RunManifest { Training = Options });
        Module model = TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, Options, folder, interval);
        byte[] good = [];
        trainer.EpochEnded += e =>
        {
            good = File.ReadAllBytes(folder.CheckpointPath);
            Tensor weight = model.Parameters.First().Parameter.Value;
            weight.Write<double>(Enumerable.Repeat(e.Epoch == 2 ? double.NaN : 0.1, weight.Shape.Count).ToArray());
        };
        TrainingDivergedException error = Assert.Throws<TrainingDivergedException>(() => trainer.Run());
        Assert.StartsWith("training diverged: the loss became NaN at step 1", error.Message);
        Assert.Contains("learning rate 0.1", error.Message);
        Assert.Contains($"'{folder.CheckpointPath}' is the last good checkpoint", error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(good, File.ReadAllBytes(folder.CheckpointPath));
        Assert.Equal(2, File.ReadLines(folder.MetricsPath).Count());
        Assert.Equal(0, _device.Tape.Count);
    }

    [Fact]
    public void Weights_that_are_not_finite_are_never_saved()
    {
        RunFolder folder = RunFolder.Create(_folder["run"], new RunManifest { Training = Options });
        Module model = TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, Options, folder);
        trainer.StepEnded += s =>
        {
            // Between the loss and the update of an epoch's last step: no loss of this epoch can show it.
            if (s.GlobalStep == 12)
            {
                Tensor gradient = model.Parameters.Last().Parameter.Value.Gradient!;
                gradient.Write<double>(Enumerable.Repeat(double.PositiveInfinity, gradient.Shape.Count).ToArray());
            }
        };
        TrainingDivergedException error = Assert.Throws<TrainingDivergedException>(() => trainer.Run());
        Assert.Contains("5.bias is no longer finite", error.Message);
        using SafetensorsFile file = SafetensorsFile.Open(folder.CheckpointPath);
        Assert.Contains("\"epoch\":1,", file.Metadata["state"]);
    }

    [Fact]
    public void Evaluation_leaves_no_memory_behind_and_counts_the_five_best()
    {
        Module model = TinySet.Network(classes: 7).To(_device);
        ImageDataset set = TinySet.Make();
        string[] names = [.. "abcdefg".Select(c => $"{c}")];
        byte[] pixels = new byte[20 * TinySet.Side * TinySet.Side];
        byte[] labels = [.. Enumerable.Range(0, 20).Select(i => (byte)(i % 7))];
        MemoryImageSource source = new(pixels, labels, TinySet.Side, TinySet.Side, 1, names);
        using DataLoader loader = new(_device, source, new DataLoaderOptions { BatchSize = 8 });
        EvaluationResult result = Evaluation.Run(model, loader);
        long used = _device.Memory.UsedBytes;
        Assert.Equal(result, Evaluation.Run(model, loader));
        Assert.Equal(used, _device.Memory.UsedBytes);
        Assert.Equal(20, result.Total);

        // All images are black, so every answer is the same: one class of 20 images is right, and five of the seven are among the best.
        Assert.InRange(result.Correct, 2, 3);
        Assert.InRange(result.CorrectTop5!.Value, 14, 15);
        Assert.True(result.Loss > 0);
    }

    [Fact]
    public void A_model_of_other_classes_than_the_data_is_one_clear_line()
    {
        using Trainer trainer = new(TinySet.Network(classes: 3), TinySet.Make(), _device, Options);
        EngineException error = Assert.Throws<EngineException>(() => trainer.Run());
        Assert.Contains("[8, 3]", error.Message);
        Assert.Contains("2 classes", error.Message);
    }

    [Fact]
    public void From_the_third_step_on_no_native_memory_is_taken()
    {
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Options);
        List<long> allocations = [];
        trainer.StepEnded += _ => allocations.Add(_device.Memory.NativeAllocations);
        trainer.Run();
        Assert.Equal(allocations[2], allocations[5]);
        Assert.Equal(allocations[6], allocations[^1]);
    }

    [Fact]
    public void A_recording_that_fails_in_the_middle_of_a_step_leaves_nothing_on_the_tape()
    {
        using HalfRecorder device = new();
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), device, Options with { Epochs = 1 });
        Assert.True(trainer.Run().IsCompleted);
        Assert.Equal("the loss cannot be recorded", trainer.RecordingProblem);
        Assert.Equal(1, device.Recordings);
        Assert.Equal(0, device.MostBefore);
    }

    [Fact]
    public void A_plateau_of_the_test_error_lowers_the_rate()
    {
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, Options with { Schedule = "plateau", Epochs = 30 });
        IReadOnlyList<EpochReport> epochs = trainer.Run().Epochs;
        Assert.True(epochs[^1].LearningRate < epochs[0].LearningRate, $"the rate is {epochs[^1].LearningRate} still");
    }

    [Fact]
    public void A_model_that_was_evaluated_is_trained_as_any()
    {
        List<double[]> expected = Train(Options);
        Module model = TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, Options);
        model.Eval();
        trainer.Run();
        Assert.True(model.IsTraining);
        Assert.Equal(expected, Numbers(model));
    }

    [Fact]
    public void A_trainer_that_is_disposed_leaves_no_memory_but_the_models()
    {
        using ReferenceDevice elsewhere = new();
        Assert.Equal(UsedAfter(), UsedAfter());

        long UsedAfter()
        {
            Module model = TinySet.Network();
            using (Trainer trainer = new(model, TinySet.Make(), _device, Options with { MaxSteps = 5 }))
            {
                trainer.Run();
            }

            model.To(elsewhere);
            return _device.Memory.UsedBytes;
        }
    }

    private List<double[]> Train(TrainingOptions options, RunFolder? folder = null, int interval = 1, Module? model = null)
    {
        model ??= TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, options, folder, interval);
        Assert.True(trainer.Run().IsCompleted);
        return Numbers(model);
    }

    private void RunCanceled(TrainingOptions options, RunFolder folder, int stop, int interval)
    {
        using CancellationTokenSource cancellation = new();
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, options, folder, interval);
        trainer.StepEnded += step =>
        {
            if (step.GlobalStep == stop)
            {
                cancellation.Cancel();
            }
        };
        Assert.False(trainer.Run(cancellation.Token).IsCompleted);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from).Where(f => Path.GetFileName(f) != FolderLock.FileName))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private static List<double[]> Numbers(Module model) => [.. model.Named().Select(p => p.Parameter.Value.ToArray<double>())];

    /// <summary>A device of shapes whose recordings break off at the loss, and which counts what the tape holds when a step begins.</summary>
    private sealed class HalfRecorder : MetaDevice
    {
        private bool _isRecording;

        public int Recordings { get; private set; }

        public int MostBefore { get; private set; }

        public override bool CanRecordSteps => true;

        protected override IRecordedStep RecordStepCore(Action step, IRecordedStep? sharing)
        {
            Recordings++;
            _isRecording = true;
            try
            {
                step();
                throw new InvalidOperationException("the step has not met the loss");
            }
            finally
            {
                _isRecording = false;
            }
        }

        protected override void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient)
        {
            if (_isRecording)
            {
                throw new EngineException("the loss cannot be recorded");
            }
        }

        protected override void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output) =>
            MostBefore = Math.Max(MostBefore, Tape.Count);
    }
}
