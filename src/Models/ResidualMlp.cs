using System.Globalization;
using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// A residual network for tables: a linear layer from [N, inputs] to [N, width], then blocks (<see cref="ResidualMlpBlock"/>), then norm, activation
/// and a linear head to [N, outputs]: the ResNet of Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data", 2021, section 3.2.
/// Its layers are called stem, blocks.0, blocks.1 ..., norm, activation and head.
/// </summary>
public sealed class ResidualMlp : Module
{
    private readonly Linear _stem, _head;
    private readonly Sequential _blocks;
    private readonly Normalization? _norm;
    private readonly Module _activation;

    /// <summary>Makes the network.</summary>
    /// <param name="inputs">Columns of the table.</param>
    /// <param name="width">Numbers of a row between the blocks, and inside them.</param>
    /// <param name="blocks">How many blocks there are, 0 or more.</param>
    /// <param name="outputs">Classes, or figures to predict.</param>
    /// <param name="activation">relu, gelu or tanh.</param>
    /// <param name="norm">none, layer or batch.</param>
    /// <param name="dropout">The probability with which training drops a number inside a block.</param>
    /// <param name="shortcut">Whether blocks add their input; without it the network is a plain one of the same size, for comparisons.</param>
    /// <exception cref="EngineException">A name is unknown, the probability is out of its range, or the number of blocks is negative.</exception>
    /// <exception cref="ShapeException">A width is below 1.</exception>
    public ResidualMlp(
        int inputs, int width, int blocks, int outputs, string activation = "relu", string norm = "layer", double dropout = 0, bool shortcut = true)
    {
        if (blocks < 0)
        {
            throw new EngineException(string.Create(CultureInfo.InvariantCulture, $"ResidualMlp: blocks is {blocks}, but must be 0 or more"));
        }

        (Inputs, Outputs) = (inputs, outputs);
        (Width, Activation, Norm, Dropout, HasShortcut) = (width, activation, norm, dropout, shortcut);
        _stem = AddChild("stem", new Linear(inputs, width));
        _blocks = AddChild("blocks", new Sequential(Enumerable.Range(0, blocks).Select(
            _ => new ResidualMlpBlock(width, null, activation, norm, dropout, shortcut))));
        _norm = MlpLayers.Norm(nameof(ResidualMlp), norm, width);
        if (_norm is not null)
        {
            AddChild("norm", _norm);
        }

        _activation = AddChild("activation", MlpLayers.Activation(nameof(ResidualMlp), activation));
        _head = AddChild("head", new Linear(width, outputs));
    }

    /// <summary>Columns of the table.</summary>
    public int Inputs { get; }

    /// <summary>Numbers that come out for each row.</summary>
    public int Outputs { get; }

    /// <summary>Numbers of a row between the blocks, and inside them.</summary>
    public int Width { get; }

    /// <summary>relu, gelu or tanh.</summary>
    public string Activation { get; }

    /// <summary>none, layer or batch.</summary>
    public string Norm { get; }

    /// <summary>The probability with which training drops a number inside a block.</summary>
    public double Dropout { get; }

    /// <summary>Whether blocks add their input.</summary>
    public bool HasShortcut { get; }

    /// <summary>The blocks, first to last: <see cref="Module.RegisterBackwardHook"/> on them shows how far a gradient comes.</summary>
    public Sequential Blocks => _blocks;

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor current = _stem.Forward(input);
        current = Donate(current, _blocks.Forward(current));
        if (_norm is not null)
        {
            current = Donate(current, _norm.Forward(current));
        }

        current = Donate(current, _activation.Forward(current));
        return Donate(current, _head.Forward(current));
    }
}
