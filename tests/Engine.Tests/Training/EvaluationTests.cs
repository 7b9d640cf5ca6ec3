using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>What an evaluation and a saved model's weights say, to the last figure.</summary>
public sealed class EvaluationTests : IDisposable
{
    private readonly ReferenceDevice _device = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    // A layer of known weights over one pixel x: the answers are x times 0, 1, 2 ..., so that the right one is the last for x > 0.
    [Theory]
    [InlineData(3, 5)]
    [InlineData(7, 4)]
    [InlineData(7, 20)]
    public void The_figures_are_those_of_the_definition(int classes, int batchSize)
    {
        byte[] labels = [.. Enumerable.Range(0, 17).Select(i => (byte)(i * i % classes))];
        byte[] pixels = [.. Enumerable.Range(0, 17).Select(i => (byte)(10 + (13 * i)))];
        MemoryImageSource source = new(pixels, labels, 1, 1, 1, [.. Enumerable.Range(0, classes).Select(c => $"{c}")]);
        Linear layer = new(1, classes, bias: false);
        Sequential model = new(new Flatten(), layer);
        model.To(_device);
        layer.Weight.Value.Write<double>([.. Enumerable.Range(0, classes).Select(c => (double)c)]);
        PixelNormalization normalization = PixelNormalization.Constant([0], [1]);
        using DataLoader loader = new(_device, source, DataLoaderOptions.Evaluation(batchSize, normalization));
        EvaluationResult result = Evaluation.Run(model, loader);

        double loss = 0;
        int correct = 0, top = 0;
        for (int i = 0; i < 17; i++)
        {
            double x = pixels[i] / 255.0, sum = Enumerable.Range(0, classes).Sum(c => Math.Exp(x * c));
            loss += Math.Log(sum) - (x * labels[i]);
            correct += labels[i] == classes - 1 ? 1 : 0;
            top += labels[i] >= classes - 5 ? 1 : 0;
        }

        Assert.Equal(loss / 17, result.Loss, 1e-9);
        Assert.Equal((correct, classes > 5 ? top : (int?)null, 17), (result.Correct, result.CorrectTop5, result.Total));

        // Another loss is measured as it is, batch by batch, weighed with the images in each.
        EvaluationResult mean = Evaluation.Run(model, loader, loss: (output, _) => output.Mean());
        Assert.Equal(pixels.Average(p => p / 255.0) * (classes - 1) / 2, mean.Loss, 1e-9);
        Assert.Equal(result.Correct, mean.Correct);
        Assert.True(model.IsTraining);
        model.Eval();
        Evaluation.Run(model, loader);
        Assert.False(model.IsTraining);
        using CancellationTokenSource source2 = new();
        source2.Cancel();
        Assert.Throws<OperationCanceledException>(() => Evaluation.Run(model, loader, source2.Token));
    }

    [Fact]
    public void Variances_below_zero_are_remarked_and_those_below_epsilon_refused_unless_the_network_is_trained()
    {
        BatchNorm2d norm = new(2);
        norm.To(_device);
        string path = _folder["x.safetensors"];
        foreach ((double variance, bool isTrained, bool isTaken) in ((double, bool, bool)[])[
            (-1e-6, false, true), (-2e-5, false, false), (-2e-5, true, true), (-1, true, true)])
        {
            norm.RunningVariance.Value.Write<double>([0.5, variance]);
            StateDictionary.Save(norm, path);
            using SavedModel saved = SavedModel.Open(path);
            BatchNorm2d other = new(2);
            other.To(_device);
            if (isTaken)
            {
                saved.Load(other, isTrained: isTrained);
                Assert.Contains("running_var", Assert.Single(saved.Remarks));
                Assert.Contains("negative", saved.Remarks[0]);
                Assert.Equal(variance, other.RunningVariance.Value.ToArray<double>()[1], 1e-7);
            }
            else
            {
                EngineException error = Assert.Throws<EngineException>(() => saved.Load(other, isTrained: isTrained));
                Assert.Contains($"running_var of '{path}' cannot be used: ", error.Message);
            }
        }
    }

    [Fact]
    public void A_run_goes_on_with_its_own_pace_each_time_it_is_called()
    {
        TrainingOptions options = new() { Epochs = 1, BatchSize = 16, LearningRate = 0.1 };
        using Trainer trainer = new(TinySet.Network(), TinySet.Make(), _device, options);
        List<StepReport> steps = [];
        trainer.StepEnded += steps.Add;
        trainer.Run();
        Assert.Equal((1L, 2L, 3L), (steps[0].GlobalStep, steps[1].GlobalStep, steps[2].GlobalStep));
        Assert.All(steps, s => Assert.Equal((3, 3L, 1, 1), (s.StepsPerEpoch, s.TotalSteps, s.Epoch, s.Epochs)));
        Assert.InRange(steps[^1].Remaining, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal(steps.Sum(s => s.BatchAccuracy) / 3, steps[^1].Accuracy, 1e-12);
        Assert.Equal([1, 2, 3], steps.Select(s => s.Step));
        Assert.Equal([steps[0].Loss, (steps[0].Loss + steps[1].Loss) / 2, steps.Average(s => s.Loss)], steps.Select(s => s.MeanLoss), Near);

        static bool Near(double left, double right) => Math.Abs(left - right) < 1e-12;
    }
}
