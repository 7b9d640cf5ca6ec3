namespace Engine;

/// <summary>Where a gradient goes: what a primitive's backward writes, and what <see cref="Operation.Target"/> gives for an input.</summary>
/// <param name="Gradient">The tensor to write; null where nobody wants this gradient, which a primitive then leaves out.</param>
/// <param name="Accumulate">Whether to add to what it holds (another use of the input was there first) or to overwrite it.</param>
public readonly record struct GradientTarget(Tensor? Gradient, bool Accumulate)
{
    /// <summary>A tensor to overwrite; null for a gradient that nobody wants.</summary>
    public static implicit operator GradientTarget(Tensor? gradient) => new(gradient, Accumulate: false);
}
