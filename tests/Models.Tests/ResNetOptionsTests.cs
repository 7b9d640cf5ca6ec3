using Engine.Layers;

namespace Engine.Models.Tests;

public class ResNetOptionsTests
{
    private static readonly int[] One = [1, 1, 1, 1];

    [Fact]
    public void A_basic_block_refuses_groups_width_and_dilation_with_torchvisions_reasons()
    {
        ResNetOptions basic = new(BlockKind.Basic, One);
        Assert.StartsWith("BasicBlock only supports groups=1 and base_width=64", Refusal(basic with { Groups = 2 }), StringComparison.Ordinal);
        Assert.StartsWith("BasicBlock only supports groups=1 and base_width=64", Refusal(basic with { WidthPerGroup = 128 }), StringComparison.Ordinal);
        Assert.StartsWith(
            "Dilation > 1 not supported in BasicBlock",
            Refusal(new ResNetOptions(BlockKind.Basic, [2, 2, 2, 2]) { ReplaceStrideWithDilation = [false, false, true] }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    public void Other_than_three_dilation_flags_are_refused(int count) => Assert.StartsWith(
        "replace_stride_with_dilation should be None or a 3-element tuple, got",
        Refusal(new ResNetOptions(BlockKind.Bottleneck, One) { ReplaceStrideWithDilation = new bool[count] }), StringComparison.Ordinal);

    [Fact]
    public void Figures_out_of_range_are_refused()
    {
        ResNetOptions options = new(BlockKind.Bottleneck, One);
        Assert.Contains("layers should be 4 counts", Refusal(options with { Layers = [1, 1, 1] }), StringComparison.Ordinal);
        Assert.Contains("layers should be 4 counts", Refusal(options with { Layers = [1, 0, 1, 1] }), StringComparison.Ordinal);
        Assert.Contains("at least 1", Refusal(options with { Groups = 0 }), StringComparison.Ordinal);
        Assert.Contains("at least 1", Refusal(options with { WidthPerGroup = 0 }), StringComparison.Ordinal);
        Assert.Contains("at least 1", Refusal(options with { Classes = 0 }), StringComparison.Ordinal);
        Assert.Contains("at least 1", Refusal(options with { Channels = 0 }), StringComparison.Ordinal);
        Assert.Contains("32 groups must divide 16 channels", Assert.Throws<ShapeException>(
            () => new CifarResNet(new CifarResNetOptions(8) { Norm = Normalization.Group(32) })).Message, StringComparison.Ordinal);
        Assert.Contains("use resnet20", Assert.Throws<EngineException>(
            () => Networks.Create("plain20", new NetworkOptions { Shortcut = ShortcutKind.B })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dilation_keeps_the_resolution_and_the_first_block_has_the_dilation_before()
    {
        ResNet network = new(new ResNetOptions(BlockKind.Bottleneck, [3, 4, 6, 3]) { ReplaceStrideWithDilation = [false, true, true] });
        ModelSummary summary = ModelSummary.Of(network, network.InputShape(1));
        Assert.Equal(new Shape(1, 28, 28, 2048), summary.Layers.Last(l => l.Path.StartsWith("layer4", StringComparison.Ordinal)).OutputShape);
        int[] dilations = [.. network.Modules().Where(
            m => m.Name.StartsWith("layer4", StringComparison.Ordinal) && m.Name.EndsWith("conv2", StringComparison.Ordinal))
            .Select(m => ((Conv2d)m.Module).Geometry.Dilation.Height)];
        Assert.Equal([2, 4, 4], dilations);
    }

    [Fact]
    public void Zero_init_residual_lets_only_the_last_gamma_of_each_block_start_at_zero()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8", new NetworkOptions { ZeroInitResidual = true });
        network.To(device);
        foreach ((string name, Parameter parameter) in network.Parameters.Where(p => p.Parameter.Shape.Rank == 1 && p.Name.Contains("bn")))
        {
            double expected = name.EndsWith("bn2.weight", StringComparison.Ordinal) || name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1;
            Assert.All(parameter.Value.ToArray<double>(), number => Assert.Equal(expected, number));
        }

        Assert.Throws<EngineException>(() => Networks.Create("plain8", new NetworkOptions { ZeroInitResidual = true }));
        Assert.Equal(16, new ResNet(new ResNetOptions(BlockKind.Bottleneck, [3, 4, 6, 3]) { ZeroInitResidual = true }).Modules()
            .Count(m => m.Module is AffineNormalization norm && ReferenceEquals(norm.Weight.Initialization, Initialization.Zeros)));
    }

    [Fact]
    public void Convolutions_start_kaiming_normal_by_fan_out_and_the_head_uniform()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.To(device, seed: 3);
        double[] filter = network.Parameters.Single(p => p.Name == "layer3.0.conv2.weight").Parameter.Value.ToArray<double>();
        double deviation = Math.Sqrt(filter.Average(w => w * w));
        Assert.Equal(Math.Sqrt(2.0 / (64 * 9)), deviation, 0.03 * deviation);
        double[] head = network.Head.Weight.Value.ToArray<double>();
        Assert.InRange(head.Max(Math.Abs), 0.95 / 8, 1.0 / 8);
        Assert.InRange(network.Head.Bias!.Value.ToArray<double>().Max(Math.Abs), 0.3 / 8, 1.0 / 8);
    }

    [Fact]
    public void A_plain_network_has_the_same_layers_but_no_shortcut()
    {
        Network plain = Networks.Create("plain18"), residual = Networks.Create("resnet18");
        Assert.DoesNotContain("downsample", plain.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            residual.Named().Where(n => !n.Name.Contains("downsample")).Select(n => n.Name), plain.Named().Select(n => n.Name));
    }

    [Fact]
    public void Shortcut_a_prints_its_stride_and_its_zeros()
    {
        Assert.Contains(
            "(downsample): ZeroPadShortcut(channels=32, stride=2, zeros_before=8)", Networks.Create("resnet8").ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "(downsample): ZeroPadShortcut(channels=32, stride=2, zeros_before=0)",
            Networks.Create("resnet8", new NetworkOptions { Zeros = ZeroPlacement.After }).ToString(), StringComparison.Ordinal);
        Assert.Throws<EngineException>(() => new ZeroPadShortcut(16, 8, 2, ZeroPlacement.After));
    }

    [Fact]
    public void Shortcut_a_carries_a_bottleneck_network_as_well()
    {
        ResNet network = new(new ResNetOptions(BlockKind.Bottleneck, [3, 4, 6, 3]) { Shortcut = ShortcutKind.A });
        using MetaDevice device = new();
        network.To(device);
        using Tensor images = Tensor.Create(device, network.InputShape(2), device.FloatType);
        Assert.Equal(new Shape(2, 1000), network.Forward(images).Shape);
    }

    private static string Refusal(ResNetOptions options) => Assert.Throws<EngineException>(() => new ResNet(options)).Message;
}
