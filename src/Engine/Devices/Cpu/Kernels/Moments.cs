using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Kernels;

/// <summary>Means and summed squared distances from them, channel by channel, over any number of pixels in chunks.</summary>
/// <remarks>
/// Each chunk is read twice, the second time out of the cache: for its mean, then for the distances from it (the corrected two-pass
/// algorithm). Chunks are joined in double precision. Both formulas are from T. Chan, G. Golub, R. LeVeque, "Algorithms for
/// computing the sample variance", 1983. Nothing cancels, however far the mean is from zero.
/// </remarks>
internal static unsafe class Moments
{
    /// <summary>Floats of scratch memory that <see cref="Add{S, V}"/> needs.</summary>
    public static int WorkFloats(ChannelTile tile) => 3 * tile.Length;

    /// <summary>Joins the moments of <paramref name="pixels"/> more pixels to those of <paramref name="count"/> earlier ones.</summary>
    /// <param name="input">The first of the pixels.</param>
    /// <param name="pixels">How many there are.</param>
    /// <param name="tile">How they are cut into vectors.</param>
    /// <param name="work">Scratch memory.</param>
    /// <param name="count">How many pixels are in the moments already; their content is not read where it is 0.</param>
    /// <param name="means">C means, updated.</param>
    /// <param name="squares">C sums of squared distances from the mean, updated.</param>
    public static void Add<S, V>(float* input, int pixels, ChannelTile tile, float* work, long count, double* means, double* squares)
        where S : struct, ISimd<V> where V : struct
    {
        for (int start = 0; start < pixels; start += tile.ChunkPixels)
        {
            int chunk = Math.Min(tile.ChunkPixels, pixels - start);
            AddChunk<S, V>(input + ((nint)start * tile.Channels), chunk, tile, work, count, means, squares);
            count += chunk;
        }
    }

    /// <summary>Joins two channels' moments: those of <paramref name="added"/> values to those of <paramref name="count"/> values.</summary>
    public static void Join(ref double mean, ref double squares, long count, double addedMean, double addedSquares, long added)
    {
        if (count == 0)
        {
            (mean, squares) = (addedMean, addedSquares);
            return;
        }

        double distance = addedMean - mean;
        double share = (double)added / (count + added);
        mean += distance * share;
        squares += addedSquares + (distance * distance * share * count);
    }

    private static void AddChunk<S, V>(float* input, int pixels, ChannelTile tile, float* work, long count, double* means, double* squares)
        where S : struct, ISimd<V> where V : struct
    {
        float* center = work;
        float* distanceSums = work + tile.Length;
        float* squareSums = distanceSums + tile.Length;
        new Span<float>(work, 3 * tile.Length).Clear();
        PlainSums plain = new(input, tile.Length, center);
        ColumnSums.Add<PlainSums, S, V>(ref plain, tile, 0, pixels);
        for (int c = 0; c < tile.Channels; c++)
        {
            center[c] = (float)(tile.Fold(center, c) / pixels);
        }

        tile.Repeat(center);
        DistanceSums distances = new(input, tile.Length, center, distanceSums, squareSums);
        ColumnSums.Add<DistanceSums, S, V>(ref distances, tile, 0, pixels);
        for (int c = 0; c < tile.Channels; c++)
        {
            double distance = tile.Fold(distanceSums, c);
            double square = Math.Max(tile.Fold(squareSums, c) - (distance * distance / pixels), 0);
            Join(ref means[c], ref squares[c], count, center[c] + (distance / pixels), square, pixels);
        }
    }
}
