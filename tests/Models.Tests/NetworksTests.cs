using Engine.Layers;

namespace Engine.Models.Tests;

public class NetworksTests
{
    [Theory]
    [InlineData("resnet18", 11_689_512)]
    [InlineData("resnet34", 21_797_672)]
    [InlineData("resnet50", 25_557_032)]
    [InlineData("resnet101", 44_549_160)]
    [InlineData("resnet152", 60_192_808)]
    [InlineData("resnext50_32x4d", 25_028_904)]
    [InlineData("resnext101_32x8d", 88_791_336)]
    [InlineData("resnext101_64x4d", 83_455_272)]
    [InlineData("wide_resnet50_2", 68_883_240)]
    [InlineData("wide_resnet101_2", 126_886_696)]
    [InlineData("vgg11", 132_863_336)]
    [InlineData("vgg11_bn", 132_868_840)]
    [InlineData("vgg13", 133_047_848)]
    [InlineData("vgg13_bn", 133_053_736)]
    [InlineData("vgg16", 138_357_544)]
    [InlineData("vgg16_bn", 138_365_992)]
    [InlineData("vgg19", 143_667_240)]
    [InlineData("vgg19_bn", 143_678_248)]
    public void ImageNet_networks_have_the_published_number_of_parameters(string name, long parameters) =>
        Assert.Equal(parameters, Networks.Create(name).ParameterCount);

    [Theory]
    [InlineData("resnet20", 0.27)]
    [InlineData("resnet32", 0.46)]
    [InlineData("resnet44", 0.66)]
    [InlineData("resnet56", 0.85)]
    [InlineData("resnet110", 1.7)]
    [InlineData("resnet1202", 19.4)]
    [InlineData("plain20", 0.27)]
    [InlineData("plain56", 0.85)]
    public void Cifar_networks_have_the_published_number_of_parameters(string name, double millions)
    {
        double actual = Networks.Create(name).ParameterCount / 1e6;
        Assert.Equal(millions, Math.Round(actual, millions < 1 ? 2 : 1));
    }

