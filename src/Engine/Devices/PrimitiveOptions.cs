using Engine.Tensors;

namespace Engine.Devices;

/// <summary>Which outputs of a normalisation's backward are added to what they hold.</summary>
[Flags]
public enum NormAccumulate
{
    /// <summary>All are overwritten.</summary>
    None = 0,

    /// <summary>The gradient by the input.</summary>
    Input = 1,

    /// <summary>The gradient by the shortcut.</summary>
    Shortcut = 2,

    /// <summary>The gradient by gamma.</summary>
    Gamma = 4,

    /// <summary>The gradient by beta.</summary>
    Beta = 8,
}

/// <summary>A statistic over all elements of a tensor.</summary>
public enum Reduction
{
    /// <summary>The sum.</summary>
    Sum,

    /// <summary>The mean.</summary>
    Mean,

    /// <summary>The biased variance: the mean squared distance from the mean.</summary>
    Variance,

    /// <summary>The Euclidean norm: the root of the sum of squares.</summary>
    Norm,

    /// <summary>How many elements are infinite or not a number.</summary>
    NonFinite,
}

/// <summary>One parameter of an optimiser's step.</summary>
/// <param name="Value">The parameter, updated in place.</param>
/// <param name="Gradient">The gradient of the loss by it, of the same shape.</param>
/// <param name="Velocity">The momentum buffer, of the same shape, updated in place; null when momentum is 0.</param>
/// <param name="WeightDecay">The factor of the L2 penalty's gradient.</param>
public readonly record struct SgdParameter(Tensor Value, Tensor Gradient, Tensor? Velocity, double WeightDecay);

/// <summary>The figures of one step of stochastic gradient descent.</summary>
/// <param name="LearningRate">The step's length.</param>
/// <param name="Momentum">The share of the last velocity that is kept, 0.9 as a rule.</param>
/// <param name="Nesterov">Whether the gradient is looked up ahead of the velocity.</param>
public readonly record struct SgdOptions(double LearningRate, double Momentum, bool Nesterov);
