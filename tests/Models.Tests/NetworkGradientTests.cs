using Engine.Layers;
using Engine.Verification;

namespace Engine.Models.Tests;

/// <summary>
/// Whole blocks and networks against finite differences: not the operations alone, but their order, their shared inputs and
/// the gradients handed from one to the next are right.
/// </summary>
public class NetworkGradientTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(ShortcutKind.A, 4, 4, 1)]
    [InlineData(ShortcutKind.A, 3, 6, 2)]
    [InlineData(ShortcutKind.B, 4, 4, 1)]
    [InlineData(ShortcutKind.B, 3, 4, 2)]
    [InlineData(ShortcutKind.C, 4, 4, 1)]
    [InlineData(ShortcutKind.C, 3, 4, 2)]
    [InlineData(ShortcutKind.None, 3, 4, 2)]
    public void A_basic_block_with_each_shortcut(ShortcutKind shortcut, int inputs, int planes, int stride)
    {
        foreach (bool isTraining in new[] { true, false })
        {
            Check(
                () => new BasicBlock(Options(shortcut, inputs, planes, stride)), new Shape(2, 5, 4, inputs), maximumElements: 40, isTraining);
        }
    }

    [Theory]
    [InlineData(ShortcutKind.A, BottleneckStride.Spatial, 1, 1)]
    [InlineData(ShortcutKind.B, BottleneckStride.Spatial, 1, 1)]
    [InlineData(ShortcutKind.B, BottleneckStride.First, 1, 1)]
    [InlineData(ShortcutKind.C, BottleneckStride.Spatial, 2, 1)]
    [InlineData(ShortcutKind.B, BottleneckStride.Spatial, 2, 2)]
    [InlineData(ShortcutKind.None, BottleneckStride.Spatial, 1, 1)]
    public void A_bottleneck_with_each_shortcut_groups_and_dilation(ShortcutKind shortcut, BottleneckStride stride, int groups, int dilation)
    {
        foreach (bool isTraining in new[] { true, false })
        {
            Check(
                () => new Bottleneck(Options(shortcut, 6, 2, 2) with { BottleneckStride = stride, Groups = groups, Dilation = dilation }),
                new Shape(2, 5, 4, 6), maximumElements: 30, isTraining);
        }
    }

    [Theory]
    [InlineData(4, 4, 1)]
    [InlineData(3, 6, 2)]
    public void A_highway_block(int inputs, int planes, int stride)
    {
        foreach (bool isTraining in new[] { true, false })
        {
            Check(
                () => new HighwayBlock(Options(ShortcutKind.Gated, inputs, planes, stride)), new Shape(2, 5, 4, inputs), maximumElements: 40, isTraining);
        }
    }

    [Theory]
    [InlineData(ShortcutKind.A)]
    [InlineData(ShortcutKind.C)]
    [InlineData(ShortcutKind.None)]
    [InlineData(ShortcutKind.Gated)]
    public void A_block_without_normalization(ShortcutKind shortcut)
    {
        BlockOptions options = Options(shortcut, 3, 4, 2) with { Norm = Normalization.None };
        Check(() => shortcut == ShortcutKind.Gated ? new HighwayBlock(options) : new BasicBlock(options), new Shape(2, 5, 4, 3), maximumElements: 40);
    }

    [Fact]
    public void A_block_with_group_norm() => Check(
        () => new BasicBlock(Options(ShortcutKind.B, 3, 4, 2) with { Norm = Normalization.Group(2) }), new Shape(2, 5, 4, 3), maximumElements: 40);

    [Fact]
    public void An_observed_block_whose_fused_tail_is_taken_apart() => Check(
        () =>
        {
            BasicBlock block = new(Options(ShortcutKind.B, 3, 4, 2));
            foreach ((_, Module module) in block.Modules())
            {
                module.RegisterBackwardHook((_, _) => { });
            }

            return block;
        },
        new Shape(2, 5, 4, 3), maximumElements: 40);

    [Theory]
    [InlineData(ShortcutKind.A)]
    [InlineData(ShortcutKind.B)]
    [InlineData(ShortcutKind.None)]
    [InlineData(ShortcutKind.Gated)]
    public void The_CIFAR_network_of_8_layers(ShortcutKind shortcut) => Check(
        () => new CifarResNet(new CifarResNetOptions(8) { Classes = 4, Shortcut = shortcut }), new Shape(2, 6, 5, 3), maximumElements: 3);

    [Fact]
    public void A_network_of_two_bottleneck_stages_with_max_pool() => Check(
        () => new Sequential(
            new Conv2d(3, 4, 5, stride: 2, padding: 2, bias: false), new BatchNorm2d(4), new ReLU(), new MaxPool2d(3, stride: 2, padding: 1),
            new Sequential(new Bottleneck(Options(ShortcutKind.B, 4, 2, 1)), new Bottleneck(Options(ShortcutKind.B, 8, 2, 1))),
            new Sequential(new Bottleneck(Options(ShortcutKind.B, 8, 3, 2)), new Bottleneck(Options(ShortcutKind.B, 12, 3, 1))),
            new AdaptiveAvgPool2d(1), new Flatten(), new Linear(12, 5)),
        new Shape(2, 13, 11, 3), maximumElements: 12);

    private static BlockOptions Options(ShortcutKind shortcut, int inputs, int planes, int stride) => new()
    {
        Inputs = inputs,
        Planes = planes,
        Stride = stride,
        Groups = 1,
        WidthPerGroup = 64,
        Dilation = 1,
        Norm = Normalization.Batch,
        Shortcut = shortcut,
    };

    private static void Check(Func<Module> make, Shape shape, int maximumElements, bool isTraining = true)
    {
        using ReferenceDevice device = new();
        GradientCheckResult result = GradientCheck.RunKinkFree(seed =>
        {
            Module module = make().To(device, seed).Train(isTraining);
            using CheckInputs draw = new(device, seed, RandomSource.SeedOf("network"));
            foreach ((string name, Parameter parameter) in module.Named().Where(p => p.Parameter.Shape.Rank == 1))
            {
                // Away from gamma 1, beta 0, mean 0 and variance 1, where wrong formulas can be right by chance.
                double center = name.EndsWith("weight", StringComparison.Ordinal) || name.EndsWith("running_var", StringComparison.Ordinal) ? 1 : 0;
                parameter.Value.Write<double>(draw.Uniform(parameter.Shape, center - 0.4, center + 0.4).ToArray<double>());
            }

            GradientCheckResult result = GradientCheck.Run(
                module, draw.Normal(shape), new GradientCheckOptions { Step = 1e-5, MaximumElements = maximumElements, Seed = seed });
            foreach ((_, Parameter parameter) in module.Named())
            {
                parameter.Value.Dispose();
            }

            return result;
        });
        Assert.True(result.IsKinkFree);
        Assert.True(result.Error < Tolerance, result.ToString());
    }
}
