using Engine.Data;
using Engine.Layers;
using Engine.Tests.Data;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>The trainer on samples that are no images: each task learns, counts by its definition, resumes to the bit, and stops where it is told to.</summary>
public sealed class SampleTrainingTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly TemporaryFolder _folder = new();

    private static readonly TrainingOptions Short = new()
    {
        Epochs = 20,
        BatchSize = 16,
        LearningRate = 0.01,
        Optimizer = "adamw",
        Schedule = "constant",
        WeightDecay = 0,
    };

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Three_classes_of_points_are_told_apart()
    {
        using Module model = Net(2, 3);
        using Trainer trainer = new(model, SampleDataset.Split(Rings(300), 0.2), _device, Short);
        EpochReport last = trainer.Run().Last!;
        Assert.InRange(last.Accuracy, 0.95, 1);
        Assert.Equal(60, last.Total);
        Assert.Null(last.Rmse);
    }

    [Fact]
    public void Values_are_predicted_in_their_own_units()
    {
        // y = 1000 + 50 x0 - 20 x1, and noise with a deviation of 5: the root of the mean squared error is near the noise's.
        RandomSource random = new(3);
        Samples samples = Samples.OfValues([.. Enumerable.Range(0, 400).Select(_ =>
        {
            (float a, float b) = ((float)random.NextNormal() * 3, (float)random.NextNormal());
            return (new[] { a, b }, 1000 + (50 * a) - (20 * b) + (5 * (float)random.NextNormal()));
        })]);
        using Module model = new Sequential(new Linear(2, 1));
        using Trainer trainer = new(model, SampleDataset.Split(samples, 0.25), _device, Short with { Epochs = 30 });
        EpochReport last = trainer.Run().Last!;
        Assert.InRange(last.Rmse!.Value, 3, 7);
        Assert.InRange(last.R2!.Value, 0.99, 1);
        Assert.Equal((0, 100), (last.Correct, last.Total));
    }

    [Fact]
    public void Labels_are_counted_one_by_one()
    {
        // Label a where x > 0, label b where y > 0.
        RandomSource random = new(5);
        float[] features = [.. Enumerable.Range(0, 400).Select(_ => (float)random.NextNormal())];
        Samples samples = Samples.OfLabels(new Shape(2), features, Array.ConvertAll(features, x => x > 0 ? 1f : 0f), "a", "b");
        using Module model = Net(2, 2);
        using Trainer trainer = new(model, SampleDataset.Split(samples, 0.25), _device, Short);
        EpochReport last = trainer.Run().Last!;
        Assert.Equal(100, last.Total);
        Assert.InRange(last.Accuracy, 0.95, 1);
        Assert.InRange(last.TrainAccuracy, 0.9, 1);

        // Counted by hand from the network's own outputs.
        using SampleLoader loader = new(_device, samples, 64, features: FeatureScaling.Of(samples.Features.Span, 2));
        EvaluationResult result = Evaluation.Run(model, loader);
        float[] outputs = Evaluation.Outputs(model, loader);
        Assert.Equal(outputs.Zip(samples.Values.ToArray()).Count(p => (p.First > 0) == (p.Second > 0.5f)), result.Correct);
        Assert.Equal((400, (double?)null), (result.Total, result.R2));
    }

    [Fact]
    public void R2_and_rmse_are_those_of_the_definition()
    {
        float[] x = [1, 2, 3, 4, 5, 6, 7], y = [2, 1, 4, 3, 6, 5, 9];
        Samples samples = Samples.OfValues(new Shape(1), x, y);
        using ReferenceDevice reference = new();
        Linear layer = new(1, 1, bias: false);
        using Module model = new Sequential(layer).To(reference);
        layer.Weight.Value.Write<double>([1.1]);
        using SampleLoader loader = new(reference, samples, 3);
        EvaluationResult result = Evaluation.Run(model, loader);
        double error = x.Zip(y).Sum(p => Math.Pow((1.1 * p.First) - p.Second, 2)), mean = y.Average(v => (double)v);
        Assert.Equal(Math.Sqrt(error / 7), result.Rmse!.Value, 1e-5);
        Assert.Equal(1 - (error / y.Sum(v => Math.Pow(v - mean, 2))), result.R2!.Value, 1e-5);
        Assert.Equal(error / 7, result.Loss, 1e-5);
    }

    [Fact]
    public void A_sample_of_weight_zero_teaches_nothing()
    {
        // Half of the samples have wrong labels, and no weight.
        Samples rings = Rings(300);
        int[] labels = [.. rings.Labels.ToArray().Select((label, i) => i % 2 == 0 ? label : (label + 1) % 3)];
        Samples mixed = Samples.OfClasses(rings.FeatureShape, rings.Features, labels, rings.TargetNames)
            .WithWeights(Enumerable.Range(0, 300).Select(i => i % 2 == 0 ? 1f : 0f).ToArray());
        using Module model = Net(2, 3);
        using Trainer trainer = new(model, new SampleDataset(mixed, rings), _device, Short);
        Assert.InRange(trainer.Run().Last!.Accuracy, 0.95, 1);
        DataFiles.AssertOneLine(
            () => new Trainer(model, new SampleDataset(mixed, rings), _device, Short, loss: (output, _) => output.Mean()), "weights", "does not see");
    }

    [Fact]
    public void A_resumed_run_ends_with_the_same_weights()
    {
        SampleDataset data = SampleDataset.Split(Rings(100), 0.2);
        TrainingOptions options = Short with { Epochs = 3, KeepBest = true, Schedule = "plateau" };
        using Module whole = Net(2, 3);
        using RunFolder first = RunFolder.Create(_folder["whole"], new RunManifest { Model = "net" });
        using (Trainer trainer = new(whole, data, _device, options, first))
        {
            trainer.Run();
        }

        using Module halved = Net(2, 3);
        using (RunFolder begun = RunFolder.Create(_folder["halved"], new RunManifest { Model = "net" }))
        using (Trainer trainer = new(halved, data, _device, options, begun))
        using (CancellationTokenSource stop = new())
        {
            trainer.StepEnded += report =>
            {
                if (report.GlobalStep == 7)
                {
                    stop.Cancel();
                }
            };
            Assert.False(trainer.Run(stop.Token).IsCompleted);
        }

        using Module resumed = Net(2, 3);
        using RunFolder again = RunFolder.Open(_folder["halved"]);
        using (Trainer trainer = new(resumed, data, _device, options, again))
        {
            trainer.Resume();
            Assert.True(trainer.Run().IsCompleted);
        }

        Assert.Equal(Weights(whole), Weights(resumed));
        Assert.Equal(File.ReadAllBytes(first.WeightsPath), File.ReadAllBytes(again.WeightsPath));

        // Other samples are another run's.
        using Trainer other = new(resumed, SampleDataset.Split(Rings(100, seed: 2), 0.2), _device, options, again);
        DataFiles.AssertOneLine(other.Resume, "training samples have changed", "numbers, names or scaling differ");
        using Trainer rescaled = new(resumed, data with { Features = FeatureScaling.None(2) }, _device, options, again);
        DataFiles.AssertOneLine(rescaled.Resume, "training samples have changed", "scaling");
    }

    [Fact]
    public void Without_anything_better_a_run_ends_after_its_patience_and_has_its_best_weights()
    {
        // A rate far too large: the first epochs are as good as it gets.
        SampleDataset data = SampleDataset.Split(Rings(200), 0.2);
        TrainingOptions options = Short with { Epochs = 40, LearningRate = 0.5, Patience = 3, KeepBest = true };
        foreach (bool hasFolder in (bool[])[false, true])
        {
            using Module model = Net(2, 3);
            using RunFolder? folder = hasFolder ? RunFolder.Create(_folder["run"], new RunManifest { Model = "net" }) : null;
            using Trainer trainer = new(model, data, _device, options, folder);
            Dictionary<int, float[]> after = [];
            trainer.EpochEnded += report => after[report.Epoch] = Weights(model);
            TrainingResult result = trainer.Run();
            Assert.True(result is { IsCompleted: true, IsStoppedEarly: true });
            Assert.Equal(result.Best!.Epoch + 3, result.Last!.Epoch);
            Assert.Equal(after[result.Best.Epoch], Weights(model));
            Assert.NotEqual(after[result.Last.Epoch], Weights(model));
            if (folder is not null)
            {
                // The folder's weights are the best ones too, and a run that is taken up again has nothing more to do.
                using SavedModel saved = SavedModel.Open(folder.Path);
                Assert.Equal($"{result.Best.Epoch}", saved.File.Metadata["epoch"]);
                using Module later = Net(2, 3);
                using Trainer again = new(later, data, _device, options, folder);
                again.Resume();
                Assert.True(again.Run() is { IsCompleted: true, IsStoppedEarly: true, Epochs.Count: var epochs } && epochs == result.Epochs.Count);
                Assert.Equal(after[result.Best.Epoch], Weights(later));
            }
        }
    }

    [Fact]
    public void A_callback_can_end_a_run()
    {
        using Module model = Net(2, 3);
        using Trainer trainer = new(model, SampleDataset.Split(Rings(60), 0.2), _device, Short);
        trainer.Callbacks.Add(new StopAfter(2));
        TrainingResult result = trainer.Run();
        Assert.True(result is { IsCompleted: true, IsStoppedEarly: true, Epochs.Count: 2 });
    }

    [Fact]
    public async Task An_asynchronous_run_tells_its_progress_and_can_be_canceled()
    {
        using Module model = Net(2, 3);
        using Trainer trainer = new(model, SampleDataset.Split(Rings(60), 0.2), _device, Short with { Epochs = 3 });
        Told<EpochReport> epochs = new();
        Told<StepReport> steps = new();
        TrainingResult result = await trainer.RunAsync(TestContext.Current.CancellationToken, epochs, steps);
        Assert.True(result.IsCompleted);
        Assert.Equal([1, 2, 3], epochs.Values.Select(e => e.Epoch));
        Assert.Equal(9, steps.Values.Count);

        using Module other = Net(2, 3);
        using Trainer endless = new(other, SampleDataset.Split(Rings(60), 0.2), _device, Short with { Epochs = 1_000_000 });
        using CancellationTokenSource stop = new();
        Task<TrainingResult> running = endless.RunAsync(stop.Token);
        await Task.Delay(20, TestContext.Current.CancellationToken);
        DataFiles.AssertOneLine(() => endless.Run(), "running already");
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(running.IsCompleted);
        await stop.CancelAsync();
        Assert.False((await running).IsCompleted);
    }

    [Fact]
    public void The_range_test_finds_a_rate_and_leaves_the_weights_alone()
    {
        using Module model = Net(2, 3).To(_device, 1);
        float[] before = Weights(model);
        SampleDataset data = SampleDataset.Split(Rings(300), 0.2);
        LearningRateRange range = LearningRateRange.Test(model, data, _device, Short with { Optimizer = "sgd" }, 1e-4, 100, steps: 60);
        Assert.Equal(before, Weights(model));
        Assert.True(model.IsTraining);
        Assert.InRange(range.Suggested, 0.01, 3);
        Assert.Equal(1e-4, range.Points[0].Rate, 1e-12);
        Assert.Equal(range.Points[0].Loss, range.Points[0].Smoothed, 1e-12);

        // The rate that it suggests trains: a thousandth of it does not, in as many steps.
        Assert.InRange(AccuracyWith(range.Suggested), 0.9, 1);
        Assert.InRange(AccuracyWith(range.Suggested / 1000), 0, 0.8);
        DataFiles.AssertOneLine(() => LearningRateRange.Test(model, data, _device, Short, 1, 0.1), "highest rate is 0.1");
        DataFiles.AssertOneLine(() => LearningRateRange.Test(model, data, _device, Short, steps: 9), "steps is 9");

        double AccuracyWith(double rate)
        {
            using Module fresh = Net(2, 3);
            using Trainer trainer = new(fresh, data, _device, Short with { Optimizer = "sgd", LearningRate = rate, Epochs = 10 });
            return trainer.Run().Last!.Accuracy;
        }
    }

    [Fact]
    public void A_network_whose_outputs_do_not_fit_is_refused_in_words()
    {
        using Module model = Net(2, 4);
        using Trainer trainer = new(model, SampleDataset.Split(Rings(60), 0.2), _device, Short);
        DataFiles.AssertOneLine(() => trainer.Run(), "[16, 4]", "3 classes", "[N, 3]");
    }

    private static Module Net(int inputs, int outputs) =>
        new Sequential(new Linear(inputs, 24), new ReLU(), new Linear(24, 24), new ReLU(), new Linear(24, outputs));

    // Points around the origin, told apart by their distance.
    private static Samples Rings(int count, long seed = 1)
    {
        RandomSource random = new(seed);
        return Samples.OfClasses([.. Enumerable.Range(0, count).Select(i =>
        {
            double angle = 2 * Math.PI * random.NextDouble(), radius = (i % 3) + 0.3 + (0.4 * random.NextDouble());
            return (new[] { (float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)) }, $"ring {i % 3}");
        })]);
    }

    private static float[] Weights(Module model) => [.. model.Parameters.SelectMany(p => p.Parameter.Value.ToArray<float>())];

    private sealed class Told<T> : IProgress<T>
    {
        public List<T> Values { get; } = [];

        public void Report(T value) => Values.Add(value);
    }

    private sealed class StopAfter(int epochs) : TrainingCallback
    {
        public override bool ShouldStop(EpochReport report) => report.Epoch == epochs;
    }
}
