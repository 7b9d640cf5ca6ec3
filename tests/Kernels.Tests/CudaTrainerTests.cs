using Engine.Data;
using Engine.Layers;
using Engine.Models;
using Engine.Training;

namespace Engine.Kernels.Tests;

/// <summary>The trainer on the emulated GPU: recorded steps, losses read later, and the Reference's curve.</summary>
[Collection("emulator")]
public sealed class CudaTrainerTests : EmulatorTest
{
    private const int Side = 8;

    public CudaTrainerTests() : base(isChecked: false) { }

    /// <summary>What a run came to: each step's loss, and all weights, statistics and counters.</summary>
    private sealed record Outcome(double[] Losses, double[] Accuracies, Dictionary<string, double[]> State, string? Problem);

    private static readonly TrainingOptions TwentySteps = new() { Epochs = 1, BatchSize = 8, LearningRate = 0.005, Schedule = "cosine", Seed = 3 };

    /// <summary>The Reference's run of twenty steps, which takes longest and is the same for all.</summary>
    private static readonly Lazy<Outcome> ReferenceSteps = new(() =>
    {
        using ReferenceDevice reference = new();
        return Run("resnet20", reference, Images(train: 160), TwentySteps);
    });

    /// <summary>On a small GPU; and on one as large as an H100, blocks in random order, products and sums joined as NVCC joins them.</summary>
    [Theory]
    [InlineData("fast", "4", "forward", CudaPrecision.Float32, CudaConvolutions.Graph, 1e-4)]
    [InlineData("contracted", "132", "random:3", CudaPrecision.Float32, CudaConvolutions.Graph, 1e-4)]
    [InlineData("fast", "132", "random:4", CudaPrecision.Float32, CudaConvolutions.Legacy, 1e-4)]
    [InlineData("fast", "132", "random:5", CudaPrecision.Float32, CudaConvolutions.Direct, 1e-4)]
    [InlineData("fast", "132", "random:6", CudaPrecision.TensorFloat32, CudaConvolutions.Graph, 0.05)]
    [InlineData("fast", "132", "random:7", CudaPrecision.BFloat16, CudaConvolutions.Graph, 0.1)]
    [InlineData("fast", "132", "random:8", CudaPrecision.BFloat16, CudaConvolutions.Legacy, 0.1)]
    public void Twenty_steps_of_resnet20_follow_the_Reference(
        string build, string multiprocessors, string order, CudaPrecision precision, CudaConvolutions convolutions, double tolerance)
    {
        Outcome expected = ReferenceSteps.Value;
        CudaEmulator.SetKernels(build);
        using IDisposable count = CudaEmulator.Set("ENGINE_EMULATOR_SMS", multiprocessors);
        using IDisposable sequence = CudaEmulator.Set("ENGINE_EMULATOR_ORDER", order);
        using CudaDevice device = CudaDevice.Open(0, precision, convolutions: convolutions);
        Outcome actual = Run("resnet20", device, Images(train: 160), TwentySteps);
        Assert.Null(actual.Problem);
        Assert.Equal(20, actual.Losses.Length);
        for (int i = 0; i < expected.Losses.Length; i++)
        {
            Assert.True(
                Math.Abs(actual.Losses[i] - expected.Losses[i]) <= tolerance * Math.Abs(expected.Losses[i]),
                $"step {i}: {actual.Losses[i]}, the Reference {expected.Losses[i]}");
        }

        Assert.True(actual.Losses[^1] < actual.Losses[0], $"the loss did not fall: {string.Join(", ", actual.Losses)}");
    }

