namespace Engine.Vision;

/// <summary>How a resize weighs the pixels around a point.</summary>
public enum ResizeFilter
{
    /// <summary>A triangle, one pixel of the smaller image to each side: what torchvision resizes with.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, two pixels to each side.</summary>
    Bicubic,
}

/// <summary>The weights of one axis of a resize: for each place of the output, which pixels of the input count how much.</summary>
/// <remarks>
/// Pillow's rule (Resample.c): in place i of n, over an input of size m, s = m / n, the center lies at (i + 1/2) s; the filter is
/// stretched by max(1, s), which is the antialiasing; weights sum to 1 and are rounded to 22 bits after the point.
/// </remarks>
internal sealed class ResizeAxis
{
    /// <summary>Bits after the point: 32, less 8 of a pixel, less 2 for the overshoot of a cubic and the sign.</summary>
    public const int Precision = 32 - 8 - 2;
    private double[] _exact = [];

    /// <summary>The most pixels that count for a place.</summary>
    public int Taps { get; private set; }

    /// <summary>For each place the first pixel that counts: [places].</summary>
    public int[] First { get; private set; } = [];

    /// <summary>For each place the pixels that count: [places].</summary>
    public int[] Count { get; private set; } = [];

    /// <summary>The weights, times 2^22: [places, Taps].</summary>
    public int[] Weights { get; private set; } = [];

    /// <summary>Computes the weights of some places.</summary>
    /// <param name="input">The input's size in pixels.</param>
    /// <param name="output">The output's size in pixels.</param>
    /// <param name="start">The first place that is wanted.</param>
    /// <param name="places">How many places are wanted.</param>
    /// <param name="filter">What weighs.</param>
    public void Prepare(int input, int output, int start, int places, ResizeFilter filter)
    {
        double scale = (double)input / output;
        double stretch = Math.Max(scale, 1.0);
        double support = (filter == ResizeFilter.Bilinear ? 1.0 : 2.0) * stretch;
        Taps = ((int)Math.Ceiling(support) * 2) + 1;
        if (First.Length < places)
        {
            (First, Count) = (new int[places], new int[places]);
        }

        if (Weights.Length < places * Taps)
        {
            Weights = new int[places * Taps];
        }

        if (_exact.Length < Taps)
        {
            _exact = new double[Taps];
        }

        for (int i = 0; i < places; i++)
        {
            double center = (start + i + 0.5) * scale;
            int first = Math.Max(0, (int)(center - support + 0.5));
            int count = Math.Min(input, (int)(center + support + 0.5)) - first;
            double sum = 0;
            for (int t = 0; t < count; t++)
            {
                double x = (t + first - center + 0.5) * (1.0 / stretch);
                _exact[t] = filter == ResizeFilter.Bilinear ? Triangle(x) : Cubic(x);
                sum += _exact[t];
            }

            Span<int> weights = Weights.AsSpan(i * Taps, Taps);
            for (int t = 0; t < count; t++)
            {
                double weight = (sum != 0 ? _exact[t] / sum : _exact[t]) * (1 << Precision);
                weights[t] = (int)(weight < 0 ? weight - 0.5 : weight + 0.5);
            }

            // Weights of nothing at the ends cost time and change nothing.
            while (count > 1 && weights[count - 1] == 0)
            {
                count--;
            }

            (First[i], Count[i]) = (first, count);
        }
    }

    private static double Triangle(double x) => Math.Max(0, 1 - Math.Abs(x));

    private static double Cubic(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return x < 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * a
            : 0;
    }
}
