using Engine.Layers;

namespace Engine.Models;

/// <summary>What a <see cref="CifarResNet"/> is made from.</summary>
/// <param name="Depth">How many layers have weights: 6n + 2 with n of at least 1.</param>
public sealed record CifarResNetOptions(int Depth)
{
    /// <summary>Channels of the images: 3 for color, 1 for gray.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>How many classes the head tells apart.</summary>
    public int Classes { get; init; } = 10;

    /// <summary>What carries a block's input past its convolutions; none makes a plain network, gated a highway network.</summary>
    public ShortcutKind Shortcut { get; init; } = ShortcutKind.A;

    /// <summary>Where shortcut A puts its zeros.</summary>
    public ZeroPlacement Zeros { get; init; } = ZeroPlacement.HalfBefore;

    /// <summary>Whether gamma of each block's last normalization starts at 0, so that the network starts as its shortcuts.</summary>
    public bool ZeroInitResidual { get; init; }

    /// <summary>Makes the normalizations; batch norms as a rule.</summary>
    public Func<int, Normalization> Norm { get; init; } = Normalization.Batch;

    /// <summary>Groups; basic blocks take 1 only, and say so.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Filters of one group; basic blocks take 64 only, and say so.</summary>
    public int WidthPerGroup { get; init; } = 64;

    /// <summary>Where a bottleneck has its stride; basic blocks, which are none, refuse v1.</summary>
    public BottleneckStride BottleneckStride { get; init; } = BottleneckStride.Spatial;

    /// <summary>Which stages are dilated; basic blocks take none, and say so.</summary>
    public IReadOnlyList<bool>? ReplaceStrideWithDilation { get; init; }
}

/// <summary>
/// The networks of the paper's section 4.2: a 3x3 convolution, three stages of n basic blocks with 16, 32 and 64 filters on 32, 16 and
/// 8 pixels, the global mean and a linear layer; 6n + 2 layers in all, a highway block's gates not counted.
/// </summary>
public sealed class CifarResNet : Network
{
    private readonly Conv2d _conv1;
    private readonly Normalization _bn1;
    private readonly ReLU _relu;
    private readonly Sequential[] _layers = new Sequential[3];

    /// <summary>
    /// The depth beyond which no network is made, 8 times the paper's deepest, so that a mistyped one is refused instead of filling the memory.
    /// </summary>
    public const int MaxDepth = 10_000;

    /// <summary>Makes a network; <see cref="Module.To"/> draws its numbers.</summary>
    /// <exception cref="EngineException">The depth is not 6n + 2, or an option does not fit.</exception>
    public CifarResNet(CifarResNetOptions options) : base(options.Channels, options.Classes, imageSize: 32)
    {
        if (!IsDepth(options.Depth))
        {
            throw new EngineException($"a CIFAR network has 6n + 2 layers (8, 14, 20, 26, 32 ...), at most {MaxDepth}, which {options.Depth} is not");
        }

        ResNet.CheckDilation(options.ReplaceStrideWithDilation);
        Depth = options.Depth;
        _conv1 = AddChild("conv1", new Conv2d(options.Channels, 16, 3, padding: 1, bias: false));
        _bn1 = AddChild("bn1", options.Norm(16));
        _relu = AddChild("relu", new ReLU());
        int inputs = 16;
        for (int stage = 0; stage < 3; stage++)
        {
            int planes = 16 << stage;
            List<ResidualBlock> blocks = [];
            for (int i = 0; i < (options.Depth - 2) / 6; i++)
            {
                BlockOptions block = new()
                {
                    Inputs = inputs,
                    Planes = planes,
                    Stride = stage > 0 && i == 0 ? 2 : 1,
                    Groups = options.Groups,
                    WidthPerGroup = options.WidthPerGroup,
                    Dilation = options.ReplaceStrideWithDilation is { } flags && flags.Contains(true) ? 2 : 1,
                    Norm = options.Norm,
                    Shortcut = options.Shortcut,
                    Zeros = options.Zeros,
                    BottleneckStride = options.BottleneckStride,
                };
                blocks.Add(options.Shortcut == ShortcutKind.Gated ? new HighwayBlock(block) : new BasicBlock(block));
                inputs = planes;
            }

            _layers[stage] = AddChild($"layer{stage + 1}", new Sequential(blocks));
        }

        AddHead(inputs);
        if (options.ZeroInitResidual)
        {
            ZeroLastNormalizations(options.Shortcut);
        }
    }

    /// <summary>How many layers have weights.</summary>
    public int Depth { get; }

    /// <summary>Whether there is a network of this depth: 6n + 2 with n of at least 1, up to <see cref="MaxDepth"/>.</summary>
    public static bool IsDepth(int depth) => depth is >= 8 and <= MaxDepth && (depth - 2) % 6 == 0;

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor hidden = ConvolutionNorm.Forward(_conv1, _bn1, input, null, _relu);
        foreach (Sequential layer in _layers)
        {
            hidden = Donate(hidden, layer.Forward(hidden));
        }

        return Classify(hidden);
    }
}
