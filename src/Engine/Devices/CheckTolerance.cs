namespace Engine;

/// <summary>How far a device's results may be from the Reference's, as relative errors of whole tensors.</summary>
/// <param name="Elementwise">For results that take a handful of roundings each.</param>
/// <param name="Sums">For results that sum many terms: products, convolutions, statistics and their gradients.</param>
public sealed record CheckTolerance(double Elementwise, double Sums)
{
    /// <summary>The tolerance that a device which computes in this type and rounds once an operation keeps.</summary>
    public static CheckTolerance For(DataType type) => type switch
    {
        DataType.Float64 => new CheckTolerance(1e-12, 1e-11),
        DataType.BFloat16 => new CheckTolerance(1e-2, 2e-2),
        _ => new CheckTolerance(1e-5, 1e-4),
    };
}

/// <summary>Which tolerance applies to an output.</summary>
internal enum Accuracy
{
    /// <summary>None: every element must be the Reference's.</summary>
    Exact,

    /// <summary><see cref="CheckTolerance.Elementwise"/>.</summary>
    Elementwise,

    /// <summary><see cref="CheckTolerance.Sums"/>.</summary>
    Sum,
}
