using System.Globalization;

namespace Engine.Kernels.Convolutions;

/// <summary>What samples say of a convolution's result.</summary>
internal enum SampleVerdict
{
    /// <summary>All are as they should be.</summary>
    Right,

    /// <summary>One is not.</summary>
    Wrong,

    /// <summary>All products are zero or not finite, so that nothing can be said.</summary>
    Nothing,
}

/// <summary>
/// Judges samples of a convolution's result: each has what it should be, what it is, and the sum of the absolute products m. Rounding
/// may move a sum by a small share of m, whatever the order of summation, and the result's own type may round it once more.
/// </summary>
internal static class SampleJudge
{
    /// <summary>How many elements of a result are looked at.</summary>
    internal const int Samples = 256;

    /// <summary>Floats a sample.</summary>
    internal const int Width = 3;

    /// <summary>The verdict, and in one line what is wrong.</summary>
    internal static (SampleVerdict Verdict, string? Problem) Judge(ReadOnlySpan<float> samples, CudaPrecision precision)
    {
        bool saysSomething = false;
        for (int i = 0; i < samples.Length; i += Width)
        {
            (double expected, double actual, double magnitude) = (samples[i], samples[i + 1], samples[i + 2]);
            if (!double.IsFinite(magnitude))
            {
                continue;
            }

            if (!double.IsFinite(actual) || Math.Abs(actual - expected) > Tolerance(precision, expected, magnitude))
            {
                return (SampleVerdict.Wrong, string.Create(CultureInfo.InvariantCulture, $"gave {actual:g6} where {expected:g6} is right"));
            }

            saysSomething |= magnitude > 0;
        }

        return (saysSomething ? SampleVerdict.Right : SampleVerdict.Nothing, null);
    }

    // fp32: Winograd's algorithm on large tiles is the least exact. tf32: both factors are rounded to 2^-11. bf16: the products are exact,
    // sums are 32-bit, and so is all but the last rounding, to 2^-9; engines that sum in parts may round the parts as well.
    private static double Tolerance(CudaPrecision precision, double expected, double magnitude) => precision switch
    {
        CudaPrecision.Float32 => (1e-4 * magnitude) + 1e-30,
        CudaPrecision.TensorFloat32 => (2e-3 * magnitude) + 1e-30,
        _ => (4e-3 * magnitude) + (Math.Abs(expected) / 128) + 1e-30,
    };
}
