using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The innermost loop of a matrix product: a few rows of the left factor by one or two vectors of columns of the right one, their
/// sums held in registers. Both factors are read from small blocks in the cache.
/// </summary>
internal static unsafe class ProductTile<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>Rows of a tile of so many vectors.</summary>
    public static int Rows(int vectors) => S.Registers >= 32 ? 16 / vectors : vectors == 1 ? 8 : 6;

    /// <summary>result = left * right.</summary>
    /// <param name="vectors">1 or 2: how many columns right and result have, in vectors.</param>
    /// <param name="left">Rows of <paramref name="inner"/> numbers.</param>
    /// <param name="leftPitch">Floats from a row to the next.</param>
    /// <param name="right">The right factor, dense.</param>
    /// <param name="inner">The extent that is summed over.</param>
    /// <param name="result">The sums, dense.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(int vectors, float* left, nint leftPitch, float* right, int inner, float* result)
    {
        if (S.Registers < 32)
        {
            if (vectors == 2)
            {
                Multiply6x2(left, leftPitch, right, inner, result);
            }
            else
            {
                Multiply8x1(left, leftPitch, right, inner, result);
            }
        }
        else if (vectors == 2)
        {
            Multiply8x2(left, leftPitch, right, inner, result);
        }
        else
        {
            Multiply16x1(left, leftPitch, right, inner, result);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply8x2(float* left, nint leftPitch, float* right, int inner, float* result)
    {
        float* p0 = left, p1 = left + leftPitch, p2 = left + (2 * leftPitch), p3 = left + (3 * leftPitch);
        float* p4 = left + (4 * leftPitch), p5 = left + (5 * leftPitch), p6 = left + (6 * leftPitch), p7 = left + (7 * leftPitch);
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        V b0 = S.Zero, b1 = S.Zero, b2 = S.Zero, b3 = S.Zero, b4 = S.Zero, b5 = S.Zero, b6 = S.Zero, b7 = S.Zero;
        for (nint i = 0; i < inner; i++)
        {
            V f = S.Load(right);
            V g = S.Load(right + S.Width);
            right += 2 * S.Width;
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

        nint w = S.Width;
        S.Store(a0, result);
        S.Store(b0, result + w);
        S.Store(a1, result + (2 * w));
        S.Store(b1, result + (3 * w));
        S.Store(a2, result + (4 * w));
        S.Store(b2, result + (5 * w));
        S.Store(a3, result + (6 * w));
        S.Store(b3, result + (7 * w));
        S.Store(a4, result + (8 * w));
        S.Store(b4, result + (9 * w));
        S.Store(a5, result + (10 * w));
        S.Store(b5, result + (11 * w));
        S.Store(a6, result + (12 * w));
        S.Store(b6, result + (13 * w));
        S.Store(a7, result + (14 * w));
        S.Store(b7, result + (15 * w));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply16x1(float* left, nint leftPitch, float* right, int inner, float* result)
    {
        float* p0 = left, p1 = left + leftPitch, p2 = left + (2 * leftPitch), p3 = left + (3 * leftPitch);
        float* p4 = left + (4 * leftPitch), p5 = left + (5 * leftPitch), p6 = left + (6 * leftPitch), p7 = left + (7 * leftPitch);
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        V a8 = S.Zero, a9 = S.Zero, a10 = S.Zero, a11 = S.Zero, a12 = S.Zero, a13 = S.Zero, a14 = S.Zero, a15 = S.Zero;
        nint far = 8 * leftPitch;
        for (nint i = 0; i < inner; i++, far++)
        {
            V f = S.Load(right);
            right += S.Width;
            a0 = S.MultiplyAdd(S.Broadcast(p0[i]), f, a0);
            a1 = S.MultiplyAdd(S.Broadcast(p1[i]), f, a1);
            a2 = S.MultiplyAdd(S.Broadcast(p2[i]), f, a2);
            a3 = S.MultiplyAdd(S.Broadcast(p3[i]), f, a3);
            a4 = S.MultiplyAdd(S.Broadcast(p4[i]), f, a4);
            a5 = S.MultiplyAdd(S.Broadcast(p5[i]), f, a5);
            a6 = S.MultiplyAdd(S.Broadcast(p6[i]), f, a6);
            a7 = S.MultiplyAdd(S.Broadcast(p7[i]), f, a7);
            a8 = S.MultiplyAdd(S.Broadcast(p0[far]), f, a8);
            a9 = S.MultiplyAdd(S.Broadcast(p1[far]), f, a9);
            a10 = S.MultiplyAdd(S.Broadcast(p2[far]), f, a10);
            a11 = S.MultiplyAdd(S.Broadcast(p3[far]), f, a11);
            a12 = S.MultiplyAdd(S.Broadcast(p4[far]), f, a12);
            a13 = S.MultiplyAdd(S.Broadcast(p5[far]), f, a13);
            a14 = S.MultiplyAdd(S.Broadcast(p6[far]), f, a14);
            a15 = S.MultiplyAdd(S.Broadcast(p7[far]), f, a15);
        }

        nint w = S.Width;
        S.Store(a0, result);
        S.Store(a1, result + w);
        S.Store(a2, result + (2 * w));
        S.Store(a3, result + (3 * w));
        S.Store(a4, result + (4 * w));
        S.Store(a5, result + (5 * w));
        S.Store(a6, result + (6 * w));
        S.Store(a7, result + (7 * w));
        S.Store(a8, result + (8 * w));
        S.Store(a9, result + (9 * w));
        S.Store(a10, result + (10 * w));
        S.Store(a11, result + (11 * w));
        S.Store(a12, result + (12 * w));
        S.Store(a13, result + (13 * w));
        S.Store(a14, result + (14 * w));
        S.Store(a15, result + (15 * w));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply8x1(float* left, nint leftPitch, float* right, int inner, float* result)
    {
        float* p0 = left, p1 = left + leftPitch, p2 = left + (2 * leftPitch), p3 = left + (3 * leftPitch);
        float* p4 = left + (4 * leftPitch), p5 = left + (5 * leftPitch), p6 = left + (6 * leftPitch), p7 = left + (7 * leftPitch);
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero, a6 = S.Zero, a7 = S.Zero;
        for (nint i = 0; i < inner; i++)
        {
            V f = S.Load(right);
            right += S.Width;
            a0 = S.MultiplyAdd(S.Broadcast(p0[i]), f, a0);
            a1 = S.MultiplyAdd(S.Broadcast(p1[i]), f, a1);
            a2 = S.MultiplyAdd(S.Broadcast(p2[i]), f, a2);
            a3 = S.MultiplyAdd(S.Broadcast(p3[i]), f, a3);
            a4 = S.MultiplyAdd(S.Broadcast(p4[i]), f, a4);
            a5 = S.MultiplyAdd(S.Broadcast(p5[i]), f, a5);
            a6 = S.MultiplyAdd(S.Broadcast(p6[i]), f, a6);
            a7 = S.MultiplyAdd(S.Broadcast(p7[i]), f, a7);
        }

        nint w = S.Width;
        S.Store(a0, result);
        S.Store(a1, result + w);
        S.Store(a2, result + (2 * w));
        S.Store(a3, result + (3 * w));
        S.Store(a4, result + (4 * w));
        S.Store(a5, result + (5 * w));
        S.Store(a6, result + (6 * w));
        S.Store(a7, result + (7 * w));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply6x2(float* left, nint leftPitch, float* right, int inner, float* result)
    {
        float* p0 = left, p1 = left + leftPitch, p2 = left + (2 * leftPitch), p3 = left + (3 * leftPitch);
        float* p4 = left + (4 * leftPitch), p5 = left + (5 * leftPitch);
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero, a4 = S.Zero, a5 = S.Zero;
        V b0 = S.Zero, b1 = S.Zero, b2 = S.Zero, b3 = S.Zero, b4 = S.Zero, b5 = S.Zero;
        for (nint i = 0; i < inner; i++)
        {
            V f = S.Load(right);
            V g = S.Load(right + S.Width);
            right += 2 * S.Width;
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
        }

        nint w = S.Width;
        S.Store(a0, result);
        S.Store(b0, result + w);
        S.Store(a1, result + (2 * w));
        S.Store(b1, result + (3 * w));
        S.Store(a2, result + (4 * w));
        S.Store(b2, result + (5 * w));
        S.Store(a3, result + (6 * w));
        S.Store(b3, result + (7 * w));
        S.Store(a4, result + (8 * w));
        S.Store(b4, result + (9 * w));
        S.Store(a5, result + (10 * w));
        S.Store(b5, result + (11 * w));
    }
}
