using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>That networks in evaluation call convolution and batch norm as one primitive, when they may, and that nobody can tell from the numbers.</summary>
public sealed class FoldingTests
{
    [Theory]
    [InlineData("resnet20")]
    [InlineData("bottlenecks")]
    [InlineData("plain20")]
    [InlineData("highway20")]
    public void Whoever_observes_the_convolutions_sees_the_numbers_that_make_the_same_output(string name)
    {
        using CpuDevice device = new(2);
        Network network = Make(name);
        network.To(device, seed: 3).Eval();
        foreach ((_, Module module) in network.Modules())
        {
            if (module is BatchNorm2d norm)
            {
                device.Fill(norm.RunningMean.Value, 0.1);
                device.Fill(norm.RunningVariance.Value, 1.7);
                device.Fill(norm.Bias.Value, -0.2);
            }
        }

        float[] folded = Infer(network);
        List<string> seen = [];
        Module[] observed = [.. network.Modules().Select(m => m.Module).Where(m => m is Conv2d or BatchNorm2d)];
        foreach (Module module in observed)
        {
            module.RegisterForwardHook((path, _) => seen.Add(path));
        }

        float[] apart = Infer(network);
        Assert.Equal(observed.Select(m => m.Path).Order(), seen.Order());
        Assert.Equal(apart, folded);
        Assert.True(folded.Distinct().Count() > 1);
    }

    [Theory]
    [InlineData("resnet20", 19)]
    [InlineData("bottlenecks", 17)]
    [InlineData("highway20", 19)]
    public void All_convolutions_without_bias_are_folded_in_evaluation(string name, int count)
    {
        using CountingDevice device = new();
        Network network = Make(name);
        network.To(device).Eval();
        Assert.Equal(count, device.Count(network));
    }

    [Fact]
    public void Nothing_is_folded_that_is_recorded_observed_or_normalized_by_the_batch()
    {
        using CountingDevice device = new();
        Network network = Networks.Create("resnet20");
        network.To(device);
        Assert.Equal(0, device.Count(network));
        network.Eval();
        network.Forward(device.Images(network));
        Assert.Equal(0, device.Folded);
        device.Tape.Clear();

        Dictionary<string, Module> modules = network.Modules().ToDictionary(m => m.Name, m => m.Module);
        modules["layer1.0.conv1"].RegisterForwardHook((_, _) => { });
        modules["layer2.0.bn2"].RegisterForwardHook((_, _) => { });
        Assert.Equal(17, device.Count(network));

        Sequential biased = new(new Conv2d(3, 8, 3), new BatchNorm2d(8));
        biased.To(device);
        biased.Eval();
        using (device.NoGradient())
        {
            biased.Forward(device.Images(network));
            Assert.Equal(0, device.Folded);
        }

        // Frozen, batch norms use their running statistics also in training, and nothing is recorded.
        network.Train().Freeze();
        network.Forward(device.Images(network));
        Assert.Equal(17, device.Folded);
    }

    [Fact]
    public void An_observed_ReLU_sees_what_comes_out_of_it()
    {
        using CpuDevice device = new(1);
        Network network = Networks.Create("resnet20");
        network.To(device, seed: 3).Eval();
        float[] folded = Infer(network);
        int calls = 0;
        foreach ((_, Module module) in network.Modules().Where(m => m.Module is ReLU))
        {
            module.RegisterForwardHook((_, output) =>
            {
                calls++;
                Assert.All(output.ToArray<float>(), value => Assert.True(value >= 0));
            });
        }

        Assert.Equal(folded, Infer(network));
        Assert.Equal(19, calls);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_named_as_by_the_layers_apart()
    {
        using CpuDevice device = new(1);
        Sequential layers = new(new Conv2d(3, 8, 3, bias: false), new BatchNorm2d(9));
        layers.To(device);
        layers.Eval();
        using Tensor images = Tensor.Create(
            device, new Shape(1, 5, 5, 3), DataType.Float32), wide = Tensor.Create(device, new Shape(1, 5, 5, 4), DataType.Float32);
        foreach (Tensor input in (Tensor[])[images, wide])
        {
            string apart = Assert.Throws<ShapeException>(() => layers.Forward(input)).Message;
            using (device.NoGradient())
            {
                Assert.Equal(apart, Assert.Throws<ShapeException>(() => layers.Forward(input)).Message);
            }
        }
    }

    [Fact]
    public void One_operation_for_both_refuses_to_be_recorded()
    {
        using CpuDevice device = new(1);
        Conv2d convolution = new(3, 8, 3, bias: false);
        BatchNorm2d norm = new(8);
        convolution.To(device);
        norm.To(device);
        using Tensor input = Tensor.Create(device, new Shape(1, 5, 5, 3), DataType.Float32);
        string message = Assert.Throws<EngineException>(() => BatchNormOperation.ApplyToConvolution(
            input, convolution.Weight.Value, convolution.Geometry, norm.Weight.Value, norm.Bias.Value, norm.RunningMean.Value,
            norm.RunningVariance.Value)).Message;
        Assert.Contains("NoGradient", message);
    }

    private static Network Make(string name) =>
        name == "bottlenecks" ? new ResNet(new ResNetOptions(BlockKind.Bottleneck, [1, 1, 1, 1]) { Classes = 10 }) : Networks.Create(name);

    private static float[] Infer(Network network)
    {
        Device device = network.Head.Weight.Value.Device;
        Shape shape = new(2, 32, 32, 3);
        RandomSource random = new(7);
        float[] numbers = [.. Enumerable.Range(0, shape.Count).Select(_ => (float)random.NextNormal())];
        using Tensor images = Tensor.From<float>(device, shape, numbers);
        using (device.NoGradient())
        {
            Tensor output = network.Forward(images);
            float[] values = output.ToArray<float>();
            device.Tape.Clear();
            return values;
        }
    }

    /// <summary>A device of shapes that counts what is folded.</summary>
    private sealed class CountingDevice : MetaDevice
    {
        public int Folded { get; private set; }

        public Tensor Images(Network network) => Tensor.Create(this, network.InputShape(1), FloatType);

        public int Count(Network network)
        {
            Folded = 0;
            using Tensor images = Images(network);
            using (NoGradient())
            {
                network.Forward(images);
            }

            Tape.Clear();
            (int counted, Folded) = (Folded, 0);
            return counted;
        }

        protected override void ConvolutionNormInferenceCore(
            Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon,
            Tensor? shortcut, bool relu, Tensor output) => Folded++;
    }
}
