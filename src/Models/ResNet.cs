using Engine.Layers;

namespace Engine.Models;

/// <summary>What a <see cref="ResNet"/> is made from, with torchvision's options and the paper's.</summary>
/// <param name="Block">Basic or bottleneck.</param>
/// <param name="Layers">How many blocks each of the four stages has.</param>
public sealed record ResNetOptions(BlockKind Block, IReadOnlyList<int> Layers)
{
    /// <summary>Channels of the images: 3 for color, 1 for gray.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>How many classes the head tells apart: num_classes.</summary>
    public int Classes { get; init; } = 1000;

    /// <summary>Whether gamma of each block's last normalization starts at 0, so that the network starts as its shortcuts: zero_init_residual.</summary>
    public bool ZeroInitResidual { get; init; }

    /// <summary>Groups of a bottleneck's 3x3 convolution.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Filters of one group in the first stage: width_per_group.</summary>
    public int WidthPerGroup { get; init; } = 64;

    /// <summary>
    /// For the second, third and fourth stage, whether its stride of 2 is replaced by dilation, so that the resolution stays:
    /// replace_stride_with_dilation. Three flags; none for null.
    /// </summary>
    public IReadOnlyList<bool>? ReplaceStrideWithDilation { get; init; }

    /// <summary>Makes the normalizations, batch norms as a rule: norm_layer.</summary>
    public Func<int, Normalization> Norm { get; init; } = Normalization.Batch;

    /// <summary>What carries a block's input past its convolutions; none makes a plain network.</summary>
    public ShortcutKind Shortcut { get; init; } = ShortcutKind.B;

    /// <summary>Where shortcut A puts its zeros.</summary>
    public ZeroPlacement Zeros { get; init; } = ZeroPlacement.HalfBefore;

    /// <summary>Where a bottleneck that halves the resolution has its stride: on the 3x3 convolution (v1.5) or on the first 1x1 (v1).</summary>
    public BottleneckStride BottleneckStride { get; init; } = BottleneckStride.Spatial;
}

/// <summary>
/// The networks for ImageNet: a 7x7 convolution and a max pool, each of stride 2, four stages of blocks with 64, 128, 256 and 512
/// filters, the global mean and a linear layer. Names, options and the printed tree are torchvision's.
/// </summary>
public sealed class ResNet : Network
{
    private const int Stages = 4;
    private readonly Conv2d _conv1;
    private readonly Normalization _bn1;
    private readonly ReLU _relu;
    private readonly MaxPool2d _maxpool;
    private readonly Sequential[] _layers = new Sequential[Stages];

    /// <summary>Makes a network; <see cref="Module.To"/> draws its numbers.</summary>
    /// <exception cref="EngineException">An option is out of its range, or does not go with the block.</exception>
    public ResNet(ResNetOptions options) : base(options.Channels, options.Classes, imageSize: 224)
    {
        Check(options);
        _conv1 = AddChild("conv1", new Conv2d(options.Channels, 64, 7, stride: 2, padding: 3, bias: false));
        _bn1 = AddChild("bn1", options.Norm(64));
        _relu = AddChild("relu", new ReLU());
        _maxpool = AddChild("maxpool", new MaxPool2d(3, stride: 2, padding: 1));
        int inputs = 64, dilation = 1;
        for (int stage = 0; stage < Stages; stage++)
        {
            _layers[stage] = AddChild($"layer{stage + 1}", MakeStage(options, stage, ref inputs, ref dilation));
        }

        AddHead(inputs);
        if (options.ZeroInitResidual)
        {
            ZeroLastNormalizations(options.Shortcut);
        }
    }

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor hidden = ConvolutionNorm.Forward(_conv1, _bn1, input, null, _relu);
        hidden = Donate(hidden, _maxpool.Forward(hidden));
        foreach (Sequential layer in _layers)
        {
            hidden = Donate(hidden, layer.Forward(hidden));
        }

        return Classify(hidden);
    }

    private static Sequential MakeStage(ResNetOptions options, int stage, ref int inputs, ref int dilation)
    {
        int planes = 64 << stage;
        int stride = stage == 0 ? 1 : 2;

        // As in torchvision, a dilated stage's first block still has the dilation of the stage before.
        int firstDilation = dilation;
        if (stage > 0 && options.ReplaceStrideWithDilation is { } flags && flags[stage - 1])
        {
            dilation *= stride;
            stride = 1;
        }

        List<ResidualBlock> blocks = [];
        for (int i = 0; i < options.Layers[stage]; i++)
        {
            BlockOptions block = new()
            {
                Inputs = inputs,
                Planes = planes,
                Stride = i == 0 ? stride : 1,
                Groups = options.Groups,
                WidthPerGroup = options.WidthPerGroup,
                Dilation = i == 0 ? firstDilation : dilation,
                Norm = options.Norm,
                Shortcut = options.Shortcut,
                Zeros = options.Zeros,
                BottleneckStride = options.BottleneckStride,
            };
            blocks.Add(options.Block == BlockKind.Basic ? new BasicBlock(block) : new Bottleneck(block));
            inputs = planes * (options.Block == BlockKind.Basic ? BasicBlock.Expansion : Bottleneck.Expansion);
        }

        return new Sequential(blocks);
    }

    /// <summary>Refuses other than three dilation flags.</summary>
    internal static void CheckDilation(IReadOnlyList<bool>? flags)
    {
        if (flags is { Count: not Stages - 1 })
        {
            throw new EngineException(
                $"replace_stride_with_dilation should be None or a 3-element tuple, got [{string.Join(", ", flags)}]");
        }
    }

    private static void Check(ResNetOptions options)
    {
        if (options.Layers.Count != Stages || options.Layers.Any(count => count < 1))
        {
            throw new EngineException($"ResNet: layers should be {Stages} counts of at least 1, got [{string.Join(", ", options.Layers)}]");
        }

        CheckDilation(options.ReplaceStrideWithDilation);

        if (options.Groups < 1 || options.WidthPerGroup < 1)
        {
            throw new EngineException(
                $"ResNet: groups and width_per_group are at least 1, but {options.Groups} and {options.WidthPerGroup} were given");
        }
    }
}