    // conv 432 + 32, stages as counted by hand from the definition, head 650.
    [Fact]
    public void Resnet20_has_exactly_269722_parameters_and_shortcut_b_adds_its_projections()
    {
        Assert.Equal(269_722, Networks.Create("resnet20").ParameterCount);
        Assert.Equal(
            269_722 + (16 * 32) + 64 + (32 * 64) + 128, Networks.Create("resnet20", new NetworkOptions { Shortcut = ShortcutKind.B }).ParameterCount);
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    [InlineData("resnext50_32x4d")]
    [InlineData("wide_resnet50_2")]
    [InlineData("vgg11_bn")]
    [InlineData("vgg13")]
    [InlineData("vgg16")]
    [InlineData("vgg19")]
    [InlineData("vgg19_bn")]
    public void The_printed_tree_is_pytorchs(string name) =>
        Assert.Equal(File.ReadAllText(Path.Combine("Data", $"{name}.tree.txt")), $"{Networks.Create(name)}\n");

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    [InlineData("resnext50_32x4d")]
    [InlineData("wide_resnet50_2")]
    [InlineData("vgg11_bn")]
    [InlineData("vgg13")]
    [InlineData("vgg16")]
    [InlineData("vgg19")]
    [InlineData("vgg19_bn")]
    public void The_state_has_torchvisions_names_order_and_shapes(string name)
    {
        IEnumerable<string> state = Networks.Create(name).Named().Select(n => $"{n.Name} {PyTorchOrder(n.Parameter.Shape)}");
        Assert.Equal(File.ReadAllLines(Path.Combine("Data", $"{name}.state.txt")), state);
    }

    [Theory]
    [InlineData("resnet50", 4)]
    [InlineData("resnet152", 4)]
    [InlineData("plain50", 3)]
    [InlineData("resnet56", 3)]
    [InlineData("resnet8", 3)]
    [InlineData("plain14", 3)]
    [InlineData("highway50", 3)]
    public void A_name_of_both_families_is_the_ImageNet_networks(string name, int stages)
    {
        Network network = Networks.Create(name);
        Assert.Equal(stages, network.Children.Count(c => c.Name.StartsWith("layer", StringComparison.Ordinal)));
        Assert.Equal(stages == 4 ? 224 : 32, network.ImageSize);
        Assert.Equal(stages == 4 ? 1000 : 10, network.Classes);
    }

    [Fact]
    public void Every_depth_6n_plus_2_builds_with_3n_blocks()
    {
        for (int n = 1; n <= 20; n++)
        {
            CifarResNet network = new(new CifarResNetOptions((6 * n) + 2));
            Assert.Equal(3 * n, network.Modules().Count(m => m.Module is BasicBlock));
            Assert.Equal((6 * n) + 2, network.Modules().Count(m => m.Module is Conv2d or Linear));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(19)]
    [InlineData(21)]
    [InlineData(0)]
    [InlineData(-4)]
    [InlineData(10_004)]
    public void Other_depths_are_refused(int depth)
    {
        EngineException error = Assert.Throws<EngineException>(() => new CifarResNet(new CifarResNetOptions(depth)));
        Assert.Equal($"a CIFAR network has 6n + 2 layers (8, 14, 20, 26, 32 ...), at most 10000, which {depth} is not", error.Message);
    }

    [Theory]
    [InlineData("resnet21", "resnet20")]
    [InlineData("resnet19", "resnet20")]
    [InlineData("resnet17", "resnet18")]
    [InlineData("plain33", "plain32")]
    [InlineData("plain35", "plain34")]
    [InlineData("resnet2", "resnet8")]
    [InlineData("resnet100", "resnet101")]
    [InlineData("resnte20", "resnet20")]
    [InlineData("ResNet-50", "resnet50")]
    [InlineData("resnet020", "resnet20")]
    [InlineData("plane20", "plain20")]
    [InlineData("highway21", "highway20")]
    [InlineData("resnext50", "resnext50_32x4d")]
    [InlineData("wide_resnet50", "wide_resnet50_2")]
    [InlineData("vgg15", "vgg16")]
    [InlineData("vgg8", "vgg11")]
    [InlineData("vgg50", "vgg19")]
    [InlineData("vgg16bn", "vgg16_bn")]
    [InlineData("resnet99999998", "resnet9998")]
    public void An_unknown_name_gives_one_line_with_the_nearest_and_the_list(string name, string nearest)
    {
        EngineException error = Assert.Throws<EngineException>(() => Networks.Create(name));
        Assert.StartsWith($"there is no network '{name}'; did you mean '{nearest}'? There are resnet18, ", error.Message, StringComparison.Ordinal);
        Assert.Contains("N = 6n + 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("up to 10000", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("nosuch")]
    [InlineData("transformer")]
    [InlineData("")]
    public void A_name_far_from_all_gets_the_list_without_a_suggestion(string name)
    {
        EngineException error = Assert.Throws<EngineException>(() => Networks.Create(name));
        Assert.StartsWith($"there is no network '{name}'. There are resnet18, ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_listed_names_can_be_created() => Assert.All(Networks.Names, name => Assert.True(Networks.Create(name).ParameterCount > 0));

    [Fact]
    public void Channels_and_classes_can_be_chosen()
    {
        foreach (string name in (string[])["resnet20", "resnet18"])
        {
            Network network = Networks.Create(name, new NetworkOptions { Channels = 1, Classes = 7 });
            Assert.Equal(new Shape(5, network.ImageSize, network.ImageSize, 1), network.InputShape(5));
            Assert.Equal(1, network.Parameters.First().Parameter.Shape.Last);
            Assert.Equal(7, network.Parameters.Last().Parameter.Shape[0]);
        }
    }

    // PyTorch has filters as [K, C, R, S].
    private static string PyTorchOrder(Shape shape) => shape.Rank == 4 ? new Shape(shape[0], shape[3], shape[1], shape[2]).ToString() : shape.ToString();
}
