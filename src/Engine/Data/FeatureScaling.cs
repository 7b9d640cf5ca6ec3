namespace Engine.Data;

/// <summary>
/// Standardization of numbers: (x - mean) / deviation, with a mean and a deviation for each place along the last axis, learned on the samples that are trained
/// on and kept with the weights. The deviation is the population's (n), as scikit-learn's StandardScaler has it; a feature that never changes is not scaled.
/// </summary>
public sealed class FeatureScaling
{
    private readonly double[] _mean;
    private readonly double[] _deviation;

    private FeatureScaling(double[] mean, double[] deviation) => (_mean, _deviation) = (mean, deviation);

    /// <summary>What is subtracted: one number for each place along the last axis.</summary>
    public ReadOnlySpan<double> Mean => _mean;

    /// <summary>What is divided by, above zero: one number for each place along the last axis.</summary>
    public ReadOnlySpan<double> Deviation => _deviation;

    /// <summary>Leaves numbers as they are.</summary>
    /// <param name="length">Places along the last axis.</param>
    public static FeatureScaling None(int length) => new(new double[length], [.. Enumerable.Repeat(1.0, length)]);

    /// <summary>Given constants.</summary>
    /// <param name="mean">What is subtracted.</param>
    /// <param name="deviation">What is divided by, as many numbers.</param>
    /// <exception cref="EngineException">The lengths differ, a number is not finite, or a deviation is not above zero.</exception>
    public static FeatureScaling Constant(ReadOnlySpan<double> mean, ReadOnlySpan<double> deviation)
    {
        if (mean.Length != deviation.Length || mean.Length == 0)
        {
            throw new EngineException($"scaling: {mean.Length} means and {deviation.Length} deviations were given; expected one of each for every feature");
        }

        int wrong = FirstUnsound(mean, deviation);
        return wrong < 0
            ? new FeatureScaling(mean.ToArray(), deviation.ToArray())
            : throw new EngineException(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"scaling: feature {wrong} has mean {mean[wrong]} and deviation {deviation[wrong]}; expected finite numbers, and a deviation above zero"));
    }

    /// <summary>Whether <see cref="Constant"/> takes these means and deviations for so many places.</summary>
    internal static bool IsSound(double[] mean, double[] deviation, int length) =>
        mean.Length == length && deviation.Length == length && FirstUnsound(mean, deviation) < 0;

    /// <summary>The means and deviations of some numbers.</summary>
    /// <param name="numbers">[..., length].</param>
    /// <param name="length">Places along the last axis.</param>
    /// <exception cref="EngineException">There are no numbers, or no whole number of rows.</exception>
    public static FeatureScaling Of(ReadOnlySpan<float> numbers, int length)
    {
        if (length < 1 || numbers.Length == 0 || numbers.Length % length != 0)
        {
            throw new EngineException($"scaling: {numbers.Length:N0} numbers are no whole number of rows of {length:N0}, of which at least one is needed");
        }

        // Two passes, so that a mean far from zero costs no digits of the deviation.
        double rows = numbers.Length / length;
        double[] mean = new double[length];
        double[] deviation = new double[length];
        for (int i = 0; i < numbers.Length; i++)
        {
            mean[i % length] += numbers[i] / rows;
        }

        for (int i = 0; i < numbers.Length; i++)
        {
            double distance = numbers[i] - mean[i % length];
            deviation[i % length] += distance * distance / rows;
        }

        // What differs by rounding alone is a constant.
        for (int c = 0; c < length; c++)
        {
            double root = Math.Sqrt(deviation[c]);
            deviation[c] = root > Math.Abs(mean[c]) * 1e-7 ? root : 1;
        }

        return new FeatureScaling(mean, deviation);
    }

    private static int FirstUnsound(ReadOnlySpan<double> mean, ReadOnlySpan<double> deviation)
    {
        for (int i = 0; i < mean.Length; i++)
        {
            if (!double.IsFinite(mean[i]) || !(deviation[i] > 0) || !double.IsFinite(deviation[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Standardizes numbers.</summary>
    /// <param name="numbers">[..., length].</param>
    /// <param name="into">Room for as many; may be the same.</param>
    public void Apply(ReadOnlySpan<float> numbers, Span<float> into)
    {
        for (int i = 0, c = 0; i < numbers.Length; i++, c = c + 1 == _mean.Length ? 0 : c + 1)
        {
            into[i] = (float)((numbers[i] - _mean[c]) / _deviation[c]);
        }
    }

    /// <summary>Takes standardized numbers back to what they were: x * deviation + mean.</summary>
    /// <param name="numbers">[..., length].</param>
    /// <param name="into">Room for as many; may be the same.</param>
    public void Undo(ReadOnlySpan<float> numbers, Span<float> into)
    {
        for (int i = 0, c = 0; i < numbers.Length; i++, c = c + 1 == _mean.Length ? 0 : c + 1)
        {
            into[i] = (float)((numbers[i] * _deviation[c]) + _mean[c]);
        }
    }
}
