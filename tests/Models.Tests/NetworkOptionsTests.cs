using Engine.Layers;
using Engine.Training;

namespace Engine.Models.Tests;

public class NetworkOptionsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("shortcut=C zeros=after norm=group:8 groups=32 width_per_group=4 dilation=0,1,1 init=kaiming_uniform fan=fan_in v1 zero_init_residual")]
    [InlineData("norm=none")]
    [InlineData("norm=group")]
    [InlineData("shortcut=A zeros=half init=kaiming_normal fan=fan_out")]
    public void The_text_of_options_reads_back_as_the_same_options_and_is_what_a_run_keeps(string text)
    {
        NetworkOptions options = NetworkOptions.Parse(text);
        Assert.Equal(text, options.ToText());
        string json = new RunManifest().With(options with { Channels = 1, Classes = 10 }).ToJson();
        Assert.EndsWith($",\"model_options\":\"{text}\"}}", json, StringComparison.Ordinal);
        NetworkOptions read = RunManifest.FromJson(json, "x").Part<NetworkOptions>();
        Assert.Equal((text, null, null), (read.ToText(), read.Channels, read.Classes));
    }

    [Fact]
    public void A_run_without_options_of_its_network_has_the_defaults_and_one_with_others_is_refused()
    {
        Assert.Equal(new NetworkOptions(), RunManifest.FromJson("{}", "x").Part<NetworkOptions>());
        Assert.Contains(
            "color is 'red'",
            Assert.Throws<EngineException>(() => RunManifest.FromJson("""{"model_options":"color=red"}""", "x").Part<NetworkOptions>()).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "not valid JSON",
            Assert.Throws<EngineException>(() => RunManifest.FromJson("""{"model_options":5}""", "x").Part<NetworkOptions>()).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("shortcut=D", "shortcut is 'D'")]
    [InlineData("norm=layer", "norm is 'layer'")]
    [InlineData("norm=group:0", "norm=group is '0'")]
    [InlineData("groups=x", "groups is 'x'")]
    [InlineData("dilation=0,2,1", "flag '2'")]
    [InlineData("color=red", "color is 'red'")]
    public void A_word_that_is_none_is_named(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<EngineException>(() => NetworkOptions.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("resnet18", "groups=2", "BasicBlock only supports groups=1 and base_width=64")]
    [InlineData("resnet20", "width_per_group=128", "BasicBlock only supports groups=1 and base_width=64")]
    [InlineData("resnet34", "dilation=0,0,1", "Dilation > 1 not supported in BasicBlock")]
    [InlineData("resnet20", "dilation=0,1,0", "Dilation > 1 not supported in BasicBlock")]
    [InlineData("highway20", "groups=2", "BasicBlock only supports groups=1 and base_width=64")]
    [InlineData("resnet50", "dilation=0,1", "replace_stride_with_dilation should be None or a 3-element tuple")]
    [InlineData("resnet20", "dilation=0,1,0,1", "replace_stride_with_dilation should be None or a 3-element tuple")]
    [InlineData("resnet18", "v1", "v1 puts a bottleneck's stride")]
    [InlineData("resnet20", "v1", "v1 puts a bottleneck's stride")]
    [InlineData("resnext50_32x4d", "groups=16", "has 32 groups and a width of 4 a group")]
    [InlineData("wide_resnet50_2", "width_per_group=64", "has 1 groups and a width of 128 a group")]
    [InlineData("plain34", "shortcut=A", "use resnet34")]
    [InlineData("highway32", "shortcut=B", "use resnet32")]
    [InlineData("highway32", "zero_init_residual", "zero_init_residual is for residual blocks")]
    [InlineData("plain20", "zero_init_residual", "zero_init_residual needs shortcuts")]
    [InlineData("resnet20", "zero_init_residual norm=none", "but the network has none")]
    [InlineData("resnet50", "zeros=after", "give shortcut A with it")]
    [InlineData("plain20", "zeros=after", "plain20 has no shortcut")]
    [InlineData("resnet20", "norm=group:5", "5 groups must divide 16 channels")]
    [InlineData("vgg19", "norm=batch", "vgg19 has no residual blocks")]
    [InlineData("vgg13_bn", "norm=batch", "(vgg13 or vgg13_bn)")]
    [InlineData("vgg19_bn", "shortcut=B", "the only network options it takes are init and fan, but 'shortcut=B' was given")]
    public void What_a_network_cannot_honor_is_refused_with_the_reason(string name, string options, string reason)
    {
        EngineException error = Assert.ThrowsAny<EngineException>(() => Networks.Create(name, NetworkOptions.Parse(options)));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Groups_and_width_make_a_resnet50_the_named_relatives_of_it()
    {
        Assert.Equal(
            Networks.Create("resnext50_32x4d").ToString(), Networks.Create("resnet50", NetworkOptions.Parse("groups=32 width_per_group=4")).ToString());
        Assert.Equal(Networks.Create("wide_resnet50_2").ToString(), Networks.Create("resnet50", NetworkOptions.Parse("width_per_group=128")).ToString());
    }

    [Theory]
    [InlineData("norm=group", "GroupNorm(8, 16")]
    [InlineData("norm=group:4", "GroupNorm(4, 16")]
    [InlineData("norm=none", "(bn1): Identity()")]
    [InlineData("shortcut=C", "(0): Conv2d(16, 16, kernel_size=(1, 1)")]
    [InlineData("zeros=after", "zeros_before=0")]
    public void A_choice_shows_in_the_tree(string options, string expected) =>
        Assert.Contains(expected, Networks.Create("resnet20", NetworkOptions.Parse(options)).ToString(), StringComparison.Ordinal);

    [Fact]
    public void Without_normalization_the_convolutions_still_have_no_bias_and_the_signal_grows_as_their_sum()
    {
        Network network = Networks.Create("resnet20", NetworkOptions.Parse("norm=none"));
        Assert.All(network.Parameters, p => Assert.True(p.Name.EndsWith("weight", StringComparison.Ordinal) || p.Name == "fc.bias"));
        Assert.Empty(network.NamedBuffers());
    }

    [Theory]
    [InlineData("init=kaiming_uniform fan=fan_in", 16, true)]
    [InlineData("init=kaiming_uniform", 32, true)]
    [InlineData("fan=fan_in", 16, false)]
    public void Filters_start_as_chosen(string options, int channels, bool isUniform)
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8", NetworkOptions.Parse(options));
        network.To(device, seed: 4);
        double[] filter = network.Parameters.Single(p => p.Name == "layer2.0.conv1.weight").Parameter.Value.ToArray<double>();
        double deviation = Math.Sqrt(2.0 / (channels * 9));
        Assert.Equal(deviation, Math.Sqrt(filter.Average(w => w * w)), 0.05 * deviation);
        Assert.Equal(isUniform, filter.Max(Math.Abs) <= Math.Sqrt(3) * deviation);
    }

    // With shut gates a block puts out its carry, with open ones F(x); in between the mixture, and no ReLU after it.
    [Theory]
    [InlineData(-2)]
    [InlineData(0)]
    public void A_highway_block_mixes_the_convolutions_and_the_carry_by_its_gates(double bias)
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("highway8");
        network.To(device, seed: 2).Eval();
        Module block = network.Modules().Single(m => m.Name == "layer2.0").Module;
        Conv2d gate = (Conv2d)block.Children.Single(c => c.Name == "gate").Module;
        Assert.All(gate.Bias!.Value.ToArray<double>(), b => Assert.Equal(HighwayBlock.GateBias, b));
        gate.Weight.Value.Write<double>(new double[gate.Weight.Shape.Count]);
        gate.Bias.Value.Write<double>([.. Enumerable.Repeat(bias, 32)]);

        RandomSource random = new(3);
        Shape shape = new(2, 6, 6, 16);
        using Tensor input = Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())]);
        double[] transformed = [];
        block.Children.Single(c => c.Name == "bn2").Module.RegisterForwardHook((_, output) => transformed = output.ToArray<double>());
        using NoGradientScope scope = device.NoGradient();
        double[] actual = block.Forward(input).ToArray<double>(), carry = input.PadSubsample(2, 32).ToArray<double>();
        double t = 1 / (1 + Math.Exp(-bias));
        Assert.Contains(actual, value => value < 0);
        Assert.All(Enumerable.Range(0, actual.Length), i => Assert.Equal((transformed[i] * t) + (carry[i] * (1 - t)), actual[i], 1e-12));
    }

    [Fact]
    public void A_new_head_of_a_VGG_stands_in_its_classifier_and_starts_as_torchvisions()
    {
        Network network = Networks.Create("vgg19");
        network.ReplaceHead(3);
        Assert.Equal("classifier.6", network.HeadName);
        Assert.Same(network.Head, network.Modules().Single(m => m.Name == "classifier.6").Module);
        Assert.Equal(new Shape(3, 4096), network.Parameters.Single(p => p.Name == "classifier.6.weight").Parameter.Shape);
        using ReferenceDevice device = new();
        network.Head.To(device, seed: 1);
        double[] weights = network.Head.Weight.Value.ToArray<double>();
        Assert.Equal(0.01, Math.Sqrt(weights.Average(w => w * w)), 5e-4);
        Assert.All(network.Head.Bias!.Value.ToArray<double>(), b => Assert.Equal(0, b));
        network.FreezeBackbone();
        Assert.Equal(["classifier.6.weight", "classifier.6.bias"], network.Parameters.Where(p => !p.Parameter.IsFrozen).Select(p => p.Name));
    }
}
