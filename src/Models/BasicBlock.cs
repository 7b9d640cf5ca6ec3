using Engine.Layers;

namespace Engine.Models;

/// <summary>conv3x3 - norm - ReLU - conv3x3 - norm - add shortcut - ReLU: the block of 18 and 34 layers and of all CIFAR networks.</summary>
public sealed class BasicBlock : ResidualBlock
{
    /// <summary>How many times wider the output is than the stage's filters.</summary>
    public const int Expansion = 1;

    private readonly Conv2d _conv1, _conv2;
    private readonly Normalization _bn1, _bn2;

    internal BasicBlock(in BlockOptions options) : base(options.Shortcut)
    {
        Check(options);
        _conv1 = AddChild("conv1", new Conv2d(options.Inputs, options.Planes, 3, options.Stride, padding: 1, bias: false));
        _bn1 = AddChild("bn1", options.Norm(options.Planes));
        AddRelu();
        _conv2 = AddChild("conv2", new Conv2d(options.Planes, options.Planes, 3, padding: 1, bias: false));
        _bn2 = AddChild("bn2", options.Norm(options.Planes));
        AddShortcut(options, options.Planes * Expansion);
    }

    /// <inheritdoc/>
    public override Normalization LastNormalization => _bn2;

    /// <summary>Refuses what a block of two 3x3 convolutions cannot honor, with torchvision's reasons.</summary>
    internal static void Check(in BlockOptions options)
    {
        if (options.Groups != 1 || options.WidthPerGroup != 64)
        {
            throw new EngineException(
                $"BasicBlock only supports groups=1 and base_width=64, but groups={options.Groups} and width_per_group={options.WidthPerGroup} were given: "
                    + "use bottleneck blocks");
        }

        if (options.Dilation > 1)
        {
            throw new EngineException(
                $"Dilation > 1 not supported in BasicBlock, but replace_stride_with_dilation asks for {options.Dilation}: use bottleneck blocks");
        }

        if (options.BottleneckStride == BottleneckStride.First)
        {
            throw new EngineException("v1 puts a bottleneck's stride on its first convolution, but this network is of basic blocks: use bottleneck blocks");
        }
    }

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor hidden = ConvNormRelu(_conv1, _bn1, Branch(input, ResidualBranch));
        return End(_conv2, hidden, input);
    }
}
