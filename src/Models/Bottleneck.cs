using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// conv1x1 - norm - ReLU - conv3x3 - norm - ReLU - conv1x1 (4 times wider) - norm - add shortcut - ReLU: the block of 50, 101 and 152
/// layers. The inner width is planes * width_per_group / 64 * groups.
/// </summary>
public sealed class Bottleneck : ResidualBlock
{
    /// <summary>How many times wider the output is than the stage's filters.</summary>
    public const int Expansion = 4;

    private readonly Conv2d _conv1, _conv2, _conv3;
    private readonly Normalization _bn1, _bn2, _bn3;

    internal Bottleneck(in BlockOptions options) : base(options.Shortcut)
    {
        int width = options.Planes * options.WidthPerGroup / 64 * options.Groups;
        int outputs = options.Planes * Expansion;
        bool isStrideFirst = options.BottleneckStride == BottleneckStride.First;
        _conv1 = AddChild("conv1", new Conv2d(options.Inputs, width, 1, isStrideFirst ? options.Stride : 1, bias: false));
        _bn1 = AddChild("bn1", options.Norm(width));
        _conv2 = AddChild("conv2", new Conv2d(
            width, width, 3, isStrideFirst ? 1 : options.Stride, padding: options.Dilation, dilation: options.Dilation, groups: options.Groups, bias: false));
        _bn2 = AddChild("bn2", options.Norm(width));
        _conv3 = AddChild("conv3", new Conv2d(width, outputs, 1, bias: false));
        _bn3 = AddChild("bn3", options.Norm(outputs));
        AddRelu();
        AddShortcut(options, outputs);
    }

    /// <inheritdoc/>
    public override Normalization LastNormalization => _bn3;

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor hidden = ConvNormRelu(_conv1, _bn1, Branch(input, ResidualBranch));
        hidden = ConvNormRelu(_conv2, _bn2, hidden, consume: true);
        return End(_conv3, hidden, input);
    }
}
