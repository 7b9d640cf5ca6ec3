using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// A residual block for tables: y = x + F(x) with F(x) = linear2(dropout(act(linear1(norm(x))))), from [N, width] to [N, width] (after Gorishniy
/// et al., "Revisiting Deep Learning Models for Tabular Data", 2021, section 3.2). Nothing stands between the sum and the next block, so the
/// gradient by x is the gradient by y, undiminished, plus what comes back through F: docs/backward.md, "The residual block as a whole".
/// </summary>
public sealed class ResidualMlpBlock : Module
{
    private readonly Normalization? _norm;
    private readonly Linear _linear1, _linear2;
    private readonly Module _activation;
    private readonly Dropout? _dropout;

    /// <summary>Makes a block.</summary>
    /// <param name="width">Numbers of a row that come in and go out.</param>
    /// <param name="hidden">Numbers between the two linear layers; the width where null.</param>
    /// <param name="activation">relu, gelu or tanh.</param>
    /// <param name="norm">none, layer or batch.</param>
    /// <param name="dropout">The probability with which training drops a number behind the activation.</param>
    /// <param name="shortcut">Whether x is added; without it the block is a plain one, for comparisons.</param>
    /// <exception cref="EngineException">A name is unknown, or the probability is out of its range.</exception>
    /// <exception cref="ShapeException">A width is below 1.</exception>
    public ResidualMlpBlock(int width, int? hidden = null, string activation = "relu", string norm = "layer", double dropout = 0, bool shortcut = true)
    {
        (Width, HasShortcut) = (width, shortcut);
        (Hidden, Activation, Norm, Dropout) = (hidden ?? width, activation, norm, dropout);
        _norm = MlpLayers.Norm(nameof(ResidualMlpBlock), norm, width);
        if (_norm is not null)
        {
            AddChild("norm", _norm);
        }

        _linear1 = AddChild("linear1", new Linear(width, hidden ?? width));
        _activation = AddChild("activation", MlpLayers.Activation(nameof(ResidualMlpBlock), activation));
        _dropout = dropout == 0 ? null : AddChild("dropout", new Dropout(dropout));
        _linear2 = AddChild("linear2", new Linear(hidden ?? width, width));
    }

    /// <summary>Numbers of a row that come in and go out.</summary>
    public int Width { get; }

    /// <summary>Numbers between the two linear layers.</summary>
    public int Hidden { get; }

    /// <summary>relu, gelu or tanh.</summary>
    public string Activation { get; }

    /// <summary>none, layer or batch.</summary>
    public string Norm { get; }

    /// <summary>The probability with which training drops a number behind the activation.</summary>
    public double Dropout { get; }

    /// <summary>Whether x is added.</summary>
    public bool HasShortcut { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Branches => HasShortcut ? [ResidualBlock.ShortcutBranch, ResidualBlock.ResidualBranch] : [];

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        if (input.Shape.Rank == 0 || input.Shape.Last != Width)
        {
            throw new ShapeException($"ResidualMlpBlock: input {input.Shape} must be [N, {Width}]");
        }

        Tensor residual = Branch(input, ResidualBlock.ResidualBranch), hidden;
        if (_norm is null)
        {
            hidden = _linear1.Forward(residual);
        }
        else
        {
            Tensor normalized = _norm.Forward(residual);
            hidden = Donate(normalized, _linear1.Forward(normalized));
        }

        hidden = Donate(hidden, _activation.Forward(hidden));
        if (_dropout is not null)
        {
            hidden = Donate(hidden, _dropout.Forward(hidden));
        }

        Tensor branch = Donate(hidden, _linear2.Forward(hidden));
        return HasShortcut ? Donate(branch, AddOperation.Apply(branch, Branch(input, ResidualBlock.ShortcutBranch))) : branch;
    }
}
