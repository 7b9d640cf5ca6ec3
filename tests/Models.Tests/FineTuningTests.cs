using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Training;

namespace Engine.Models.Tests;

/// <summary>Training the head of a network whose backbone is frozen, thawing it, and going on after an interruption.</summary>
public sealed class FineTuningTests : IDisposable
{
    private const int StepsPerEpoch = 5;
    private static readonly ImageDataset Digits = DataSets.Open("digits");

    private static readonly TrainingOptions Options = new()
    {
        Epochs = 2,
        BatchSize = 64,
        LearningRate = 0.05,
        FreezeBackbone = true,
        Seed = 3,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("engine-test-").FullName;
    private readonly CpuDevice _device = new(threads: 1);

    public void Dispose()
    {
        _device.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_frozen_backbone_stays_as_it_is_to_the_bit_weights_and_buffers_and_the_head_learns()
    {
        Network network = Make();
        Train(network, Options with { FreezeBackbone = false, BatchSize = 32 }, data: Digits);
        network.ReplaceHead(3);
        network.ReplaceHead(10);
        network.To(_device, seed: 9);
        Dictionary<string, byte[]> before = State(network);

        TrainingResult result = Train(network, Options with { LearningRate = 0.2 }, data: Digits);
        Dictionary<string, byte[]> after = State(network);
        Assert.All(before, entry => Assert.Equal(!entry.Key.StartsWith("fc.", StringComparison.Ordinal), entry.Value.AsSpan().SequenceEqual(after[entry.Key])));
        Assert.True(result.Epochs[^1].TrainLoss < result.Epochs[0].TrainLoss);
        Assert.True(result.Last!.Accuracy > 0.5, $"the head of a frozen backbone answers {result.Last.Accuracy:P0} right");
    }

    [Fact]
    public void A_backbone_is_thawed_after_its_epochs()
    {
        Network network = Make();
        network.To(_device, Options.Seed);
        Dictionary<string, byte[]> start = State(network);
        List<bool> hasMoved = [];
        Train(network, Options with { Epochs = 3, ThawAfter = 2 }, epoch =>
            hasMoved.Add(State(network).Any(
                entry => !entry.Key.StartsWith("fc.", StringComparison.Ordinal) && !entry.Value.AsSpan().SequenceEqual(start[entry.Key]))));
        Assert.Equal([false, false, true], hasMoved);
    }

    // Interrupted once while frozen and once while thawed; velocities of the backbone exist only the second time.
    [Theory]
    [InlineData(3)]
    [InlineData(StepsPerEpoch + 2)]
    public void A_run_with_a_thaw_goes_on_bit_for_bit(int interruptedAfter)
    {
        TrainingOptions options = Options with { ThawAfter = 1, MaxSteps = 2 * StepsPerEpoch };
        ImageDataset few = Few();
        Network whole = Make();
        Run(whole, few, options, RunFolder.Create(Path.Combine(_folder, "whole"), new RunManifest { Training = options }), stopAfter: null);

        string path = Path.Combine(_folder, "parts");
        Run(Make(), few, options, RunFolder.Create(path, new RunManifest { Training = options }), interruptedAfter);
        Network resumed = Make();
        using (Trainer trainer = new(resumed, few, _device, options, RunFolder.Open(path)))
        {
            trainer.Resume();
            Assert.Equal(interruptedAfter, trainer.StepsDone);
            Assert.True(trainer.Run().IsCompleted);
        }

        Dictionary<string, byte[]> expected = State(whole), actual = State(resumed);
        Assert.All(expected, entry => Assert.Equal(entry.Value, actual[entry.Key]));
    }

    [Fact]
    public void A_run_with_dropout_goes_on_bit_for_bit()
    {
        TrainingOptions options = Options with { FreezeBackbone = false, MaxSteps = 8, MicroBatches = 2 };
        ImageDataset few = Few();
        Module whole = WithDropout();
        Run(whole, few, options, RunFolder.Create(Path.Combine(_folder, "whole"), new RunManifest { Training = options }), stopAfter: null);

        string path = Path.Combine(_folder, "parts");
        Run(WithDropout(), few, options, RunFolder.Create(path, new RunManifest { Training = options }), stopAfter: 3);
        Module resumed = WithDropout();
        using (Trainer trainer = new(resumed, few, _device, options, RunFolder.Open(path)))
        {
            trainer.Resume();
            Assert.True(trainer.Run().IsCompleted);
        }

        Dictionary<string, byte[]> expected = State(whole), actual = State(resumed);
        Assert.All(expected, entry => Assert.Equal(entry.Value, actual[entry.Key]));
    }

    [Fact]
    public void Weights_with_a_head_for_other_classes_load_but_for_the_head()
    {
        Network saved = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 4 });
        saved.To(_device, seed: 1);
        string path = Path.Combine(_folder, "four.safetensors");
        StateDictionary.Save(saved, path);
        Network network = Make();
        network.To(_device, seed: 2);
        Dictionary<string, byte[]> drawn = State(network), file = State(saved);

        LoadReport report = StateDictionary.Load(network, path, new LoadOptions { Replaceable = [network.HeadName] });
        Assert.Equal(["fc"], report.Replaced);
        Assert.All(
            State(network), entry => Assert.Equal(entry.Key.StartsWith("fc.", StringComparison.Ordinal) ? drawn[entry.Key] : file[entry.Key], entry.Value));
    }

    [Fact]
    public void A_model_that_does_not_know_its_head_cannot_be_frozen() => Assert.Contains(
        "Sequential", Assert.Throws<EngineException>(() => new Trainer(WithDropout(), Digits, _device, Options)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_thaw_without_a_frozen_backbone_is_refused() =>
        Assert.Throws<EngineException>(() => (Options with { FreezeBackbone = false, ThawAfter = 1 }).Check());

    private static Network Make() => Networks.Create("resnet8", new NetworkOptions { Channels = 1 });

    private static Sequential WithDropout() => new(
        new Conv2d(1, 8, 3), new ReLU(), new AdaptiveAvgPool2d(2), new Flatten(), new Dropout(0.3), new Linear(32, 16), new ReLU(), new Dropout(),
        new Linear(16, 10));

    // As many images as five steps take.
    private static ImageDataset Few()
    {
        int[] indices = [.. Enumerable.Range(0, StepsPerEpoch * Options.BatchSize)];
        return Digits with { Train = new ImageSubset(Digits.Train, indices), Test = new ImageSubset(Digits.Test, indices.AsSpan(0, 50)) };
    }

    private TrainingResult Train(Module model, TrainingOptions options, Action<EpochReport>? onEpoch = null, ImageDataset? data = null)
    {
        using Trainer trainer = new(model, data ?? Few(), _device, options);
        trainer.EpochEnded += report => onEpoch?.Invoke(report);
        return trainer.Run();
    }

    private void Run(Module model, ImageDataset data, TrainingOptions options, RunFolder folder, int? stopAfter)
    {
        using CancellationTokenSource stop = new();
        using Trainer trainer = new(model, data, _device, options, folder);
        trainer.StepEnded += step =>
        {
            if (step.GlobalStep == stopAfter)
            {
                stop.Cancel();
            }
        };
        Assert.Equal(stopAfter is null, trainer.Run(stop.Token).IsCompleted);
    }

    private static Dictionary<string, byte[]> State(Module model) =>
        StateDictionary.Contents(model).ToDictionary(content => content.Name, content => content.Bytes());
}
