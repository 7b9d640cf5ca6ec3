using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The innermost loops of a correlation: eight output pixels by one or two vectors of output channels, held in registers while the
/// taps go by. Each step loads the filter's vectors for one source channel of one tap and multiplies them with that channel of all
/// eight pixels.
/// </summary>
internal static unsafe class PixelTile<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>Output pixels in a tile, in a tile of <see cref="Compute2Seven{TEpilogue}"/>, and in a tile of pairs.</summary>
    public const int Pixels = 8, FewerPixels = 7, PairedPixels = 16;

    /// <summary>
    /// Computes eight pixels by one vector of channels.
    /// </summary>
    /// <param name="pixels">For each output pixel where its window starts in the source.</param>
    /// <param name="runs">Offsets from there at which stretches of consecutive floats begin: all columns and channels of a filter row, or one tap's
    /// channels.</param>
    /// <param name="runCount">How many stretches there are.</param>
    /// <param name="runLength">Floats in each.</param>
    /// <param name="filter">The packed filter: a vector (or two) for each float of each stretch.</param>
    /// <param name="results">For each output pixel where its sums go.</param>
    /// <param name="accumulate">Whether they are added to what is there.</param>
    /// <param name="channel">The first of the output channels.</param>
    /// <param name="epilogue">What becomes of them on their way.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute1<TEpilogue>(
        float** pixels, int* runs, int runCount, int runLength, float* filter, float** results, bool accumulate, nint channel, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        float* p0 = pixels[0], p1 = pixels[1], p2 = pixels[2], p3 = pixels[3];
        float* p4 = pixels[4], p5 = pixels[5], p6 = pixels[6], p7 = pixels[7];
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        for (int run = 0; run < runCount; run++)
        {
            nint end = (nint)runs[run] + runLength;
            for (nint i = runs[run]; i < end; i++)
            {
                V f = S.Load(filter);
                filter += S.Width;
                a0 = S.MultiplyAdd(S.Broadcast(p0[i]), f, a0);
                a1 = S.MultiplyAdd(S.Broadcast(p1[i]), f, a1);
                a2 = S.MultiplyAdd(S.Broadcast(p2[i]), f, a2);
                a3 = S.MultiplyAdd(S.Broadcast(p3[i]), f, a3);
                a4 = S.MultiplyAdd(S.Broadcast(p4[i]), f, a4);
                a5 = S.MultiplyAdd(S.Broadcast(p5[i]), f, a5);
                a6 = S.MultiplyAdd(S.Broadcast(p6[i]), f, a6);
                a7 = S.MultiplyAdd(S.Broadcast(p7[i]), f, a7);
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

    /// <summary>Computes eight pixels by two vectors of channels; otherwise as <see cref="Compute1{TEpilogue}"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute2<TEpilogue>(
        float** pixels, int* runs, int runCount, int runLength, float* filter, float** results, bool accumulate, nint channel, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        float* p0 = pixels[0], p1 = pixels[1], p2 = pixels[2], p3 = pixels[3];
        float* p4 = pixels[4], p5 = pixels[5], p6 = pixels[6], p7 = pixels[7];
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        V b0 = S.Zero, b1 = S.Zero, b2 = S.Zero, b3 = S.Zero, b4 = S.Zero, b5 = S.Zero, b6 = S.Zero, b7 = S.Zero;
        for (int run = 0; run < runCount; run++)
        {
            nint end = (nint)runs[run] + runLength;
            for (nint i = runs[run]; i < end; i++)
            {
                V f = S.Load(filter);
                V g = S.Load(filter + S.Width);
                filter += 2 * S.Width;
                V x = S.Broadcast(p0[i]);
                a0 = S.MultiplyAdd(x, f, a0);
                b0 = S.MultiplyAdd(x, g, b0);
                x = S.Broadcast(p1[i]);
                a1 = S.MultiplyAdd(x, f, a1);
                b1 = S.MultiplyAdd(x, g, b1);
                x = S.Broadcast(p2[i]);
                a2 = S.MultiplyAdd(x, f, a2);
                b2 = S.MultiplyAdd(x, g, b2);
                x = S.Broadcast(p3[i]);
                a3 = S.MultiplyAdd(x, f, a3);
                b3 = S.MultiplyAdd(x, g, b3);
                x = S.Broadcast(p4[i]);
                a4 = S.MultiplyAdd(x, f, a4);
                b4 = S.MultiplyAdd(x, g, b4);
                x = S.Broadcast(p5[i]);
                a5 = S.MultiplyAdd(x, f, a5);
                b5 = S.MultiplyAdd(x, g, b5);
                x = S.Broadcast(p6[i]);
                a6 = S.MultiplyAdd(x, f, a6);
                b6 = S.MultiplyAdd(x, g, b6);
                x = S.Broadcast(p7[i]);
                a7 = S.MultiplyAdd(x, f, a7);
                b7 = S.MultiplyAdd(x, g, b7);
            }
        }

        if (accumulate)
        {
            a0 = S.Add(a0, S.Load(results[0]));
            b0 = S.Add(b0, S.Load(results[0] + S.Width));
            a1 = S.Add(a1, S.Load(results[1]));
            b1 = S.Add(b1, S.Load(results[1] + S.Width));
            a2 = S.Add(a2, S.Load(results[2]));
            b2 = S.Add(b2, S.Load(results[2] + S.Width));
            a3 = S.Add(a3, S.Load(results[3]));
            b3 = S.Add(b3, S.Load(results[3] + S.Width));
            a4 = S.Add(a4, S.Load(results[4]));
            b4 = S.Add(b4, S.Load(results[4] + S.Width));
            a5 = S.Add(a5, S.Load(results[5]));
            b5 = S.Add(b5, S.Load(results[5] + S.Width));
            a6 = S.Add(a6, S.Load(results[6]));
            b6 = S.Add(b6, S.Load(results[6] + S.Width));
            a7 = S.Add(a7, S.Load(results[7]));
            b7 = S.Add(b7, S.Load(results[7] + S.Width));
        }

        V first = S.Zero, second = S.Zero, third = S.Zero, fourth = S.Zero;
        epilogue.Put<S, V>(a0, results[0], channel, ref first, ref second);
        epilogue.Put<S, V>(b0, results[0] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a1, results[1], channel, ref first, ref second);
        epilogue.Put<S, V>(b1, results[1] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a2, results[2], channel, ref first, ref second);
        epilogue.Put<S, V>(b2, results[2] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a3, results[3], channel, ref first, ref second);
        epilogue.Put<S, V>(b3, results[3] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a4, results[4], channel, ref first, ref second);
        epilogue.Put<S, V>(b4, results[4] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a5, results[5], channel, ref first, ref second);
        epilogue.Put<S, V>(b5, results[5] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a6, results[6], channel, ref first, ref second);
        epilogue.Put<S, V>(b6, results[6] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a7, results[7], channel, ref first, ref second);
        epilogue.Put<S, V>(b7, results[7] + S.Width, channel + S.Width, ref third, ref fourth);

        if (TEpilogue.AddsUp)
        {
            epilogue.AddUp<S, V>(first, second, channel);
            epilogue.AddUp<S, V>(third, fourth, channel + S.Width);
        }
    }

    /// <summary>
    /// Computes seven pixels by two vectors of channels, since the sides of ImageNet's maps are multiples of seven; otherwise as
    /// <see cref="Compute1{TEpilogue}"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute2Seven<TEpilogue>(
        float** pixels, int* runs, int runCount, int runLength, float* filter, float** results, bool accumulate, nint channel, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        float* p0 = pixels[0], p1 = pixels[1], p2 = pixels[2], p3 = pixels[3];
        float* p4 = pixels[4], p5 = pixels[5], p6 = pixels[6];
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero;
        V b0 = S.Zero, b1 = S.Zero, b2 = S.Zero, b3 = S.Zero, b4 = S.Zero, b5 = S.Zero, b6 = S.Zero;
        for (int run = 0; run < runCount; run++)
        {
            nint end = (nint)runs[run] + runLength;
            for (nint i = runs[run]; i < end; i++)
            {
                V f = S.Load(filter);
                V g = S.Load(filter + S.Width);
                filter += 2 * S.Width;
                V x = S.Broadcast(p0[i]);
                a0 = S.MultiplyAdd(x, f, a0);
                b0 = S.MultiplyAdd(x, g, b0);
                x = S.Broadcast(p1[i]);
                a1 = S.MultiplyAdd(x, f, a1);
                b1 = S.MultiplyAdd(x, g, b1);
                x = S.Broadcast(p2[i]);
                a2 = S.MultiplyAdd(x, f, a2);
                b2 = S.MultiplyAdd(x, g, b2);
                x = S.Broadcast(p3[i]);
                a3 = S.MultiplyAdd(x, f, a3);
                b3 = S.MultiplyAdd(x, g, b3);
                x = S.Broadcast(p4[i]);
                a4 = S.MultiplyAdd(x, f, a4);
                b4 = S.MultiplyAdd(x, g, b4);
                x = S.Broadcast(p5[i]);
                a5 = S.MultiplyAdd(x, f, a5);
                b5 = S.MultiplyAdd(x, g, b5);
                x = S.Broadcast(p6[i]);
                a6 = S.MultiplyAdd(x, f, a6);
                b6 = S.MultiplyAdd(x, g, b6);
            }
        }

        if (accumulate)
        {
            a0 = S.Add(a0, S.Load(results[0]));
            b0 = S.Add(b0, S.Load(results[0] + S.Width));
            a1 = S.Add(a1, S.Load(results[1]));
            b1 = S.Add(b1, S.Load(results[1] + S.Width));
            a2 = S.Add(a2, S.Load(results[2]));
            b2 = S.Add(b2, S.Load(results[2] + S.Width));
            a3 = S.Add(a3, S.Load(results[3]));
            b3 = S.Add(b3, S.Load(results[3] + S.Width));
            a4 = S.Add(a4, S.Load(results[4]));
            b4 = S.Add(b4, S.Load(results[4] + S.Width));
            a5 = S.Add(a5, S.Load(results[5]));
            b5 = S.Add(b5, S.Load(results[5] + S.Width));
            a6 = S.Add(a6, S.Load(results[6]));
            b6 = S.Add(b6, S.Load(results[6] + S.Width));
        }

        V first = S.Zero, second = S.Zero, third = S.Zero, fourth = S.Zero;
        epilogue.Put<S, V>(a0, results[0], channel, ref first, ref second);
        epilogue.Put<S, V>(b0, results[0] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a1, results[1], channel, ref first, ref second);
        epilogue.Put<S, V>(b1, results[1] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a2, results[2], channel, ref first, ref second);
        epilogue.Put<S, V>(b2, results[2] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a3, results[3], channel, ref first, ref second);
        epilogue.Put<S, V>(b3, results[3] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a4, results[4], channel, ref first, ref second);
        epilogue.Put<S, V>(b4, results[4] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a5, results[5], channel, ref first, ref second);
        epilogue.Put<S, V>(b5, results[5] + S.Width, channel + S.Width, ref third, ref fourth);
        epilogue.Put<S, V>(a6, results[6], channel, ref first, ref second);
        epilogue.Put<S, V>(b6, results[6] + S.Width, channel + S.Width, ref third, ref fourth);

        if (TEpilogue.AddsUp)
        {
            epilogue.AddUp<S, V>(first, second, channel);
            epilogue.AddUp<S, V>(third, fourth, channel + S.Width);
        }
    }

    /// <summary>
    /// Computes sixteen pixels by one vector of channels, for processors with registers for sixteen sums: eight pairs of neighbors,
    /// <paramref name="pairPitch"/> floats apart in the source. Otherwise as <see cref="Compute1{TEpilogue}"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute1Pairs<TEpilogue>(
        float** pixels, int pairPitch, int* runs, int runCount, int runLength, float* filter, float** results, bool accumulate, nint channel,
        TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue
    {
        float* p0 = pixels[0], p2 = pixels[2], p4 = pixels[4], p6 = pixels[6];
        float* p8 = pixels[8], p10 = pixels[10], p12 = pixels[12], p14 = pixels[14];
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        V a8 = S.Zero, a9 = S.Zero, a10 = S.Zero, a11 = S.Zero, a12 = S.Zero, a13 = S.Zero, a14 = S.Zero, a15 = S.Zero;
        for (int run = 0; run < runCount; run++)
        {
            nint end = (nint)runs[run] + runLength;
            nint j = runs[run] + pairPitch;
            for (nint i = runs[run]; i < end; i++, j++)
            {
                V f = S.Load(filter);
                filter += S.Width;
                a0 = S.MultiplyAdd(S.Broadcast(p0[i]), f, a0);
                a1 = S.MultiplyAdd(S.Broadcast(p0[j]), f, a1);
                a2 = S.MultiplyAdd(S.Broadcast(p2[i]), f, a2);
                a3 = S.MultiplyAdd(S.Broadcast(p2[j]), f, a3);
                a4 = S.MultiplyAdd(S.Broadcast(p4[i]), f, a4);
                a5 = S.MultiplyAdd(S.Broadcast(p4[j]), f, a5);
                a6 = S.MultiplyAdd(S.Broadcast(p6[i]), f, a6);
                a7 = S.MultiplyAdd(S.Broadcast(p6[j]), f, a7);
                a8 = S.MultiplyAdd(S.Broadcast(p8[i]), f, a8);
                a9 = S.MultiplyAdd(S.Broadcast(p8[j]), f, a9);
                a10 = S.MultiplyAdd(S.Broadcast(p10[i]), f, a10);
                a11 = S.MultiplyAdd(S.Broadcast(p10[j]), f, a11);
                a12 = S.MultiplyAdd(S.Broadcast(p12[i]), f, a12);
                a13 = S.MultiplyAdd(S.Broadcast(p12[j]), f, a13);
                a14 = S.MultiplyAdd(S.Broadcast(p14[i]), f, a14);
                a15 = S.MultiplyAdd(S.Broadcast(p14[j]), f, a15);
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
            a8 = S.Add(a8, S.Load(results[8]));
            a9 = S.Add(a9, S.Load(results[9]));
            a10 = S.Add(a10, S.Load(results[10]));
            a11 = S.Add(a11, S.Load(results[11]));
            a12 = S.Add(a12, S.Load(results[12]));
            a13 = S.Add(a13, S.Load(results[13]));
            a14 = S.Add(a14, S.Load(results[14]));
            a15 = S.Add(a15, S.Load(results[15]));
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
        epilogue.Put<S, V>(a8, results[8], channel, ref first, ref second);
        epilogue.Put<S, V>(a9, results[9], channel, ref first, ref second);
        epilogue.Put<S, V>(a10, results[10], channel, ref first, ref second);
        epilogue.Put<S, V>(a11, results[11], channel, ref first, ref second);
        epilogue.Put<S, V>(a12, results[12], channel, ref first, ref second);
        epilogue.Put<S, V>(a13, results[13], channel, ref first, ref second);
        epilogue.Put<S, V>(a14, results[14], channel, ref first, ref second);
        epilogue.Put<S, V>(a15, results[15], channel, ref first, ref second);

        if (TEpilogue.AddsUp)
        {
            epilogue.AddUp<S, V>(first, second, channel);
        }
    }
}
