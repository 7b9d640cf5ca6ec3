using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>Means and summed squared distances from them, channel by channel, over any number of pixels in blocks.</summary>
/// <remarks>
/// Each block is read once, shifted by the mean of its first sixteenth, so that nothing cancels, however far the mean is from zero:
/// with k of a block's n values averaging c, the squared distances M from the mean are at least k (c - mean)^2, and so the correction
/// n (c - mean)^2 is at most n / k = 16 times M. Blocks are joined in double precision. Both formulas are from T. Chan, G. Golub,
/// R. LeVeque, "Algorithms for computing the sample variance: analysis and recommendations", 1983.
/// </remarks>
internal static unsafe class Moments
{
    private const int SampledShare = 16;

    /// <summary>Floats of scratch memory that <see cref="Add{S, V}"/> needs.</summary>
    public static int WorkFloats(ChannelTile tile) => 3 * tile.Length;

    /// <summary>Joins the moments of <paramref name="pixels"/> more pixels to those of <paramref name="count"/> earlier ones.</summary>
    /// <param name="input">The first of the pixels.</param>
    /// <param name="pixels">How many there are.</param>
    /// <param name="tile">How they are cut into vectors.</param>
    /// <param name="work">Scratch memory.</param>
    /// <param name="count">How many pixels are in the moments already, which are zeros where there are none.</param>
    /// <param name="means">C means, updated.</param>
    /// <param name="squares">C sums of squared distances from the mean, updated.</param>
    public static void Add<S, V>(float* input, int pixels, ChannelTile tile, float* work, long count, double* means, double* squares)
        where S : struct, ISimd<V> where V : struct
    {
        for (int start = 0; start < pixels; start += tile.BlockPixels)
        {
            int block = Math.Min(tile.BlockPixels, pixels - start);
            AddBlock<S, V>(input + ((nint)start * tile.Channels), block, tile, work, count, means, squares);
            count += block;
        }
    }

    /// <summary>Joins two channels' moments: those of <paramref name="count"/> values, zeros where there are none, and those of more values.</summary>
    /// <param name="mean">The mean, updated.</param>
    /// <param name="squares">The sum of squared distances from it, updated.</param>
    /// <param name="count">How many values these are of.</param>
    /// <param name="share">The share of the added values in all.</param>
    /// <param name="addedMean">The mean of the added values.</param>
    /// <param name="addedSquares">The sum of their squared distances from it.</param>
    public static void Join(ref double mean, ref double squares, long count, double share, double addedMean, double addedSquares)
    {
        double distance = addedMean - mean;
        mean += distance * share;
        squares += addedSquares + (distance * distance * share * count);
    }

    private static void AddBlock<S, V>(float* input, int pixels, ChannelTile tile, float* work, long count, double* means, double* squares)
        where S : struct, ISimd<V> where V : struct
    {
        float* center = work;
        float* distanceSums = work + tile.Length;
        float* squareSums = distanceSums + tile.Length;
        new Span<float>(work, 3 * tile.Length).Clear();
        PlainSums plain = new(input, tile.Length, center);
        int sample = Math.Min(pixels, tile.BlockPixels / SampledShare);
        ColumnSums.Add<PlainSums, S, V>(ref plain, tile, 0, sample);
        for (int c = 0; c < tile.Channels; c++)
        {
            center[c] = (float)(tile.Fold(center, c) / sample);
        }

        tile.Repeat(center);
        DistanceSums distances = new(input, tile.Length, center, distanceSums, squareSums);
        ColumnSums.Add<DistanceSums, S, V>(ref distances, tile, 0, pixels);
        double perPixel = 1.0 / pixels;
        double share = (double)pixels / (count + pixels);
        for (int c = 0; c < tile.Channels; c++)
        {
            double distance = tile.Fold(distanceSums, c);
            double square = Math.Max(tile.Fold(squareSums, c) - (distance * distance * perPixel), 0);
            Join(ref means[c], ref squares[c], count, share, center[c] + (distance * perPixel), square);
        }
    }
}
