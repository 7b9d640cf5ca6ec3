using Engine.Layers;

namespace Engine.Models.Tests;

/// <summary>The backward that is written out by hand is the tape's, to the last bit.</summary>
public class ManualBackwardTests
{
    public static TheoryData<bool, ShortcutKind, int, int> Cases { get; } = new()
    {
        { false, ShortcutKind.A, 8, 1 },
        { false, ShortcutKind.A, 4, 2 },
        { false, ShortcutKind.B, 4, 2 },
        { false, ShortcutKind.C, 8, 1 },
        { false, ShortcutKind.None, 4, 2 },
        { true, ShortcutKind.A, 32, 1 },
        { true, ShortcutKind.A, 4, 2 },
        { true, ShortcutKind.B, 4, 2 },
        { true, ShortcutKind.C, 32, 1 },
        { true, ShortcutKind.None, 32, 1 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_equals_the_tape_to_the_last_bit_in_double(bool isBottleneck, ShortcutKind shortcut, int inputs, int stride)
    {
        using ReferenceDevice device = new();
        Compare(device, isBottleneck, shortcut, inputs, stride);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_equals_the_tape_to_the_last_bit_on_the_cpu(bool isBottleneck, ShortcutKind shortcut, int inputs, int stride)
    {
        using CpuDevice device = new(threads: 2);
        Compare(device, isBottleneck, shortcut, inputs, stride);
    }

    [Fact]
    public void Blocks_without_batch_norm_are_refused()
    {
        using ReferenceDevice device = new();
        ResidualBlock block = Block(false, ShortcutKind.A, 8, 1, Normalization.Group(2));
        block.To(device);
        Assert.Contains("batch norm", Assert.Throws<EngineException>(() => ManualBlock.Of(block)).Message);
    }

    private static void Compare(Device device, bool isBottleneck, ShortcutKind shortcut, int inputs, int stride)
    {
        ResidualBlock block = Block(isBottleneck, shortcut, inputs, stride, Normalization.Batch);
        block.To(device, seed: 3);
        RandomSource random = new(5, 1);
        Shape shape = new(3, 6, 5, inputs);
        using Tensor x = Tensor.From<double>(device, shape, [.. Enumerable.Range(0, shape.Count).Select(_ => random.NextNormal())]);
        x.RequiresGradient = true;
        Tensor y = block.Forward(x);
        double[] expected = y.ToArray<double>();
        using Tensor yGradient = Tensor.From<double>(device, y.Shape, [.. Enumerable.Range(0, y.Shape.Count).Select(_ => random.NextNormal())]);
        device.Tape.Backward(y, yGradient);

        using ManualBlock manual = ManualBlock.Of(block);
        Assert.Equal(expected, manual.Forward(x).ToArray<double>());
        Assert.Equal(x.Gradient!.ToArray<double>(), manual.Backward(yGradient).ToArray<double>());
        Assert.Equal(block.Parameters.Select(p => p.Name).Order(), manual.Gradients.Keys.Order());
        foreach ((string name, Parameter parameter) in block.Parameters)
        {
            double[] gradient = parameter.Value.Gradient!.ToArray<double>();
            Assert.Contains(gradient, g => g != 0);
            Assert.Equal(gradient, manual.Gradients[name].ToArray<double>());
        }
    }

    private static ResidualBlock Block(bool isBottleneck, ShortcutKind shortcut, int inputs, int stride, Func<int, Normalization> norm)
    {
        BlockOptions options = new()
        {
            Inputs = inputs,
            Planes = 8,
            Stride = stride,
            Groups = 1,
            WidthPerGroup = 64,
            Dilation = 1,
            Norm = norm,
            Shortcut = shortcut,
        };
        return isBottleneck ? new Bottleneck(options) : new BasicBlock(options);
    }
}