    [Theory]
    [InlineData(CudaPrecision.Float32, 1, "sgd")]
    [InlineData(CudaPrecision.Float32, 3, "sgd")]
    [InlineData(CudaPrecision.BFloat16, 1, "sgd")]
    [InlineData(CudaPrecision.BFloat16, 2, "adamw")]
    [InlineData(CudaPrecision.Float32, 1, "adamw")]
    public void With_and_without_a_graph_all_bits_are_the_same(CudaPrecision precision, int microBatches, string optimizer)
    {
        TrainingOptions options = new() { Epochs = 2, BatchSize = 6, MicroBatches = microBatches, LearningRate = 0.05, Schedule = "cosine" };
        if (optimizer == "adamw")
        {
            options = options with { Optimizer = optimizer, LearningRate = 0.005, ClipNorm = 1, ClipValue = 0.5, Ema = 0.9, NormAndBiasDecay = false };
        }

        ImageDataset images = Images(train: 26);
        Outcome one, other;
        using (CudaDevice device = CudaDevice.Open(0, precision))
        {
            one = Run("resnet8", device, images, options, recordSteps: false);
        }

        using (CudaDevice device = CudaDevice.Open(0, precision))
        {
            other = Run("resnet8", device, images, options, recordSteps: true);
        }

        Assert.Equal(8, one.Losses.Length);
        Assert.Equal(one.Losses, other.Losses);
        Assert.Equal(one.Accuracies, other.Accuracies);
        Assert.Equal(one.State.Keys, other.State.Keys);
        Assert.All(one.State, entry => Assert.Equal(entry.Value, other.State[entry.Key]));
        Assert.Equal([8.0 * microBatches], other.State["bn1.num_batches_tracked"]);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_noticed_though_it_is_read_later()
    {
        TrainingOptions options = new() { Epochs = 3, BatchSize = 4, LearningRate = 1e30, Schedule = "constant" };
        using CudaDevice device = CudaDevice.Open();
        TrainingDivergedException failure = Assert.Throws<TrainingDivergedException>(() => Run("resnet8", device, Images(train: 24), options));
        Assert.Contains("training diverged", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Freezing_between_epochs_makes_recordings_void()
    {
        TrainingOptions options = new() { Epochs = 2, BatchSize = 4, LearningRate = 0.05, Schedule = "constant" };
        using CudaDevice device = CudaDevice.Open();
        Network network = Build("resnet8", Images(train: 12));
        using Trainer trainer = new(network, Images(train: 12), device, options, recordSteps: true);
        (string name, Parameter parameter) = network.Parameters.First();
        double[] frozenAt = [];
        trainer.EpochEnded += report =>
        {
            if (report.Epoch == 1)
            {
                parameter.IsFrozen = true;
                frozenAt = parameter.Value.ToArray<double>();
            }
        };
        trainer.Run();
        Assert.Equal(frozenAt, parameter.Value.ToArray<double>());
    }

    [Fact]
    public void A_step_that_cannot_be_recorded_is_run_instead_and_told()
    {
        TrainingOptions options = new() { Epochs = 1, BatchSize = 4, LearningRate = 0.05, Schedule = "constant" };
        double[][] weights = new double[2][];
        for (int i = 0; i < 2; i++)
        {
            using CudaDevice device = CudaDevice.Open();
            Module network = new Sequential(
                new Uploading(), new Conv2d(3, 4, 3, padding: 1), new BatchNorm2d(4), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 3));
            using Trainer trainer = new(network, Images(train: 16), device, options, recordSteps: i == 0 ? null : false);
            trainer.Run();
            weights[i] = [.. network.Named().SelectMany(entry => entry.Parameter.Value.ToArray<double>())];
            Assert.Equal(i == 0, trainer.RecordingProblem?.Contains("while a step is being recorded", StringComparison.Ordinal) ?? false);
        }

        Assert.Equal(weights[1], weights[0]);
    }

    [Fact]
    public void A_device_that_records_nothing_refuses()
    {
        using ReferenceDevice device = new();
        EngineException refusal = Assert.Throws<EngineException>(() => Run(
            "resnet8", device, Images(train: 8), new TrainingOptions { BatchSize = 4 }, recordSteps: true));
        Assert.Contains("reference does not record steps", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_the_first_recorded_step_on_no_device_memory_is_taken()
    {
        TrainingOptions options = new() { Epochs = 4, BatchSize = 4, LearningRate = 0.05, Schedule = "constant" };
        using CudaDevice device = CudaDevice.Open();
        using Trainer trainer = new(Build("resnet8", Images(train: 12)), Images(train: 12), device, options, recordSteps: true);
        List<(long Allocations, long Bytes)> taken = [];
        trainer.EpochEnded += _ => taken.Add((device.Memory.NativeAllocations, CudaEmulator.LiveBytes));
        trainer.Run();
        Assert.All(taken[1..], entry => Assert.Equal(taken[0], entry));
    }

    private static Outcome Run(string model, Device device, ImageDataset images, TrainingOptions options, bool? recordSteps = null)
    {
        Network network = Build(model, images);
        using Trainer trainer = new(network, images, device, options, lossReadInterval: device.IsAsynchronous ? 4 : null, recordSteps: recordSteps);
        List<StepReport> steps = [];
        trainer.StepEnded += steps.Add;
        TrainingResult result = trainer.Run();
        return new Outcome(
            [.. steps.Select(step => step.Loss)], [.. result.Epochs.Select(epoch => epoch.TestLoss)],
            network.Named().ToDictionary(entry => entry.Name, entry => entry.Parameter.Value.ToArray<double>()), trainer.RecordingProblem);
    }

    private static Network Build(string model, ImageDataset images) =>
        Networks.Create(model, new NetworkOptions { Channels = 3, Classes = images.ClassNames.Count });

    /// <summary>Writes to the device in each call, which no recording can hold.</summary>
    private sealed class Uploading : Module
    {
        protected override Tensor ForwardCore(Tensor input)
        {
            using Tensor number = Tensor.From<float>(input.Device, Shape.Scalar, [1]);
            return input;
        }
    }

    /// <summary>Images of noise whose colors tell the class.</summary>
    private static ImageDataset Images(int train) => new("noise", Noise(train, 1), Noise(7, 2), new Augmentation(1, true), "made here");

    private static MemoryImageSource Noise(int count, long seed)
    {
        RandomSource random = new(seed);
        byte[] labels = new byte[count];
        byte[] pixels = new byte[count * Side * Side * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            ref byte label = ref labels[i / (Side * Side * 3)];
            label = i % (Side * Side * 3) == 0 ? (byte)random.NextInt(3) : label;
            pixels[i] = (byte)(random.NextInt(128) + (i % 3 == label ? 64 : 0));
        }

        return new MemoryImageSource(pixels, labels, Side, Side, 3, ["red", "green", "blue"]);
    }
}
