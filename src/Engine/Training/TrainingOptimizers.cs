using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>The optimizers that a run's options can name. Another one is a line here; a program's own is given to the trainer as it is.</summary>
public static class TrainingOptimizers
{
    private static readonly Dictionary<string, Func<IReadOnlyList<ParameterGroup>, TrainingOptions, Optimizer>> Makers = new()
    {
        ["sgd"] = (groups, options) => new Sgd(groups, options.LearningRate, options.Momentum, options.WeightDecay, options.Nesterov),
        ["adamw"] = (groups, options) => new AdamW(groups, options.LearningRate, options.Beta1, options.Beta2, options.Epsilon, options.WeightDecay),
    };

    /// <summary>The names that <see cref="Create"/> knows: sgd and adamw.</summary>
    public static IReadOnlyCollection<string> Names => Makers.Keys;

    /// <summary>Makes the optimizer that options name.</summary>
    /// <param name="options">Its name and figures.</param>
    /// <param name="model">A model that has been put on a device.</param>
    /// <exception cref="EngineException">There is none of that name, or a figure is out of its range.</exception>
    public static Optimizer Create(TrainingOptions options, Module model) => Makers.TryGetValue(
        options.Optimizer, out Func<IReadOnlyList<ParameterGroup>, TrainingOptions, Optimizer>? make)
        ? make(options.NormAndBiasDecay ? [new ParameterGroup(model.Parameters)] : ParameterGroup.WithoutNormAndBiasDecay(model), options)
        : throw new EngineException($"there is no optimizer '{options.Optimizer}'; there are {string.Join(", ", Names)}");

    /// <summary>Options with another optimizer and the learning rate and weight decay that are usual for it: of AdamW, PyTorch's 0.001 and 0.01.</summary>
    public static TrainingOptions WithOptimizer(this TrainingOptions options, string name) => name == options.Optimizer
        ? options
        : name == "adamw" ? options with { Optimizer = name, LearningRate = 1e-3, WeightDecay = 1e-2 } : options with { Optimizer = name };
}
