namespace Engine;

/// <summary>
/// The standard normal distribution in double precision. erfc is W. J. Cody's ("Rational Chebyshev Approximations for the Error Function",
/// Mathematics of Computation 23, 1969; coefficients as in his CALERF of SPECFUN): each interval has one quotient of two polynomials, and
/// the relative error stays below 1e-15 on both sides, also where erfc is far smaller than 1.
/// </summary>
internal static class NormalDistribution
{
    private static readonly double[] SmallTop =
        [1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3];

    private static readonly double[] SmallBottom =
        [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3];

    private static readonly double[] MiddleTop =
    [
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
        1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
    ];

    private static readonly double[] MiddleBottom =
    [
        1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
        3.43936767414372164e3, 1.23033935480374942e3,
    ];

    private static readonly double[] LargeTop =
    [
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4,
    ];

    private static readonly double[] LargeBottom =
        [1, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3];

    /// <summary>Φ(x): the probability of a number below x.</summary>
    public static double Cumulative(double x) => 0.5 * Erfc(-x / Math.Sqrt(2));

    /// <summary>φ(x) = exp(-x² / 2) / sqrt(2 π).</summary>
    public static double Density(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>1 - erf(x) = 2 / sqrt(π) times the integral of exp(-t²) from x to infinity.</summary>
    public static double Erfc(double x)
    {
        double y = Math.Abs(x);
        if (y <= 0.46875)
        {
            return 1 - (x * Quotient(SmallTop, SmallBottom, y * y));
        }

        // Beyond 27 the smallest double is too large.
        if (!(y <= 28))
        {
            return double.IsNaN(x) ? x : x > 0 ? 0 : 2;
        }

        double value = Scale(y);
        if (y <= 4)
        {
            value *= Quotient(MiddleTop, MiddleBottom, y);
        }
        else
        {
            double z = 1 / (y * y);
            value *= ((1 / Math.Sqrt(Math.PI)) - (z * Quotient(LargeTop, LargeBottom, z))) / y;
        }

        return x < 0 ? 2 - value : value;
    }

    // exp(-y²), y² split so that the large part is exact: rounding y² would cost as many digits as it has before the point.
    private static double Scale(double y)
    {
        double head = Math.Truncate(y * 16) / 16;
        return Math.Exp(-head * head) * Math.Exp(-(y - head) * (y + head));
    }

    // Coefficients from the highest power to the lowest.
    private static double Quotient(double[] top, double[] bottom, double x)
    {
        (double a, double b) = (top[0], bottom[0]);
        for (int i = 1; i < top.Length; i++)
        {
            (a, b) = ((a * x) + top[i], (b * x) + bottom[i]);
        }

        return a / b;
    }
}
