namespace Engine.Verification;

/// <summary>How a <see cref="GradientCheck"/> takes its differences.</summary>
public sealed record GradientCheckOptions
{
    /// <summary>The options of a check that is given none.</summary>
    public static GradientCheckOptions Default { get; } = new();

    /// <summary>
    /// The step of the differences, h; they evaluate the function at x - 2h, x - h, x + h and x + 2h. The fourth-order formula is
    /// off by about h^4 from the truncated series and by 1e-16 / h from rounding: 1e-4 makes both negligible beside 1e-6.
    /// </summary>
    public double Step { get; init; } = 1e-4;

    /// <summary>
    /// Where a step straddles a kink, a tenth of it is tried, and so on down to this. In a network of thousands of ReLUs
    /// some unit is always close to zero, but at a point of the function that is smooth a small enough step does not reach it.
    /// </summary>
    public double SmallestStep { get; init; } = 1e-8;

    /// <summary>How many elements of each input are checked, drawn at random; null for all. The cost is four evaluations an element.</summary>
    public int? MaximumElements { get; init; }

    /// <summary>From what the weights that contract the output and the sample of elements are drawn.</summary>
    public long Seed { get; init; }
}
