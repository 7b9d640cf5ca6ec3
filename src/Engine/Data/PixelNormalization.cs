namespace Engine.Data;

/// <summary>How pixels become numbers: (pixel / 255 - mean) / deviation, by channel; the mean may also be by pixel and channel.</summary>
public sealed class PixelNormalization
{
    private readonly double[] _mean;
    private readonly double[] _deviation;

    private PixelNormalization(double[] mean, double[] deviation)
    {
        _mean = mean;
        _deviation = deviation;
    }

    /// <summary>The constants that ImageNet's models were trained with, for three channels.</summary>
    public static PixelNormalization ImageNet { get; } = new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>What is subtracted, in units of pixel / 255: [C], or [H, W, C] where <see cref="IsPerPixel"/>.</summary>
    public ReadOnlySpan<double> Mean => _mean;

    /// <summary>What is divided by, in units of pixel / 255: [C].</summary>
    public ReadOnlySpan<double> Deviation => _deviation;

    /// <summary>Whether each pixel has a mean of its own.</summary>
    public bool IsPerPixel => _mean.Length != _deviation.Length;

    /// <summary>Given constants, by channel.</summary>
    /// <param name="mean">[C], in units of pixel / 255.</param>
    /// <param name="deviation">[C], above zero.</param>
    /// <exception cref="EngineException">The lengths differ, or a deviation is not above zero.</exception>
    public static PixelNormalization Constant(ReadOnlySpan<double> mean, ReadOnlySpan<double> deviation) => Constant(mean, deviation, isPerPixel: false);

    /// <summary>Given constants, with a mean by channel or by pixel and channel.</summary>
    internal static PixelNormalization Constant(ReadOnlySpan<double> mean, ReadOnlySpan<double> deviation, bool isPerPixel)
    {
        if ((!isPerPixel && mean.Length != deviation.Length) || mean.Length == 0 || deviation.Length == 0)
        {
            throw new EngineException(
                $"normalization: {mean.Length} means and {deviation.Length} deviations were given; expected one of each for every channel");
        }

        foreach (double d in deviation)
        {
            if (!(d > 0 && double.IsFinite(d)))
            {
                throw new EngineException($"normalization: a deviation is {d}; expected a finite number above zero");
            }
        }

        return new PixelNormalization(mean.ToArray(), deviation.ToArray());
    }

    /// <summary>The ways to normalize, by name: by the training set's channels, by its mean at each pixel, by ImageNet's constants, or only divided by 255.</summary>
    public static IReadOnlyList<string> Names { get; } = ["dataset", "pixel", "imagenet", "none"];

    /// <summary>One of <see cref="Names"/> for a data set.</summary>
    /// <exception cref="EngineException">There is no such name, or it does not fit the set's channels.</exception>
    public static PixelNormalization Named(string name, ImageDataset data) => name switch
    {
        "dataset" => PerChannel(data.Train),
        "pixel" => PerPixelMean(data.Train),
        "none" => None(data.Train.Channels),
        "imagenet" => data.Train.Channels == 3
            ? ImageNet
            : throw new EngineException($"normalization imagenet is for color images, but {data.Name} has {data.Train.Channels} channel"),
        _ => throw new EngineException($"there is no normalization '{name}'; there are {string.Join(", ", Names)}"),
    };

    /// <summary>Only pixel / 255, for any number of channels.</summary>
    public static PixelNormalization None(int channels)
    {
        double[] ones = new double[channels];
        Array.Fill(ones, 1.0);
        return new PixelNormalization(new double[channels], ones);
    }

    /// <summary>
    /// The mean and the standard deviation (of a sample, n - 1) of each channel over all pixels of a source; a channel that never
    /// changes is not scaled. The sums are exact integers.
    /// </summary>
    /// <exception cref="EngineException">The source is empty.</exception>
    public static PixelNormalization PerChannel(IImageSource source)
    {
        CheckNotEmpty(source);
        int channels = source.Channels;
        long[] sums = new long[channels];
        long[] squares = new long[channels];
        byte[] pixels = new byte[source.ImageBytes];
        for (int i = 0; i < source.Count; i++)
        {
            source.Read(i, pixels);
            for (int c = 0; c < channels; c++)
            {
                (long sum, long square) = Sum(pixels, c, channels);
                sums[c] += sum;
                squares[c] += square;
            }
        }

        double n = (double)source.Count * source.Height * source.Width;
        double[] mean = new double[channels];
        double[] deviation = new double[channels];
        for (int c = 0; c < channels; c++)
        {
            double average = sums[c] / n;
            double variance = n > 1 ? (squares[c] - (average * sums[c])) / (n - 1) : 0;
            mean[c] = average / 255;
            deviation[c] = variance > 0 ? Math.Sqrt(variance) / 255 : 1;
        }

        return new PixelNormalization(mean, deviation);
    }

    /// <summary>The mean of each pixel and channel over a source, and no scaling: the paper's recipe for CIFAR.</summary>
    /// <exception cref="EngineException">The source is empty.</exception>
    public static PixelNormalization PerPixelMean(IImageSource source)
    {
        CheckNotEmpty(source);
        byte[] pixels = new byte[source.ImageBytes];
        long[] sums = new long[pixels.Length];
        for (int i = 0; i < source.Count; i++)
        {
            source.Read(i, pixels);
            for (int p = 0; p < pixels.Length; p++)
            {
                sums[p] += pixels[p];
            }
        }

        return new PixelNormalization(Array.ConvertAll(sums, s => s / (255.0 * source.Count)), [.. Enumerable.Repeat(1.0, source.Channels)]);
    }

    private static (long Sum, long Square) Sum(byte[] pixels, int start, int stride)
    {
        long sum = 0;
        long square = 0;
        for (int p = start; p < pixels.Length; p += stride)
        {
            int value = pixels[p];
            sum += value;
            square += value * value;
        }

        return (sum, square);
    }

    private static void CheckNotEmpty(IImageSource source)
    {
        if (source.Count == 0)
        {
            throw new EngineException("normalization: the source has no image to compute a mean over");
        }
    }
}
