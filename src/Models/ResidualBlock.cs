using Engine.Layers;

namespace Engine.Models;

/// <summary>What a block is made from, beside its kind.</summary>
internal readonly record struct BlockOptions
{
    /// <summary>Channels that come in.</summary>
    public required int Inputs { get; init; }

    /// <summary>The stage's filters; a bottleneck puts out four times as many.</summary>
    public required int Planes { get; init; }

    /// <summary>Every how many pixels one is put out.</summary>
    public required int Stride { get; init; }

    /// <summary>Groups of the 3x3 convolution of a bottleneck.</summary>
    public int Groups { get; init; }

    /// <summary>Filters of one group where the stage has 64.</summary>
    public int WidthPerGroup { get; init; }

    /// <summary>Dilation of the 3x3 convolution.</summary>
    public int Dilation { get; init; }

    /// <summary>Makes the normalizations.</summary>
    public required Func<int, Normalization> Norm { get; init; }

    /// <summary>What carries the input past the convolutions.</summary>
    public required ShortcutKind Shortcut { get; init; }

    /// <summary>Where shortcut A puts its zeros.</summary>
    public ZeroPlacement Zeros { get; init; }

    /// <summary>Where a bottleneck has its stride.</summary>
    public BottleneckStride BottleneckStride { get; init; }
}

/// <summary>
/// Convolutions with a shortcut past them: y = relu(F(x) + shortcut(x)), where F ends in a normalization; the normalization, the
/// addition and the ReLU are one fused operation unless somebody observes one of them. A plain block has no shortcut, and a
/// <see cref="HighwayBlock"/> a gated one.
/// </summary>
public abstract class ResidualBlock : Module
{
    private readonly bool _isPlain;
    private ReLU? _relu;
    private Module? _downsample;

    private protected ResidualBlock(ShortcutKind shortcut) => _isPlain = shortcut == ShortcutKind.None;

    /// <summary>The branch past the convolutions: the identity, zero padding or a projection.</summary>
    public const string ShortcutBranch = "shortcut";

    /// <summary>The branch through the convolutions.</summary>
    public const string ResidualBranch = "residual";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Branches => _isPlain ? [] : [ShortcutBranch, ResidualBranch];

    /// <summary>The normalization before the addition: with gamma 0 the block starts as its shortcut alone.</summary>
    public abstract Normalization LastNormalization { get; }

    /// <summary>Whether nothing carries the input past the convolutions.</summary>
    internal bool IsPlain => _isPlain;

    /// <summary>Adds the ReLU, at its place in the order of children.</summary>
    private protected void AddRelu() => _relu = AddChild("relu", new ReLU());

    /// <summary>Adds the shortcut where it is more than the identity, as the last child.</summary>
    private protected void AddShortcut(in BlockOptions options, int outputs)
    {
        bool changesShape = options.Stride != 1 || options.Inputs != outputs;
        if (options.Shortcut == ShortcutKind.Gated)
        {
            throw new EngineException($"{GetType().Name} has no gates: highway networks are made of highway blocks, for CIFAR");
        }

        _downsample = options.Shortcut switch
        {
            ShortcutKind.A when changesShape => new ZeroPadShortcut(options.Inputs, outputs, options.Stride, options.Zeros),
            ShortcutKind.B when changesShape => Projection(options, outputs),
            ShortcutKind.C => Projection(options, outputs),
            _ => null,
        };
        if (_downsample is not null)
        {
            AddChild("downsample", _downsample);
        }
    }

    /// <summary>Convolves, normalizes and clips at zero.</summary>
    private protected Tensor ConvNormRelu(Conv2d convolution, Normalization norm, Tensor input, bool consume = false) =>
        ConvolutionNorm.Forward(convolution, norm, input, null, _relu, consume);

    /// <summary>Ends the block: convolves <paramref name="hidden"/>, normalizes, adds the shortcut of the block's input, and clips at zero.</summary>
    private protected Tensor End(Conv2d last, Tensor hidden, Tensor input)
    {
        if (_isPlain)
        {
            return ConvolutionNorm.Forward(last, LastNormalization, hidden, null, _relu, consume: true);
        }

        Tensor? shortcut = null;
        Tensor output = ConvolutionNorm.Forward(last, LastNormalization, hidden, () => shortcut = Carry(input), _relu, consume: true);
        return _downsample is null ? output : Donate(shortcut!, output);
    }

    /// <summary>What the shortcut makes of the block's input.</summary>
    private protected Tensor Carry(Tensor input)
    {
        input = Branch(input, ShortcutBranch);
        return _downsample is null ? input : _downsample.Forward(input);
    }

    private static Sequential Projection(in BlockOptions options, int outputs) =>
        new(new Conv2d(options.Inputs, outputs, 1, options.Stride, bias: false), options.Norm(outputs));
}
