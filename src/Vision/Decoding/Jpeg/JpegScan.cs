namespace Engine.Vision;

/// <summary>What a scan's header says: components, coefficients and bits (ITU T.81, B.2.3).</summary>
internal readonly record struct JpegScan(JpegComponent[] Components, int First, int Last, int High, int Low)
{
    /// <summary>The place of each coefficient, row by row, in the order of the file; sixteen more for runs that reach past the end.</summary>
    public static ReadOnlySpan<byte> Zigzag =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
        63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    ];

    /// <summary>Reads a block that one scan has whole (F.2.2).</summary>
    public static void ReadWhole(ref JpegBits bits, JpegComponent component, scoped Span<short> block)
    {
        component.Previous += bits.ReadSigned(component.Direct!.Read(ref bits) & 15);
        block[0] = (short)component.Previous;
        JpegHuffmanTable table = component.Alternating!;
        for (int k = 1; k < 64; k++)
        {
            int symbol = table.Read(ref bits), size = symbol & 15, run = symbol >> 4;
            if (size != 0)
            {
                k += run;
                block[Zigzag[k]] = (short)bits.ReadSigned(size);
            }
            else if (run == 15)
            {
                k += 15;
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>Reads what a progressive scan adds to a block (G.1.2).</summary>
    /// <param name="bits">The scan's bits.</param>
    /// <param name="component">The block's component.</param>
    /// <param name="run">How many blocks more have no coefficient here.</param>
    /// <param name="block">The block so far.</param>
    public void ReadPart(ref JpegBits bits, JpegComponent component, ref int run, scoped Span<short> block)
    {
        if (First > 0)
        {
            if (High == 0)
            {
                ReadFirst(ref bits, component.Alternating!, ref run, block);
            }
            else
            {
                Refine(ref bits, component.Alternating!, ref run, block);
            }
        }
        else if (High == 0)
        {
            component.Previous += bits.ReadSigned(component.Direct!.Read(ref bits) & 15);
            block[0] = (short)(component.Previous << Low);
        }
        else if (bits.Read(1) != 0)
        {
            block[0] |= (short)(1 << Low);
        }
    }

    private void ReadFirst(ref JpegBits bits, JpegHuffmanTable table, ref int run, scoped Span<short> block)
    {
        if (run > 0)
        {
            run--;
            return;
        }

        for (int k = First; k <= Last; k++)
        {
            int symbol = table.Read(ref bits), size = symbol & 15, skip = symbol >> 4;
            if (size != 0)
            {
                k += skip;
                block[Zigzag[k]] = (short)(bits.ReadSigned(size) << Low);
            }
            else if (skip == 15)
            {
                k += 15;
            }
            else
            {
                run = (1 << skip) + bits.Read(skip) - 1;
                return;
            }
        }
    }

    private void Refine(ref JpegBits bits, JpegHuffmanTable table, ref int run, scoped Span<short> block)
    {
        int k = First;
        for (; run == 0 && k <= Last; k++)
        {
            int symbol = table.Read(ref bits), size = symbol & 15, skip = symbol >> 4, value = 0;
            if (size != 0)
            {
                value = bits.Read(1) != 0 ? 1 << Low : -1 << Low;
            }
            else if (skip != 15)
            {
                run = (1 << skip) + bits.Read(skip);
                break;
            }

            // Over the coefficients that there are already, each with a bit of its own, and as many zeros as the symbol says.
            for (; k <= Last; k++)
            {
                ref short coefficient = ref block[Zigzag[k]];
                if (coefficient != 0)
                {
                    Correct(ref bits, ref coefficient);
                }
                else if (--skip < 0)
                {
                    coefficient = (short)value;
                    break;
                }
            }
        }

        if (run > 0)
        {
            for (; k <= Last; k++)
            {
                ref short coefficient = ref block[Zigzag[k]];
                if (coefficient != 0)
                {
                    Correct(ref bits, ref coefficient);
                }
            }

            run--;
        }
    }

    private void Correct(ref JpegBits bits, ref short coefficient)
    {
        if (bits.Read(1) != 0 && (coefficient & (1 << Low)) == 0)
        {
            coefficient += (short)(coefficient >= 0 ? 1 << Low : -1 << Low);
        }
    }
}
