using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>Parameters that an optimizer updates with figures of their own.</summary>
/// <param name="parameters">The parameters with their names, as <see cref="Module.Parameters"/> has them.</param>
public sealed class ParameterGroup(IEnumerable<(string Name, Parameter Parameter)> parameters)
{
    /// <summary>The parameters, with their names.</summary>
    public IReadOnlyList<(string Name, Parameter Parameter)> Parameters { get; } = [.. parameters];

    /// <summary>Factor of the weight decay, 0 or more; null for the optimizer's own.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>Factor of the optimizer's learning rate for these parameters, 0 or more: 0.1 to train a backbone ten times slower than its head.</summary>
    public double RateFactor { get; init; } = 1;

    /// <summary>
    /// All parameters of a model in two groups: weights of convolutions and linear layers, which decay, and vectors (biases, and gamma and
    /// beta of norms), which do not.
    /// </summary>
    public static IReadOnlyList<ParameterGroup> WithoutNormAndBiasDecay(Module model) =>
    [
        new(model.Parameters.Where(p => p.Parameter.Shape.Rank > 1)),
        new(model.Parameters.Where(p => p.Parameter.Shape.Rank <= 1)) { WeightDecay = 0 },
    ];
}
