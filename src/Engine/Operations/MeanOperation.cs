namespace Engine;

/// <summary>
/// y = the mean of all x, a single number. It is a <see cref="SumOperation"/> over the count, and so is its backward: dx = dy / count at every element.
/// </summary>
public static class MeanOperation
{
    /// <summary>Averages all elements of a tensor of any shape into one number, of shape [].</summary>
    /// <exception cref="ShapeException">There are no elements.</exception>
    public static Tensor Apply(Tensor input) => input.Shape.ElementCount == 0
        ? throw new ShapeException($"mean: input {input.Shape} has no elements to average")
        : SumOperation.Apply(input, Reduction.Mean, 1.0 / input.Shape.ElementCount);
}
