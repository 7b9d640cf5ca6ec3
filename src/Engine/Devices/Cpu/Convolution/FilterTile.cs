using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>Where the pixels of a band lie in the input (as one tap sees it) and in the output's gradient.</summary>
internal unsafe struct PixelPairs
{
    /// <summary>The first pixel's floats that meet the filter rows at hand, and its output's gradient.</summary>
    public float* Input, Gradient;

    public int Images, Rows, Columns;

    /// <summary>Floats from one pixel to the next along each axis.</summary>
    public long InputImagePitch, GradientImagePitch;
    public int InputRowPitch, InputColumnPitch, GradientRowPitch, GradientColumnPitch;
}

/// <summary>
/// The innermost loops of the gradient by the filter: eight or sixteen filter rows (a tap's input channels) by one or two vectors
/// of output channels, held in registers while the pixels go by.
/// </summary>
internal static unsafe class FilterTile<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>Adds the products of all pixels to sums [8, 2 * width].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate8x2(in PixelPairs pairs, float* sums)
    {
        nint w = S.Width;
        V a0 = S.Load(sums), b0 = S.Load(sums + w), a1 = S.Load(sums + (2 * w)), b1 = S.Load(sums + (3 * w));
        V a2 = S.Load(sums + (4 * w)), b2 = S.Load(sums + (5 * w)), a3 = S.Load(sums + (6 * w)), b3 = S.Load(sums + (7 * w));
        V a4 = S.Load(sums + (8 * w)), b4 = S.Load(sums + (9 * w)), a5 = S.Load(sums + (10 * w)), b5 = S.Load(sums + (11 * w));
        V a6 = S.Load(sums + (12 * w)), b6 = S.Load(sums + (13 * w)), a7 = S.Load(sums + (14 * w)), b7 = S.Load(sums + (15 * w));
        nint inputStep = pairs.InputColumnPitch, gradientStep = pairs.GradientColumnPitch;
        for (int image = 0; image < pairs.Images; image++)
        {
            for (int row = 0; row < pairs.Rows; row++)
            {
                float* x = pairs.Input + (image * pairs.InputImagePitch) + ((long)row * pairs.InputRowPitch);
                float* g = pairs.Gradient + (image * pairs.GradientImagePitch) + ((long)row * pairs.GradientRowPitch);
                for (int column = pairs.Columns; column > 0; column--)
                {
                    V u = S.Load(g);
                    V v = S.Load(g + S.Width);
                    V t = S.Broadcast(x[0]);
                    a0 = S.MultiplyAdd(t, u, a0);
                    b0 = S.MultiplyAdd(t, v, b0);
                    t = S.Broadcast(x[1]);
                    a1 = S.MultiplyAdd(t, u, a1);
                    b1 = S.MultiplyAdd(t, v, b1);
                    t = S.Broadcast(x[2]);
                    a2 = S.MultiplyAdd(t, u, a2);
                    b2 = S.MultiplyAdd(t, v, b2);
                    t = S.Broadcast(x[3]);
                    a3 = S.MultiplyAdd(t, u, a3);
                    b3 = S.MultiplyAdd(t, v, b3);
                    t = S.Broadcast(x[4]);
                    a4 = S.MultiplyAdd(t, u, a4);
                    b4 = S.MultiplyAdd(t, v, b4);
                    t = S.Broadcast(x[5]);
                    a5 = S.MultiplyAdd(t, u, a5);
                    b5 = S.MultiplyAdd(t, v, b5);
                    t = S.Broadcast(x[6]);
                    a6 = S.MultiplyAdd(t, u, a6);
                    b6 = S.MultiplyAdd(t, v, b6);
                    t = S.Broadcast(x[7]);
                    a7 = S.MultiplyAdd(t, u, a7);
                    b7 = S.MultiplyAdd(t, v, b7);
                    x += inputStep;
                    g += gradientStep;
                }
            }
        }

        S.Store(a0, sums);
        S.Store(b0, sums + w);
        S.Store(a1, sums + (2 * w));
        S.Store(b1, sums + (3 * w));
        S.Store(a2, sums + (4 * w));
        S.Store(b2, sums + (5 * w));
        S.Store(a3, sums + (6 * w));
        S.Store(b3, sums + (7 * w));
        S.Store(a4, sums + (8 * w));
        S.Store(b4, sums + (9 * w));
        S.Store(a5, sums + (10 * w));
        S.Store(b5, sums + (11 * w));
        S.Store(a6, sums + (12 * w));
        S.Store(b6, sums + (13 * w));
        S.Store(a7, sums + (14 * w));
        S.Store(b7, sums + (15 * w));
    }

    /// <summary>Adds the products of all pixels to sums [8, width]: for processors with sixteen registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate8x1(in PixelPairs pairs, float* sums)
    {
        nint w = S.Width;
        V a0 = S.Load(sums), a1 = S.Load(sums + w), a2 = S.Load(sums + (2 * w)), a3 = S.Load(sums + (3 * w));
        V a4 = S.Load(sums + (4 * w)), a5 = S.Load(sums + (5 * w)), a6 = S.Load(sums + (6 * w)), a7 = S.Load(sums + (7 * w));
        nint inputStep = pairs.InputColumnPitch, gradientStep = pairs.GradientColumnPitch;
        for (int image = 0; image < pairs.Images; image++)
        {
            for (int row = 0; row < pairs.Rows; row++)
            {
                float* x = pairs.Input + (image * pairs.InputImagePitch) + ((long)row * pairs.InputRowPitch);
                float* g = pairs.Gradient + (image * pairs.GradientImagePitch) + ((long)row * pairs.GradientRowPitch);
                for (int column = pairs.Columns; column > 0; column--)
                {
                    V u = S.Load(g);
                    a0 = S.MultiplyAdd(S.Broadcast(x[0]), u, a0);
                    a1 = S.MultiplyAdd(S.Broadcast(x[1]), u, a1);
                    a2 = S.MultiplyAdd(S.Broadcast(x[2]), u, a2);
                    a3 = S.MultiplyAdd(S.Broadcast(x[3]), u, a3);
                    a4 = S.MultiplyAdd(S.Broadcast(x[4]), u, a4);
                    a5 = S.MultiplyAdd(S.Broadcast(x[5]), u, a5);
                    a6 = S.MultiplyAdd(S.Broadcast(x[6]), u, a6);
                    a7 = S.MultiplyAdd(S.Broadcast(x[7]), u, a7);
                    x += inputStep;
                    g += gradientStep;
                }
            }
        }

        S.Store(a0, sums);
        S.Store(a1, sums + w);
        S.Store(a2, sums + (2 * w));
        S.Store(a3, sums + (3 * w));
        S.Store(a4, sums + (4 * w));
        S.Store(a5, sums + (5 * w));
        S.Store(a6, sums + (6 * w));
        S.Store(a7, sums + (7 * w));
    }

    /// <summary>Adds the products of all pixels to sums [16, width]: for filters of few output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate16x1(in PixelPairs pairs, float* sums)
    {
        nint w = S.Width;
        V a0 = S.Load(sums), a1 = S.Load(sums + w), a2 = S.Load(sums + (2 * w)), a3 = S.Load(sums + (3 * w));
        V a4 = S.Load(sums + (4 * w)), a5 = S.Load(sums + (5 * w)), a6 = S.Load(sums + (6 * w)), a7 = S.Load(sums + (7 * w));
        V a8 = S.Load(sums + (8 * w)), a9 = S.Load(sums + (9 * w)), a10 = S.Load(sums + (10 * w)), a11 = S.Load(sums + (11 * w));
        V a12 = S.Load(sums + (12 * w)), a13 = S.Load(sums + (13 * w)), a14 = S.Load(sums + (14 * w)), a15 = S.Load(sums + (15 * w));
        nint inputStep = pairs.InputColumnPitch, gradientStep = pairs.GradientColumnPitch;
        for (int image = 0; image < pairs.Images; image++)
        {
            for (int row = 0; row < pairs.Rows; row++)
            {
                float* x = pairs.Input + (image * pairs.InputImagePitch) + ((long)row * pairs.InputRowPitch);
                float* g = pairs.Gradient + (image * pairs.GradientImagePitch) + ((long)row * pairs.GradientRowPitch);
                for (int column = pairs.Columns; column > 0; column--)
                {
                    V u = S.Load(g);
                    a0 = S.MultiplyAdd(S.Broadcast(x[0]), u, a0);
                    a1 = S.MultiplyAdd(S.Broadcast(x[1]), u, a1);
                    a2 = S.MultiplyAdd(S.Broadcast(x[2]), u, a2);
                    a3 = S.MultiplyAdd(S.Broadcast(x[3]), u, a3);
                    a4 = S.MultiplyAdd(S.Broadcast(x[4]), u, a4);
                    a5 = S.MultiplyAdd(S.Broadcast(x[5]), u, a5);
                    a6 = S.MultiplyAdd(S.Broadcast(x[6]), u, a6);
                    a7 = S.MultiplyAdd(S.Broadcast(x[7]), u, a7);
                    a8 = S.MultiplyAdd(S.Broadcast(x[8]), u, a8);
                    a9 = S.MultiplyAdd(S.Broadcast(x[9]), u, a9);
                    a10 = S.MultiplyAdd(S.Broadcast(x[10]), u, a10);
                    a11 = S.MultiplyAdd(S.Broadcast(x[11]), u, a11);
                    a12 = S.MultiplyAdd(S.Broadcast(x[12]), u, a12);
                    a13 = S.MultiplyAdd(S.Broadcast(x[13]), u, a13);
                    a14 = S.MultiplyAdd(S.Broadcast(x[14]), u, a14);
                    a15 = S.MultiplyAdd(S.Broadcast(x[15]), u, a15);
                    x += inputStep;
                    g += gradientStep;
                }
            }
        }

        S.Store(a0, sums);
        S.Store(a1, sums + w);
        S.Store(a2, sums + (2 * w));
        S.Store(a3, sums + (3 * w));
        S.Store(a4, sums + (4 * w));
        S.Store(a5, sums + (5 * w));
        S.Store(a6, sums + (6 * w));
        S.Store(a7, sums + (7 * w));
        S.Store(a8, sums + (8 * w));
        S.Store(a9, sums + (9 * w));
        S.Store(a10, sums + (10 * w));
        S.Store(a11, sums + (11 * w));
        S.Store(a12, sums + (12 * w));
        S.Store(a13, sums + (13 * w));
        S.Store(a14, sums + (14 * w));
        S.Store(a15, sums + (15 * w));
    }
}
