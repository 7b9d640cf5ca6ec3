using System.Globalization;
using Engine.Layers;

namespace Engine.Models;

/// <summary>
/// A multilayer perceptron, for tables: [N, inputs] to [N, outputs]. Each hidden layer is a linear layer, a normalization, an activation
/// and dropout, where there are such; the last layer is linear alone, so that its outputs are logits or figures. Layers are named 0, 1, 2 ...,
/// as those of a torch.nn.Sequential of the same layers, and state dictionaries pass both ways. Inputs of other ranks, [.., inputs], are taken
/// as well; with batch norm, [N, inputs] and [N, L, inputs].
/// </summary>
public sealed class Mlp : Module
{
    /// <summary>Makes the network.</summary>
    /// <param name="inputs">Columns of the table.</param>
    /// <param name="hidden">The width of each hidden layer; none makes a linear model.</param>
    /// <param name="outputs">Classes, or figures to predict.</param>
    /// <param name="activation">relu, gelu or tanh.</param>
    /// <param name="norm">none, layer or batch.</param>
    /// <param name="dropout">The probability with which training drops a hidden number, from 0 to below 1.</param>
    /// <exception cref="EngineException">A name is unknown, or the probability is out of its range.</exception>
    /// <exception cref="ShapeException">A width is below 1.</exception>
    public Mlp(int inputs, IReadOnlyList<int> hidden, int outputs, string activation = "relu", string norm = "none", double dropout = 0)
    {
        (Inputs, Outputs) = (inputs, outputs);
        (Hidden, Activation, Norm, Dropout) = ([.. hidden], activation, norm, dropout);
        int width = inputs;
        foreach (int next in hidden)
        {
            Add(new Linear(width, next));
            if (MlpLayers.Norm(nameof(Mlp), norm, next) is { } normalization)
            {
                Add(normalization);
            }

            Add(MlpLayers.Activation(nameof(Mlp), activation));
            if (dropout != 0)
            {
                Add(new Dropout(dropout));
            }

            width = next;
        }

        Add(new Linear(width, outputs));
    }

    /// <summary>Columns of the table.</summary>
    public int Inputs { get; }

    /// <summary>Numbers that come out for each row.</summary>
    public int Outputs { get; }

    /// <summary>The width of each hidden layer.</summary>
    public IReadOnlyList<int> Hidden { get; }

    /// <summary>relu, gelu or tanh.</summary>
    public string Activation { get; }

    /// <summary>none, layer or batch.</summary>
    public string Norm { get; }

    /// <summary>The probability with which training drops a hidden number.</summary>
    public double Dropout { get; }

    /// <inheritdoc/>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor current = input;
        foreach ((_, Module layer) in Children)
        {
            current = ReferenceEquals(current, input) ? layer.Forward(current) : Donate(current, layer.Forward(current));
        }

        return current;
    }

    private void Add(Module layer) => AddChild(Children.Count.ToString(CultureInfo.InvariantCulture), layer);
}
