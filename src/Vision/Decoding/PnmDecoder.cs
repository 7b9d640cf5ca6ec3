using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>Decodes the bitmaps, graymaps and pixmaps of Netpbm, written in digits (P1, P2, P3) or bytes (P4, P5, P6), of up to 16 bits a sample.</summary>
/// <remarks>
/// A sample x of at most m becomes 255 x / m, rounded to the nearest (of two to the even one), as in Pillow. It clips 16-bit gray to 255 instead; as for PNG,
/// that is not followed.
/// </remarks>
internal sealed class PnmDecoder : ImageDecoder
{
    private const int MostSample = 65535;

    /// <summary>Whether a file begins as these do.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) =>
        file is [(byte)'P', >= (byte)'1' and <= (byte)'6', (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)'#', ..];

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        int kind = file[1] - '0', at = 2;
        bool isDigits = kind <= 3, isBitmap = kind is 1 or 4, isColor = kind is 3 or 6;
        int width = Number(file, ref at, int.MaxValue), height = Number(file, ref at, int.MaxValue);
        ImageReader.CheckSize(width, height);
        int most = isBitmap ? 1 : Number(file, ref at, MostSample);
        if (most == 0)
        {
            throw new InvalidDataException("its largest sample is 0; expected 1 to 65535");
        }

        // One white character ends the header; a row of bits has whole bytes.
        at += isDigits ? 0 : 1;
        int samples = isColor ? 3 : 1, sampleBytes = most > 255 ? 2 : 1;
        long rowBytes = isBitmap ? (width + 7) / 8 : (long)width * samples * sampleBytes;
        if (isDigits ? file.Length - at < (long)width * height * samples * (isBitmap ? 1 : 2) - 1 : file.Length - at < rowBytes * height)
        {
            throw new InvalidDataException("it is truncated");
        }

        ImageMemory.Check(width, height, 3);
        image.Reserve(width, height);
        Span<byte> pixels = image.Pixels;
        for (int y = 0, p = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = isDigits ? [] : file.Slice(at + (int)(y * rowBytes), (int)rowBytes);
            for (int x = 0; x < width * samples; x++)
            {
                int value = isDigits ? isBitmap ? Bit(file, ref at) : Number(file, ref at, most)
                    : isBitmap ? (row[x >> 3] >> (7 - (x & 7))) & 1
                    : Math.Min(most, sampleBytes == 1 ? row[x] : BinaryPrimitives.ReadUInt16BigEndian(row[(2 * x)..]));

                // In bitmaps 1 is black.
                byte level = most == 255 ? (byte)value : (byte)Math.Round((isBitmap ? 1 - value : value) / (double)most * 255);
                int copies = isColor ? 1 : 3;
                pixels.Slice(p, copies).Fill(level);
                p += copies;
            }
        }

        return Orientation.Upright;
    }

    private static int Number(ReadOnlySpan<byte> file, ref int at, int most)
    {
        PassOver(file, ref at);
        long value = 0;
        int start = at;
        for (; at < file.Length && char.IsAsciiDigit((char)file[at]) && value <= most; at++)
        {
            value = (10 * value) + file[at] - '0';
        }

        return at == start ? throw new InvalidDataException(at < file.Length ? "it is damaged: a number is missing" : "it is truncated")
            : value > most ? throw new InvalidDataException($"a number in it is larger than {most:N0}")
            : (int)value;
    }

    // Between bits there need be no space.
    private static int Bit(ReadOnlySpan<byte> file, ref int at)
    {
        PassOver(file, ref at);
        return at >= file.Length ? throw new InvalidDataException("it is truncated")
            : file[at++] switch
            {
                (byte)'0' => 0,
                (byte)'1' => 1,
                _ => throw new InvalidDataException("it is damaged: a bit is neither 0 nor 1"),
            };
    }

    // White space, and comments up to the end of their line.
    private static void PassOver(ReadOnlySpan<byte> file, ref int at)
    {
        for (bool isComment = false; at < file.Length; at++)
        {
            isComment = isComment ? file[at] is not ((byte)'\n' or (byte)'\r') : file[at] == (byte)'#';
            if (!isComment && !char.IsWhiteSpace((char)file[at]))
            {
                return;
            }
        }
    }
}
