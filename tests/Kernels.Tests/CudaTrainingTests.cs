using Engine.Layers;
using Engine.Models;
using Engine.Optimizers;
using Engine.Training;

namespace Engine.Kernels.Tests;

/// <summary>Whole networks, forwards, backwards and through the optimizer, on the emulated GPU.</summary>
[Collection("emulator")]
public sealed class CudaTrainingTests : EmulatorTest
{
    private const int Batch = 4;
    private const int Classes = 5;
    private static readonly Shape Images = new(Batch, 12, 12, 3);

    [Fact]
    public void Eight_steps_of_resnet8_follow_the_Reference()
    {
        double[] expected;
        using (ReferenceDevice reference = new())
        {
            expected = Train(reference, steps: 8);
        }

        using CudaDevice device = CudaDevice.Open();
        double[] actual = Train(device, steps: 8);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(actual[i] - expected[i]) <= 1e-4 * Math.Abs(expected[i]), $"step {i}: {actual[i]}, the Reference {expected[i]}");
        }

        Assert.True(actual[^1] < actual[0], $"the loss did not fall: {string.Join(", ", actual)}");
    }

    [Theory]
    [InlineData(ShortcutKind.A, null)]
    [InlineData(ShortcutKind.B, null)]
    [InlineData(ShortcutKind.B, "132")]
    [InlineData(ShortcutKind.B, null, CudaPrecision.Float32, CudaConvolutions.Legacy)]
    [InlineData(ShortcutKind.B, null, CudaPrecision.Float32, CudaConvolutions.Direct)]
    [InlineData(ShortcutKind.B, null, CudaPrecision.TensorFloat32, CudaConvolutions.Graph, 0.12)]
    [InlineData(ShortcutKind.B, null, CudaPrecision.TensorFloat32, CudaConvolutions.Legacy, 0.12)]
    public void Gradients_of_a_whole_network_are_the_References(
        ShortcutKind shortcut, string? multiprocessors, CudaPrecision precision = CudaPrecision.Float32, CudaConvolutions convolutions = CudaConvolutions.Graph,
        double tolerance = 1e-4)
    {
        using TemporaryCache cache = new();
        using IDisposable times = CudaEmulator.Set("ENGINE_EMULATOR_TIMES", "fixed");
        using IDisposable? count = multiprocessors is null ? null : CudaEmulator.Set("ENGINE_EMULATOR_SMS", multiprocessors);
        using ReferenceDevice reference = new();
        Dictionary<string, double[]> expected = Gradients(reference, shortcut);
        using CudaDevice device = CudaDevice.Open(0, precision, convolutions: convolutions);
        Dictionary<string, double[]> actual = Gradients(device, shortcut);
        foreach ((string name, double[] gradient) in expected)
        {
            double difference = Math.Sqrt(gradient.Zip(actual[name]).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
            double norm = Math.Sqrt(gradient.Sum(value => value * value));
            Assert.True(difference <= tolerance * norm, $"{name}: relative error {difference / norm:e1}");
        }
    }

    [Fact]
    public void In_bfloat16_the_loss_stays_near_the_References_and_falls()
    {
        double[] expected;
        using (ReferenceDevice reference = new())
        {
            expected = Train(reference, steps: 8);
        }

        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.BFloat16);
        double[] actual = Train(device, steps: 8);
        Assert.InRange(actual[0], expected[0] * 0.98, expected[0] * 1.02);
        Assert.True(actual[^1] < actual[0], $"the loss did not fall: {string.Join(", ", actual)}");
    }

    [Theory]
    [InlineData(CudaPrecision.Float32)]
    [InlineData(CudaPrecision.BFloat16)]
    public void A_recorded_step_gives_the_same_bits_as_one_that_is_run(CudaPrecision precision)
    {
        double[] run;
        using (CudaDevice device = CudaDevice.Open(0, precision))
        {
            run = Train(device, steps: 6);
        }

        using CudaDevice recording = CudaDevice.Open(0, precision);
        double[] replayed = Train(recording, steps: 6, recordAfter: 2);
        Assert.Equal(run, replayed);
    }

    [Fact]
    public void From_the_third_step_on_no_native_memory_is_taken()
    {
        using CudaDevice device = CudaDevice.Open();
        long afterThree = 0;
        Train(device, steps: 6, afterStep: step => afterThree = step == 2 ? device.Memory.NativeAllocations : afterThree);
        Assert.Equal(afterThree, device.Memory.NativeAllocations);
    }

    [Fact]
    public void Nothing_can_be_uploaded_or_read_while_a_step_is_recorded()
    {
        using CudaDevice device = CudaDevice.Open();
        using Tensor tensor = Tensor.From<float>(device, new Shape(3), [1, 2, 3]);
        EngineException upload = Assert.Throws<EngineException>(() => device.Capture(() => tensor.Write<float>([4, 5, 6])));
        EngineException read = Assert.Throws<EngineException>(() => device.Capture(() => tensor.ToArray<float>()));
        Assert.Contains("upload", upload.Message, StringComparison.Ordinal);
        Assert.Contains("read", read.Message, StringComparison.Ordinal);
        Assert.Equal([1f, 2f, 3f], tensor.ToArray<float>());
    }

    private static double[] Train(Device device, int steps, int recordAfter = int.MaxValue, Action<int>? afterStep = null)
    {
        Network network = Build(device, ShortcutKind.A);
        using Sgd sgd = new(network.Parameters, 0.05, momentum: 0.9, weightDecay: 1e-4);
        using Tensor images = Tensor.Create(device, Images, device.ActivationType);
        using Tensor labels = Tensor.Create(device, new Shape(Batch), DataType.Int32);
        using Tensor number = Tensor.Create(device, Shape.Scalar, device.FloatType);
        CapturedStep? recorded = null;
        double[] losses = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            WriteBatch(images, labels, step % 3);
            if (step < recordAfter)
            {
                Step(network, sgd, images, labels, number);
            }
            else
            {
                recorded ??= ((CudaDevice)device).Capture(() => Step(network, sgd, images, labels, number));
                sgd.PrepareReplay();
                recorded.Replay();
            }

            losses[step] = number.Item();
            afterStep?.Invoke(step);
        }

        recorded?.Dispose();
        return losses;
    }

    private static void Step(Network network, Sgd sgd, Tensor images, Tensor labels, Tensor number)
    {
        Tensor loss = SoftmaxCrossEntropyOperation.Apply(network.Forward(images), labels);
        loss.Device.Copy(loss, number);
        loss.Backward();
        sgd.Step();
    }

    private static Dictionary<string, double[]> Gradients(Device device, ShortcutKind shortcut)
    {
        Network network = Build(device, shortcut);
        using Tensor images = Tensor.Create(device, Images, device.FloatType);
        using Tensor labels = Tensor.Create(device, new Shape(Batch), DataType.Int32);
        WriteBatch(images, labels, 0);
        SoftmaxCrossEntropyOperation.Apply(network.Forward(images), labels, smoothing: 0.1).Backward();
        return network.Parameters.ToDictionary(entry => entry.Name, entry => entry.Parameter.Value.Gradient!.ToArray<double>());
    }

    private static Network Build(Device device, ShortcutKind shortcut)
    {
        Network network = Networks.Create("resnet8", new NetworkOptions { Classes = Classes, Shortcut = shortcut });
        network.To(device, seed: 3);
        return network;
    }

    private static void WriteBatch(Tensor images, Tensor labels, int index)
    {
        RandomSource random = new(17, index);
        double[] pixels = new double[Images.Count];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (float)random.NextNormal();
        }

        images.Write<double>(pixels);
        labels.Write<int>([.. Enumerable.Range(0, Batch).Select(i => (i + index) % Classes)]);
    }
}
