using System.Buffers.Binary;
using System.Numerics;

namespace Engine.Vision;

/// <summary>Decodes BMP files of Windows and OS/2: palettes of 1 to 8 bits, 16, 24 and 32 bits, with masks, and run-length coded.</summary>
/// <remarks>As Pillow's convert("RGB"): alpha is dropped, and a sample of b bits becomes x 255 / (2^b - 1), rounded down.</remarks>
internal sealed class BmpDecoder : ImageDecoder
{
    private readonly byte[] _palette = new byte[256 * 3];

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        BmpHeader header = BmpHeader.Read(file);
        ReadPalette(file, header);
        ReadOnlySpan<byte> data = file[header.Data..];
        if (header.Coding is BmpCoding.Rle8 or BmpCoding.Rle4)
        {
            DecodeRuns(header, data, image);
            return Orientation.Upright;
        }

        long stride = (((long)header.Width * header.Bits) + 31) / 32 * 4, rowBytes = (((long)header.Width * header.Bits) + 7) / 8;
        if ((stride * (header.Height - 1)) + rowBytes > data.Length)
        {
            throw new InvalidDataException("it is truncated");
        }

        ImageMemory.Check(header.Width, header.Height, 3);
        image.Reserve(header.Width, header.Height);
        for (int y = 0; y < header.Height; y++)
        {
            Expand(header, data.Slice((int)(stride * y), (int)rowBytes), Row(header, image, y));
        }

        return Orientation.Upright;
    }

    private static Span<byte> Row(BmpHeader header, RgbImage image, int stored)
    {
        int y = header.IsTopDown ? stored : header.Height - 1 - stored;
        return image.Pixels.Slice(y * header.Width * 3, header.Width * 3);
    }

    // Blue comes first. A color that is missing is black.
    private void ReadPalette(ReadOnlySpan<byte> file, BmpHeader header)
    {
        _palette.AsSpan().Clear();
        for (int i = 0; i < header.Palette.Colors; i++)
        {
            ReadOnlySpan<byte> color = file.Slice(header.Palette.Start + (i * header.Palette.Entry), 3);
            (_palette[3 * i], _palette[(3 * i) + 1], _palette[(3 * i) + 2]) = (color[2], color[1], color[0]);
        }
    }

    private void Expand(BmpHeader header, ReadOnlySpan<byte> row, Span<byte> pixels)
    {
        (int Shift, uint Most) red = Place(header.Masks.Red), green = Place(header.Masks.Green), blue = Place(header.Masks.Blue);
        int mask = (1 << Math.Min(8, header.Bits)) - 1;
        for (int x = 0, p = 0; p < pixels.Length; x++, p += 3)
        {
            switch (header.Bits)
            {
                case <= 8:
                    int bit = x * header.Bits;
                    int color = (row[bit >> 3] >> (8 - header.Bits - (bit & 7))) & mask;
                    _palette.AsSpan(3 * color, 3).CopyTo(pixels[p..]);
                    break;
                case 24:
                    (pixels[p], pixels[p + 1], pixels[p + 2]) = (row[(3 * x) + 2], row[(3 * x) + 1], row[3 * x]);
                    break;
                default:
                    uint value = header.Bits == 16
                        ? BinaryPrimitives.ReadUInt16LittleEndian(row[(2 * x)..])
                        : BinaryPrimitives.ReadUInt32LittleEndian(row[(4 * x)..]);
                    (pixels[p], pixels[p + 1], pixels[p + 2]) = (Sample(value, red), Sample(value, green), Sample(value, blue));
                    break;
            }
        }
    }

    private static (int Shift, uint Most) Place(uint mask)
    {
        int shift = mask == 0 ? 0 : BitOperations.TrailingZeroCount(mask);
        return (shift, mask >> shift);
    }

    private static byte Sample(uint value, (int Shift, uint Most) place) =>
        place.Most == 0 ? (byte)0 : (byte)(((value >> place.Shift) & place.Most) * 255UL / place.Most);

    // Pairs of bytes: a count and what is repeated; or 0 and 0 (the row ends), 1 (all ends), 2 (right and up by two more bytes), or a count of what follows
    // as it is, in whole pairs of bytes. What no run reaches has the first color.
    private void DecodeRuns(BmpHeader header, ReadOnlySpan<byte> data, RgbImage image)
    {
        ImageMemory.Check(header.Width, header.Height, 4);
        byte[] indices = new byte[header.Width * header.Height];
        bool isRle4 = header.Coding == BmpCoding.Rle4;
        int x = 0, y = 0, at = 0;
        while (y < header.Height)
        {
            // Some programs leave out the mark of the end.
            if (at + 2 > data.Length)
            {
                if (y < header.Height - 1 || x < header.Width)
                {
                    throw new InvalidDataException("it is truncated");
                }

                break;
            }

            (byte count, byte value) = (data[at], data[at + 1]);
            at += 2;
            if (count > 0)
            {
                Span<byte> run = Room(count);
                for (int i = 0; i < run.Length; i++)
                {
                    run[i] = isRle4 ? (byte)(i % 2 == 0 ? value >> 4 : value & 15) : value;
                }

                x += count;
            }
            else if (value == 0)
            {
                (x, y) = (0, y + 1);
            }
            else if (value == 1)
            {
                break;
            }
            else if (value == 2)
            {
                if (at + 2 > data.Length)
                {
                    throw new InvalidDataException("it is truncated");
                }

                (x, y) = (x + data[at], y + data[at + 1]);
                at += 2;
            }
            else
            {
                int bytes = isRle4 ? (value + 1) / 2 : value;
                if (at + bytes > data.Length)
                {
                    throw new InvalidDataException("it is truncated");
                }

                Span<byte> run = Room(value);
                for (int i = 0; i < run.Length; i++)
                {
                    run[i] = isRle4 ? (byte)(i % 2 == 0 ? data[at + (i / 2)] >> 4 : data[at + (i / 2)] & 15) : data[at + i];
                }

                x += value;
                at += bytes + (bytes & 1);
            }
        }

        image.Reserve(header.Width, header.Height);
        for (y = 0; y < header.Height; y++)
        {
            Span<byte> row = Row(header, image, y);
            for (x = 0; x < header.Width; x++)
            {
                _palette.AsSpan(3 * indices[(y * header.Width) + x], 3).CopyTo(row[(3 * x)..]);
            }
        }

        Span<byte> Room(int count) => x >= header.Width || y >= header.Height
            ? []
            : indices.AsSpan((y * header.Width) + x, Math.Min(count, header.Width - x));
    }
}
