using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The innermost loops for groups of fewer channels than a vector has lanes (<see cref="Correlation.Merged"/>). Where a whole group reads one source
/// channel after the other, here each lane reads that channel of its own group: a permutation of the pixel's vector, one for each channel of a group.
/// </summary>
internal static unsafe class MergedTile<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>Filter rows in a tile of <see cref="Accumulate"/>.</summary>
    public const int Rows = 4;

    // For groups of so many channels, the lanes that each of those takes: a vector of numbers for each channel.
    private static readonly float*[] Lanes = MakeLanes();

    /// <summary>
    /// Computes eight pixels by one vector of channels; for the parameters, and the order in which products are added up, see
    /// <see cref="PixelTile{S, V}.Compute1{TEpilogue}"/>.
    /// </summary>
    /// <param name="pixels">For each output pixel where its window starts in the source.</param>
    /// <param name="runs">Offsets from there at which stretches of consecutive floats begin.</param>
    /// <param name="runCount">How many stretches there are.</param>
    /// <param name="runLength">Floats in each: a vector for each tap.</param>
    /// <param name="groupChannels">Channels of a group.</param>
    /// <param name="filter">The packed filter: for each tap a vector for each channel of a group.</param>
    /// <param name="results">For each output pixel where its sums go.</param>
    /// <param name="accumulate">Whether they are added to what is there.</param>
    /// <param name="channel">The first of the output channels.</param>
    /// <param name="epilogue">What becomes of them on their way.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute<TEpilogue>(
        float** pixels, int* runs, int runCount, int runLength, int groupChannels, float* filter, float** results, bool accumulate, nint channel,
        TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        float* lanes = Lanes[groupChannels];
        float* endLanes = lanes + (groupChannels * S.Width);
        float* p0 = pixels[0], p1 = pixels[1], p2 = pixels[2], p3 = pixels[3];
        float* p4 = pixels[4], p5 = pixels[5], p6 = pixels[6], p7 = pixels[7];
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        for (int run = 0; run < runCount; run++)
        {
            nint end = (nint)runs[run] + runLength;
            for (nint i = runs[run]; i < end; i += S.Width)
            {
                for (float* lane = lanes; lane < endLanes; lane += S.Width)
                {
                    V f = S.Load(filter), at = S.Load(lane);
                    filter += S.Width;
                    a0 = S.MultiplyAdd(S.Permute(S.Load(p0 + i), at), f, a0);
                    a1 = S.MultiplyAdd(S.Permute(S.Load(p1 + i), at), f, a1);
                    a2 = S.MultiplyAdd(S.Permute(S.Load(p2 + i), at), f, a2);
                    a3 = S.MultiplyAdd(S.Permute(S.Load(p3 + i), at), f, a3);
                    a4 = S.MultiplyAdd(S.Permute(S.Load(p4 + i), at), f, a4);
                    a5 = S.MultiplyAdd(S.Permute(S.Load(p5 + i), at), f, a5);
                    a6 = S.MultiplyAdd(S.Permute(S.Load(p6 + i), at), f, a6);
                    a7 = S.MultiplyAdd(S.Permute(S.Load(p7 + i), at), f, a7);
                }
            }
        }

        if (accumulate)
        {
            a0 = S.Add(a0, S.Load(results[0]));
            a1 = S.Add(a1, S.Load(results[1]));
            a2 = S.Add(a2, S.Load(results[2]));
            a3 = S.Add(a3, S.Load(results[3]));
            a4 = S.Add(a4, S.Load(results[4]));
            a5 = S.Add(a5, S.Load(results[5]));
            a6 = S.Add(a6, S.Load(results[6]));
            a7 = S.Add(a7, S.Load(results[7]));
        }

        V first = S.Zero, second = S.Zero;
        epilogue.Put<S, V>(a0, results[0], channel, ref first, ref second);
        epilogue.Put<S, V>(a1, results[1], channel, ref first, ref second);
        epilogue.Put<S, V>(a2, results[2], channel, ref first, ref second);
        epilogue.Put<S, V>(a3, results[3], channel, ref first, ref second);
        epilogue.Put<S, V>(a4, results[4], channel, ref first, ref second);
        epilogue.Put<S, V>(a5, results[5], channel, ref first, ref second);
        epilogue.Put<S, V>(a6, results[6], channel, ref first, ref second);
        epilogue.Put<S, V>(a7, results[7], channel, ref first, ref second);
        if (TEpilogue.AddsUp)
        {
            epilogue.AddUp<S, V>(first, second, channel);
        }
    }

    /// <summary>
    /// Adds the products of all pixels to sums [4, width]: four filter rows, each one channel of a tap, by one vector of output channels. Where the run has
    /// fewer rows left, the last one is summed again, and what comes of that is not read.
    /// </summary>
    /// <param name="pairs">The pixels; the input begins at the run's first tap.</param>
    /// <param name="groupChannels">Channels of a group.</param>
    /// <param name="row">The first filter row.</param>
    /// <param name="rows">The rows of the run.</param>
    /// <param name="sums">What is added to.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(in PixelPairs pairs, int groupChannels, int row, int rows, float* sums)
    {
        float* lanes = Lanes[groupChannels];
        nint w = S.Width, last = rows - 1, row1 = Math.Min(row + 1, last), row2 = Math.Min(row + 2, last), row3 = Math.Min(row + 3, last);
        nint tap0 = row / groupChannels * w, tap1 = row1 / groupChannels * w, tap2 = row2 / groupChannels * w, tap3 = row3 / groupChannels * w;
        V at0 = S.Load(lanes + (row % groupChannels * w)), at1 = S.Load(lanes + (row1 % groupChannels * w));
        V at2 = S.Load(lanes + (row2 % groupChannels * w)), at3 = S.Load(lanes + (row3 % groupChannels * w));
        V a0 = S.Load(sums), a1 = S.Load(sums + w), a2 = S.Load(sums + (2 * w)), a3 = S.Load(sums + (3 * w));
        nint inputStep = pairs.InputColumnPitch, gradientStep = pairs.GradientColumnPitch;
        for (int image = 0; image < pairs.Images; image++)
        {
            for (int y = 0; y < pairs.Rows; y++)
            {
                float* x = pairs.Input + (image * pairs.InputImagePitch) + ((long)y * pairs.InputRowPitch);
                float* g = pairs.Gradient + (image * pairs.GradientImagePitch) + ((long)y * pairs.GradientRowPitch);
                for (int column = pairs.Columns; column > 0; column--)
                {
                    V u = S.Load(g);
                    a0 = S.MultiplyAdd(S.Permute(S.Load(x + tap0), at0), u, a0);
                    a1 = S.MultiplyAdd(S.Permute(S.Load(x + tap1), at1), u, a1);
                    a2 = S.MultiplyAdd(S.Permute(S.Load(x + tap2), at2), u, a2);
                    a3 = S.MultiplyAdd(S.Permute(S.Load(x + tap3), at3), u, a3);
                    x += inputStep;
                    g += gradientStep;
                }
            }
        }

        S.Store(a0, sums);
        S.Store(a1, sums + w);
        S.Store(a2, sums + (2 * w));
        S.Store(a3, sums + (3 * w));
    }

    // Lane l is of the group that begins at l rounded down. Made once for a width, and kept.
    private static float*[] MakeLanes()
    {
        float*[] lanes = new float*[S.Width];
        for (int channels = 1; channels < S.Width; channels++)
        {
            int* numbers = (int*)NativeMemory.AlignedAlloc((nuint)(channels * S.Width * sizeof(float)), 64);
            lanes[channels] = (float*)numbers;
            for (int channel = 0; channel < channels; channel++)
            {
                for (int lane = 0; lane < S.Width; lane++)
                {
                    *numbers++ = lane - (lane % channels) + channel;
                }
            }
        }

        return lanes;
    }
}
