using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;

namespace Engine.Vision;

/// <summary>Unpacks gray, palette and RGB samples, strip by strip or tile by tile.</summary>
internal static class TiffSamples
{
    /// <summary>Reads all pixels as they are stored.</summary>
    /// <exception cref="InvalidDataException">They are damaged or truncated.</exception>
    public static void Read(Tiff tiff, TiffLayout layout, RgbImage image)
    {
        image.Reserve(layout.Width, layout.Height);
        byte[] levels = Levels(tiff, layout);
        bool isTiled = tiff.IsTiled();
        (int width, int height) = isTiled
            ? (tiff.GetField(TiffTag.TILEWIDTH)[0].ToInt(), tiff.GetField(TiffTag.TILELENGTH)[0].ToInt())
            : (layout.Width, Math.Clamp(tiff.GetFieldDefaulted(TiffTag.ROWSPERSTRIP)[0].ToInt(), 1, layout.Height));
        byte[] block = new byte[isTiled ? tiff.TileSize() : tiff.StripSize()];
        int planes = layout.ArePlanesApart ? layout.Samples : 1, rowBytes = isTiled ? tiff.TileRowSize() : tiff.ScanlineSize();
        for (short plane = 0; plane < planes; plane++)
        {
            for (int top = 0; top < layout.Height; top += height)
            {
                for (int left = 0; left < layout.Width; left += width)
                {
                    Region place = new(left, top, Math.Min(width, layout.Width - left), Math.Min(height, layout.Height - top));
                    int wanted = rowBytes * (isTiled ? height : place.Height);
                    int got = isTiled
                        ? tiff.ReadEncodedTile(tiff.ComputeTile(left, top, 0, plane), block, 0, wanted)
                        : tiff.ReadEncodedStrip(tiff.ComputeStrip(top, plane), block, 0, wanted);
                    if (got < wanted)
                    {
                        throw new InvalidDataException("its pixels are truncated or damaged");
                    }

                    for (int y = 0; y < place.Height; y++)
                    {
                        int first = (((top + y) * layout.Width) + left) * 3;
                        Unpack(layout, block.AsSpan(rowBytes * y, rowBytes), plane, levels, image.Pixels.Slice(first, 3 * place.Width));
                    }
                }
            }
        }
    }

    private static void Unpack(TiffLayout layout, ReadOnlySpan<byte> row, int plane, byte[] levels, Span<byte> pixels)
    {
        int samples = layout.ArePlanesApart ? 1 : layout.Samples;
        for (int x = 0, p = 0; p < pixels.Length; x++, p += 3)
        {
            if (layout.Color != Photometric.RGB)
            {
                // What comes in other planes is no color.
                if (plane == 0)
                {
                    levels.AsSpan(3 * Sample(row, x * samples, layout.Bits), 3).CopyTo(pixels[p..]);
                }
            }
            else if (layout.ArePlanesApart)
            {
                if (plane < 3)
                {
                    pixels[p + plane] = Sample(row, x, layout.Bits);
                }
                else if (layout.IsMultiplied)
                {
                    Divide(pixels.Slice(p, 3), Sample(row, x, layout.Bits));
                }
            }
            else
            {
                for (int c = 0; c < 3; c++)
                {
                    pixels[p + c] = Sample(row, (x * samples) + c, layout.Bits);
                }

                if (layout.IsMultiplied)
                {
                    Divide(pixels.Slice(p, 3), Sample(row, (x * samples) + 3, layout.Bits));
                }
            }
        }
    }

    private static void Divide(Span<byte> color, int alpha)
    {
        for (int c = 0; c < 3 && alpha is not (0 or 255); c++)
        {
            color[c] = (byte)Math.Min(255, 255 * color[c] / alpha);
        }
    }

    // Of 16 bits, in this machine's order, the upper 8.
    private static byte Sample(ReadOnlySpan<byte> row, int index, int bits)
    {
        if (bits >= 8)
        {
            return bits == 8 ? row[index] : (byte)(MemoryMarshal.Read<ushort>(row[(2 * index)..]) >> 8);
        }

        int bit = index * bits;
        return (byte)((row[bit >> 3] >> (8 - bits - (bit & 7))) & ((1 << bits) - 1));
    }

    // Three bytes for each sample, of 16 bits for their upper 8: a gray, or a color of the palette.
    private static byte[] Levels(Tiff tiff, TiffLayout layout)
    {
        int most = (1 << Math.Min(8, layout.Bits)) - 1;
        byte[] levels = new byte[3 * (most + 1)];
        if (layout.Color != Photometric.PALETTE)
        {
            for (int i = 0; i <= most; i++)
            {
                int level = i * 255 / most;
                levels.AsSpan(3 * i, 3).Fill((byte)(layout.Color == Photometric.MINISWHITE ? 255 - level : level));
            }

            return levels;
        }

        if (tiff.GetField(TiffTag.COLORMAP) is not [FieldValue red, FieldValue green, FieldValue blue, ..])
        {
            throw new InvalidDataException("its palette is missing");
        }

        short[][] palette = [red.ToShortArray(), green.ToShortArray(), blue.ToShortArray()];

        // 16 bits for each color; some programs write 8, as the old standard was read.
        bool isNarrow = palette.All(p => p.All(v => (ushort)v < 256));
        for (int i = 0; i <= most; i++)
        {
            for (int c = 0; c < 3; c++)
            {
                ushort value = i < palette[c].Length ? (ushort)palette[c][i] : (ushort)0;
                levels[(3 * i) + c] = (byte)(isNarrow ? value : value >> 8);
            }
        }

        return levels;
    }
}
