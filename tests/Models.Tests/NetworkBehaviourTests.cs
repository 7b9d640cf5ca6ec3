using Engine.Layers;

namespace Engine.Models.Tests;

public class NetworkBehaviorTests
{
    [Fact]
    public void A_frozen_backbone_gets_no_gradient_and_a_thawed_one_does()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.To(device);
        network.FreezeBackbone();
        Step(network);
        Assert.All(network.Parameters, p => Assert.Equal(p.Name.StartsWith("fc.", StringComparison.Ordinal), p.Parameter.Value.HasGradient));

        network.UnfreezeBackbone();
        Step(network);
        Assert.All(network.Parameters, p => Assert.True(p.Parameter.Value.HasGradient));
    }

    [Fact]
    public void Freezing_works_before_the_network_is_on_a_device()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.FreezeBackbone();
        network.To(device);
        Assert.All(network.Parameters, p => Assert.Equal(p.Name.StartsWith("fc.", StringComparison.Ordinal), p.Parameter.Value.RequiresGradient));
    }

    [Fact]
    public void A_new_head_is_drawn_and_everything_else_keeps_its_numbers()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.To(device, seed: 1);
        Linear old = network.Head;
        double[] first = network.Parameters.First().Parameter.Value.ToArray<double>();
        network.ReplaceHead(10);
        Assert.Same(old, network.Head);

        network.ReplaceHead(3);
        network.To(device, seed: 2);
        Assert.Equal(3, network.Classes);
        Assert.Equal(first, network.Parameters.First().Parameter.Value.ToArray<double>());
        Assert.Equal(["fc.weight", "fc.bias"], network.Parameters.Select(p => p.Name).TakeLast(2));
        using Tensor images = Images(device, network, 2);
        Assert.Equal(new Shape(2, 3), network.Forward(images).Shape);
        device.Tape.Clear();
        Assert.Throws<EngineException>(() => network.ReplaceHead(0));
    }

    [Fact]
    public void Observers_see_unfused_values_under_torchvisions_names_and_the_logits_stay_the_same()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.To(device);
        PyTorchVectors.Fill(network);
        network.Eval();
        using Tensor images = Images(device, network, 1);
        double[] fused, observed;
        using (device.NoGradient())
        {
            fused = network.Forward(images).ToArray<double>();
        }

        List<(string Name, double[] Values)> seen = [];
        foreach ((_, Module module) in network.Modules())
        {
            module.RegisterForwardHook((path, output) => seen.Add((path, output.ToArray<double>())));
        }

        using (device.NoGradient())
        {
            observed = network.Forward(images).ToArray<double>();
        }

        Assert.Equal(fused.Length, observed.Length);
        Assert.All(fused.Zip(observed), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        string[] expected =
        [
            "conv1", "bn1", "relu",
            "layer1.0.conv1", "layer1.0.bn1", "layer1.0.relu", "layer1.0.conv2", "layer1.0.bn2", "layer1.0.relu", "layer1.0", "layer1",
            "layer2.0.conv1", "layer2.0.bn1", "layer2.0.relu", "layer2.0.conv2", "layer2.0.downsample", "layer2.0.bn2", "layer2.0.relu", "layer2.0", "layer2",
            "layer3.0.conv1", "layer3.0.bn1", "layer3.0.relu", "layer3.0.conv2", "layer3.0.downsample", "layer3.0.bn2", "layer3.0.relu", "layer3.0", "layer3",
            "avgpool", "fc", "",
        ];
        Assert.Equal(expected, seen.Select(s => s.Name));

        // A block's end is relu(bn2 + shortcut): what bn2 shows must be without both.
        double[] bn2 = seen.Single(s => s.Name == "layer2.0.bn2").Values, shortcut = seen.Single(s => s.Name == "layer2.0.downsample").Values;
        double[] end = seen.Single(s => s.Name == "layer2.0").Values;
        Assert.Contains(bn2, value => value < 0);
        Assert.Equal(bn2.Zip(shortcut, (a, b) => Math.Max(a + b, 0)), end);
        double[] stem = seen.Single(s => s.Name == "bn1").Values;
        Assert.Contains(stem, value => value < 0);
        Assert.Equal(stem.Select(value => Math.Max(value, 0)), seen.Single(s => s.Name == "relu").Values);
    }

    [Fact]
    public void Gradient_observers_see_every_layers_gradient_and_leave_the_parameters_gradients_as_they_are()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.To(device);
        PyTorchVectors.Fill(network);
        Step(network);
        double[] plain = network.Parameters.First().Parameter.Value.Gradient!.ToArray<double>();
        network.ZeroGradients();

        Dictionary<string, double> norms = [];
        foreach ((_, Module module) in network.Modules())
        {
            module.RegisterBackwardHook((path, gradient) => norms[path] = gradient.ToArray<double>().Sum(Math.Abs));
        }

        Step(network);
        Assert.Equal(network.Modules().Select(m => m.Name).Order(), norms.Keys.Order());
        Assert.All(norms.Values, norm => Assert.True(norm > 0));
        double[] observed = network.Parameters.First().Parameter.Value.Gradient!.ToArray<double>();
        double scale = plain.Max(Math.Abs);
        Assert.All(plain.Zip(observed), pair => Assert.Equal(pair.First, pair.Second, 1e-12 * scale));
    }

    [Theory]
    [InlineData("resnet20")]
    [InlineData("resnet110")]
    [InlineData("plain20")]
    public void A_pass_without_gradients_holds_a_few_activations_whatever_the_depth(string name)
    {
        using MetaDevice device = new();
        Network network = Networks.Create(name);
        network.To(device);
        const int Batch = 64;
        using Tensor images = Tensor.Create(device, network.InputShape(Batch), device.FloatType);
        foreach (bool isTraining in (bool[])[false, true])
        {
            network.Train(isTraining);
            long before = device.Memory.UsedBytes;
            device.Memory.ResetPeak();
            using (device.NoGradient())
            {
                network.Forward(images);
            }

            // The stage's input, the block's input, and a layer's input and output.
            long activation = Batch * 32L * 32 * 16 * sizeof(float);
            Assert.InRange(device.Memory.PeakUsedBytes - before, 3 * activation, (4 * activation) + 4096);
            Assert.Equal(before, device.Memory.UsedBytes);
        }
    }

    private static void Step(Network network)
    {
        using Tensor images = Images(network.Head.Weight.Value.Device, network, 2);
        using Tensor labels = Tensor.From<int>(images.Device, new Shape(2), [1, 2]);
        network.Train();
        SoftmaxCrossEntropyOperation.Apply(network.Forward(images), labels).Backward();
    }

    // Twelve pixels are enough for three stages, and quick on the Reference device.
    private static Tensor Images(Device device, Network network, int batch)
    {
        Shape shape = new(batch, 12, 12, network.Channels);
        RandomSource random = new(7);
        double[] numbers = new double[shape.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = random.NextNormal();
        }

        return Tensor.From<double>(device, shape, numbers);
    }
}
