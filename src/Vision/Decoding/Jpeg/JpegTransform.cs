namespace Engine.Vision;

/// <summary>
/// The inverse cosine transform of 8x8 values in libjpeg's accurate integers: C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT
/// algorithms with 11 multiplications" (ICASSP 1989), with 13 bits behind the point, rounded where libjpeg rounds, so that samples are equal to the bit.
/// </summary>
internal static class JpegTransform
{
    private const int Bits = 13, Extra = 2;

    /// <summary>Turns coefficients in natural order into samples of a plane.</summary>
    /// <param name="coefficients">64 coefficients, row by row.</param>
    /// <param name="steps">What each is multiplied by.</param>
    /// <param name="plane">Takes the samples.</param>
    /// <param name="pitch">Bytes from row to row.</param>
    public static void Inverse(ReadOnlySpan<short> coefficients, ReadOnlySpan<ushort> steps, Span<byte> plane, int pitch)
    {
        Span<int> work = stackalloc int[64];
        for (int x = 0; x < 8; x++)
        {
            Span<int> column = work[x..];
            for (int y = 0; y < 64; y += 8)
            {
                column[y] = coefficients[x + y] * steps[x + y];
            }

            Line(column, 8, Bits - Extra);
        }

        for (int y = 0; y < 8; y++)
        {
            Span<int> row = work.Slice(8 * y, 8);
            Line(row, 1, Bits + Extra + 3);
            Span<byte> to = plane.Slice(y * pitch, 8);
            for (int x = 0; x < 8; x++)
            {
                to[x] = (byte)Math.Clamp(row[x] + 128, 0, 255);
            }
        }
    }

    // Eight values in place, each a step behind the last; then so many bits are rounded away. Constants are those of libjpeg's jidctint.c, times 2^13.
    private static void Line(Span<int> v, int step, int shift)
    {
        int half = 1 << (shift - 1);
        int z = (v[2 * step] + v[6 * step]) * 4433;
        int even2 = z - (v[6 * step] * 15137), even3 = z + (v[2 * step] * 6270);
        int even0 = (v[0] + v[4 * step]) << Bits, even1 = (v[0] - v[4 * step]) << Bits;
        int sum0 = even0 + even3, sum3 = even0 - even3, sum1 = even1 + even2, sum2 = even1 - even2;

        int odd0 = v[7 * step], odd1 = v[5 * step], odd2 = v[3 * step], odd3 = v[step];
        int z1 = (odd0 + odd3) * -7373, z2 = (odd1 + odd2) * -20995, z3 = odd0 + odd2, z4 = odd1 + odd3;
        int z5 = (z3 + z4) * 9633;
        z3 = (z3 * -16069) + z5;
        z4 = (z4 * -3196) + z5;
        odd0 = (odd0 * 2446) + z1 + z3;
        odd1 = (odd1 * 16819) + z2 + z4;
        odd2 = (odd2 * 25172) + z2 + z3;
        odd3 = (odd3 * 12299) + z1 + z4;

        v[0] = (sum0 + odd3 + half) >> shift;
        v[7 * step] = (sum0 - odd3 + half) >> shift;
        v[step] = (sum1 + odd2 + half) >> shift;
        v[6 * step] = (sum1 - odd2 + half) >> shift;
        v[2 * step] = (sum2 + odd1 + half) >> shift;
        v[5 * step] = (sum2 - odd1 + half) >> shift;
        v[3 * step] = (sum3 + odd0 + half) >> shift;
        v[4 * step] = (sum3 - odd0 + half) >> shift;
    }
}
