namespace Engine;

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

/// <summary>One parameter of an optimizer's step, or one weight of a moving average.</summary>
/// <param name="Value">The parameter, updated in place.</param>
/// <param name="Gradient">The gradient of the loss with respect to it, of the same shape; of a moving average, the weight that it follows.</param>
/// <param name="First">The optimizer's first state of the same shape, updated in place: velocity or mean of the gradients; null where it has none.</param>
/// <param name="Second">Its second state: mean of the squared gradients; null where it has none.</param>
/// <param name="WeightDecay">Factor of the weight decay.</param>
/// <param name="RateFactor">Factor of this parameter's learning rate.</param>
public readonly record struct ParameterUpdate(
    Tensor Value, Tensor Gradient, Tensor? First = null, Tensor? Second = null, double WeightDecay = 0, double RateFactor = 1);
