namespace Engine.Verification;

/// <summary>What one check found.</summary>
/// <param name="Name">The check's name.</param>
/// <param name="Primitive">The primitive of <see cref="Device"/> that it exercises.</param>
/// <param name="Error">
/// The relative error of the output that came closest to, or went furthest past, its tolerance: the norm of the difference from
/// the Reference device over the norm of the Reference's result. For integers, the share of elements that differ. Infinite where
/// a number is missing, NaN in the wrong place, or where the primitive threw.
/// </param>
/// <param name="Tolerance">What that error may be.</param>
/// <param name="Failure">What is wrong, in one line; null when the check passed.</param>
/// <param name="Fingerprint">A hash of every bit that the device wrote: two runs with one seed agree on it where the device repeats itself exactly.</param>
public sealed record CheckResult(string Name, string Primitive, double Error, double Tolerance, string? Failure, ulong Fingerprint)
{
    /// <summary>Whether the device did as the Reference does, within the tolerance.</summary>
    public bool Passed => Failure is null;

    /// <summary>One line for people.</summary>
    public override string ToString() => $"{(Passed ? "ok    " : "FAILED")} {Name}: error {Error:0.0e+0} of {Tolerance:0.0e+0}{(Passed ? "" : $": {Failure}")}";
}
