namespace Engine.TensorBoard;

/// <summary>How numbers are spread: counts of equally wide intervals from the least to the greatest, and their moments.</summary>
public sealed class Histogram
{
    private Histogram(double min, double max, double sum, double sumOfSquares, double[] limits, double[] counts) =>
        (Min, Max, Sum, SumOfSquares, Limits, Counts) = (min, max, sum, sumOfSquares, limits, counts);

    /// <summary>The least number.</summary>
    public double Min { get; }

    /// <summary>The greatest number.</summary>
    public double Max { get; }

    /// <summary>The sum of the numbers.</summary>
    public double Sum { get; }

    /// <summary>The sum of the numbers' squares.</summary>
    public double SumOfSquares { get; }

    /// <summary>The upper end of each interval; the first begins at <see cref="Min"/>.</summary>
    public IReadOnlyList<double> Limits { get; }

    /// <summary>How many numbers lie in each interval.</summary>
    public IReadOnlyList<double> Counts { get; }

    /// <summary>How many numbers there are.</summary>
    public double Count => Counts.Sum();

    /// <summary>Counts numbers; those that are infinite or NaN are left out.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="intervals">How many intervals, at least 1; there is one where all numbers are equal.</param>
    /// <returns>Null where no number is finite.</returns>
    public static Histogram? Of(ReadOnlySpan<float> values, int intervals = 30)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(intervals);
        double min = double.PositiveInfinity, max = double.NegativeInfinity, sum = 0, squares = 0;
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                min = Math.Min(min, value);
                max = Math.Max(max, value);
                sum += value;
                squares += (double)value * value;
            }
        }

        if (min > max)
        {
            return null;
        }

        intervals = min == max ? 1 : intervals;
        double[] limits = new double[intervals], counts = new double[intervals];
        for (int i = 0; i < intervals; i++)
        {
            limits[i] = i == intervals - 1 ? max : min + ((max - min) * (i + 1) / intervals);
        }

        double perUnit = min == max ? 0 : intervals / (max - min);
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                counts[Math.Min(intervals - 1, (int)((value - min) * perUnit))]++;
            }
        }

        return new Histogram(min, max, sum, squares, limits, counts);
    }
}
