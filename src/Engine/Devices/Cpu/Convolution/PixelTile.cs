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
    /// <summary>Output pixels in a tile.</summary>
    public const int Pixels = 8;

    /// <summary>
    /// Computes eight pixels by one vector of channels into result [8, width].
    /// </summary>
    /// <param name="pixels">For each output pixel where its window starts in the source.</param>
    /// <param name="runs">Offsets from there at which stretches of consecutive floats begin: all columns and channels of a filter row, or one tap's channels.</param>
    /// <param name="runCount">How many stretches there are.</param>
    /// <param name="runLength">Floats in each.</param>
    /// <param name="filter">The packed filter: a vector (or two) for each float of each stretch.</param>
    /// <param name="result">Where the sums go.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute1(float** pixels, int* runs, int runCount, int runLength, float* filter, float* result)
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

        S.Store(a0, result);
        S.Store(a1, result + S.Width);
        S.Store(a2, result + (2 * S.Width));
        S.Store(a3, result + (3 * S.Width));
        S.Store(a4, result + (4 * S.Width));
        S.Store(a5, result + (5 * S.Width));
        S.Store(a6, result + (6 * S.Width));
        S.Store(a7, result + (7 * S.Width));
    }

    /// <summary>Computes eight pixels by two vectors of channels into result [8, 2 * width]; otherwise as <see cref="Compute1"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute2(float** pixels, int* runs, int runCount, int runLength, float* filter, float* result)
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

        S.Store(a0, result);
        S.Store(b0, result + S.Width);
        S.Store(a1, result + (2 * S.Width));
        S.Store(b1, result + (3 * S.Width));
        S.Store(a2, result + (4 * S.Width));
        S.Store(b2, result + (5 * S.Width));
        S.Store(a3, result + (6 * S.Width));
        S.Store(b3, result + (7 * S.Width));
        S.Store(a4, result + (8 * S.Width));
        S.Store(b4, result + (9 * S.Width));
        S.Store(a5, result + (10 * S.Width));
        S.Store(b5, result + (11 * S.Width));
        S.Store(a6, result + (12 * S.Width));
        S.Store(b6, result + (13 * S.Width));
        S.Store(a7, result + (14 * S.Width));
        S.Store(b7, result + (15 * S.Width));
    }
}
