using Engine.Layers;

namespace Engine.Cli;

/// <summary>The network that rows of a table go through: a multilayer perceptron.</summary>
internal static class TableNetwork
{
    /// <summary>What runs call it.</summary>
    public const string Name = "mlp";

    /// <summary>The most units of a layer.</summary>
    public const int MostUnits = 1 << 16;

    /// <summary>Linear layers with ReLU, and dropout where it is asked for, between them.</summary>
    /// <param name="features">Numbers that come in.</param>
    /// <param name="choices">The hidden layers.</param>
    /// <param name="outputs">Classes, labels or values.</param>
    public static Module Create(int features, TableChoices choices, int outputs)
    {
        List<Module> layers = [];
        int inputs = features;
        foreach (int units in choices.Hidden)
        {
            layers.Add(new Linear(inputs, units));
            layers.Add(new ReLU());
            if (choices.Dropout > 0)
            {
                layers.Add(new Dropout(choices.Dropout));
            }

            inputs = units;
        }

        return new Sequential([.. layers, new Linear(inputs, outputs)]);
    }
}
