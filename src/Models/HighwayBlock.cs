using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// The gated block that the paper compares with (Srivastava, Greff, Schmidhuber, "Highway Networks", 2015): y = F(x) T(x) + x (1 - T(x)),
/// where F is a basic block's two convolutions with their normalizations, and T = sigmoid(conv3x3(x) + b). b starts at -2, so that
/// the gates are nearly shut (T = 0.12) and the block begins by carrying its input through. There is no ReLU after the sum. Where the
/// shape changes, shortcut A makes what is carried of x.
/// </summary>
public sealed class HighwayBlock : ResidualBlock
{
    /// <summary>What the gates' bias starts at.</summary>
    public const double GateBias = -2;

    /// <summary>The branch through the gates' convolution.</summary>
    public const string GateBranch = "gate";

    private readonly Conv2d _conv1, _conv2, _gate;
    private readonly Normalization _bn1, _bn2;

    internal HighwayBlock(in BlockOptions options) : base(ShortcutKind.Gated)
    {
        BasicBlock.Check(options);
        _conv1 = AddChild("conv1", new Conv2d(options.Inputs, options.Planes, 3, options.Stride, padding: 1, bias: false));
        _bn1 = AddChild("bn1", options.Norm(options.Planes));
        AddRelu();
        _conv2 = AddChild("conv2", new Conv2d(options.Planes, options.Planes, 3, padding: 1, bias: false));
        _bn2 = AddChild("bn2", options.Norm(options.Planes));
        _gate = AddChild("gate", new Conv2d(options.Inputs, options.Planes, 3, options.Stride, padding: 1));
        _gate.Bias!.Initialization = Initialization.Constant(GateBias);
        AddShortcut(options with { Shortcut = ShortcutKind.A }, options.Planes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Branches => [ShortcutBranch, ResidualBranch, GateBranch];

    /// <inheritdoc/>
    public override Normalization LastNormalization => _bn2;

    /// <inheritdoc/>
    /// <remarks>Computed as carry + T (F - carry), which needs two passes less than the two products.</remarks>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor hidden = ConvNormRelu(_conv1, _bn1, Branch(input, ResidualBranch));
        hidden = ConvolutionNorm.Forward(_conv2, _bn2, hidden, consume: true);
        Tensor gate = _gate.Forward(Branch(input, GateBranch));
        gate = Donate(gate, gate.Sigmoid());
        Tensor carry = Carry(input);
        Tensor negative = carry.Scale(-1);
        Tensor difference = Donate(negative, hidden.Add(negative));
        return carry.Add(gate.Multiply(difference));
    }
}
