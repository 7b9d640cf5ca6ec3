using Engine.Layers;

namespace Engine.Models.Tests;

public class ModelSummaryTests
{
    [Theory]
    [InlineData("resnet18", 1.8)]
    [InlineData("resnet34", 3.6)]
    [InlineData("plain18", 1.8)]
    [InlineData("plain34", 3.6)]
    [InlineData("resnet50", 3.8, BottleneckStride.First)]
    [InlineData("resnet50", 4.1, BottleneckStride.Spatial)]
    [InlineData("resnet101", 7.6, BottleneckStride.First)]
    [InlineData("resnet152", 11.3, BottleneckStride.First)]
    public void Multiply_adds_are_the_papers(string name, double billions, BottleneckStride stride = BottleneckStride.Spatial)
    {
        Network network = Networks.Create(name, new NetworkOptions { BottleneckStride = stride });
        ModelSummary summary = ModelSummary.Of(network, network.InputShape(1));

        // The paper writes 3.8 for 3.86 and 3.6 for 3.67: it cuts off rather than rounds.
        Assert.InRange(summary.MultiplyAdds / 1e9, billions - 0.03, billions + 0.1);
        Assert.Equal(network.ParameterCount, summary.Parameters);
    }

    // By hand: conv1 3*9*16*1024; stage 1 six convolutions 16*9*16*1024; stage 2 16*9*32*256 and five of 32*9*32*256; stage 3
    // likewise with 64 filters on 64 pixels; head 640.
    [Fact]
    public void Resnet20_takes_41_million_multiply_adds()
    {
        Network network = Networks.Create("resnet20");
        long stages = (6L * 16 * 9 * 16 * 1024) + (16L * 9 * 32 * 256) + (5L * 32 * 9 * 32 * 256) + (32L * 9 * 64 * 64) + (5L * 64 * 9 * 64 * 64);
        long expected = (3L * 9 * 16 * 1024) + stages + 640;
        Assert.Equal(expected, ModelSummary.Of(network, network.InputShape(1)).MultiplyAdds);
        Assert.Equal(41, expected / 1_000_000.0, 0.5);
    }

    [Fact]
    public void Layers_are_listed_in_order_with_shapes_parameters_and_costs_that_add_up()
    {
        Network network = Networks.Create("resnet18");
        ModelSummary summary = ModelSummary.Of(network, network.InputShape(1));
        Assert.Equal(new LayerSummary("conv1", "Conv2d", new Shape(1, 112, 112, 64), 9408, 118_013_952), summary.Layers[0]);
        Assert.Equal(new LayerSummary("bn1", "BatchNorm2d", new Shape(1, 112, 112, 64), 128, 0), summary.Layers[1]);
        Assert.Equal("ReLU", summary.Layers[2].Type);
        Assert.Equal(new LayerSummary("maxpool", "MaxPool2d", new Shape(1, 56, 56, 64), 0, 0), summary.Layers[3]);
        Assert.Equal(new LayerSummary("fc", "Linear", new Shape(1, 1000), 513_000, 512_000), summary.Layers[^1]);
        Assert.Equal(summary.Parameters, summary.Layers.Sum(l => l.Parameters));
        Assert.Equal(summary.MultiplyAdds, summary.Layers.Sum(l => l.MultiplyAdds));
        Assert.Equal(9620, summary.Buffers);
    }

    // resnet8 on one 32 x 32 image: each convolution and each fused normalization leaves one activation; the shortcuts of stages 2 and
    // 3 leave none, since no backward reads what was added; the pool and the head 64 and 10 numbers. In units of 16 * 1024 numbers.
    [Fact]
    public void Activation_memory_counts_what_the_backward_holds_for_one_image()
    {
        Network network = Networks.Create("resnet8");

        // Of the stem its convolution's output; of a block those of both convolutions, and the block's own. What the norms inside made of the
        // convolutions' outputs is computed again.
        double activations = (16 * 1024 * (1 + 3 + (0.5 * 3) + (0.25 * 3))) + 64 + 10;
        Assert.Equal((long)(activations * 4), ModelSummary.Of(network, network.InputShape(1)).ActivationBytes);
    }

    [Fact]
    public void A_frozen_backbone_holds_nothing_for_the_backward_but_what_the_head_reads()
    {
        Network network = Networks.Create("resnet8");
        network.FreezeBackbone();
        Assert.Equal((64 + 10) * 4, ModelSummary.Of(network, network.InputShape(1)).ActivationBytes);
    }

    [Fact]
    public void The_model_stays_as_it_was()
    {
        using ReferenceDevice device = new();
        Network network = Networks.Create("resnet8");
        network.To(device, seed: 1);
        network.Train();
        int seen = 0;
        network.Head.RegisterForwardHook((_, _) => seen++);
        Tensor[] before = [.. network.Named().Select(n => n.Parameter.Value)];
        ModelSummary.Of(network, network.InputShape(1));

        Assert.Equal(before, network.Named().Select(n => n.Parameter.Value));
        Assert.All(before, tensor => Assert.False(tensor.IsReleased));
        Assert.All(network.NamedBuffers().Where(b => b.Name.EndsWith("tracked", StringComparison.Ordinal)), b => Assert.Equal(0, b.Parameter.Value.Item()));
        Assert.True(network.IsTraining && network.Head.Weight.Value.RequiresGradient);
        Assert.Equal(0, seen);
        Assert.All(network.Modules(), m => Assert.Equal(ReferenceEquals(m.Module, network.Head), m.Module.IsObserved));
    }

    [Fact]
    public void An_image_that_does_not_fit_is_refused_and_the_model_stays_as_it_was()
    {
        Network network = Networks.Create("resnet8");
        Assert.Throws<ShapeException>(() => ModelSummary.Of(network, new Shape(1, 32, 32, 4)));
        Assert.Throws<ShapeException>(() => ModelSummary.Of(network, new Shape(2, 32, 32, 3)));
        Assert.All(network.Named(), n => Assert.False(n.Parameter.IsInitialized));
        Assert.Equal(new Shape(1, 10), ModelSummary.Of(network, network.InputShape(1)).Layers[^1].OutputShape);
    }
}
