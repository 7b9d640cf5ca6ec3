using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Engine.Vision;

/// <summary>
/// Decodes PNG files (ISO/IEC 15948): gray, color and palette, 1 to 16 bits, with or without alpha, interlaced or not.
/// </summary>
/// <remarks>
/// Written here on .NET's inflate rather than bound to libpng: the format is small, managed code cannot be made to write out of bounds
/// by a hostile file, nothing has to be installed, and libpng's simplified interface would apply gamma chunks that Pillow ignores.
/// As Pillow's convert("RGB"), alpha is dropped, not blended, and of 16 bits the upper 8 count; Pillow clips 16-bit gray to 255
/// instead, which turns nearly every such image white, and is not followed.
/// </remarks>
internal sealed class PngDecoder : ImageDecoder
{
    // Adam7: each pass's first column and row, and its steps.
    private static readonly (int Left, int Top, int Across, int Down)[] Passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private const string EndMissing = "its end is missing";
    private readonly byte[] _palette = new byte[256 * 3];
    private int _colors;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Whether a file begins as PNG files do.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) => file.StartsWith(Signature);

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        PngHeader? header = null;
        Orientation orientation = Orientation.Upright;
        MemoryStream data = new();
        (_colors, Warning) = (0, null);
        bool isOver = false;
        for (int at = Signature.Length; !isOver;)
        {
            // Of a file that ends here the pixels may be whole; whether they are shows when they are unpacked.
            if (file.Length - at < 8)
            {
                CheckTruncated(header, data);
                Warning ??= EndMissing;
                break;
            }

            uint stated = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            ReadOnlySpan<byte> name = file.Slice(at + 4, 4);
            bool isData = name.SequenceEqual("IDAT"u8);
            if ((long)stated + 12 > file.Length - at)
            {
                if (!isData && data.Length == 0)
                {
                    throw new InvalidDataException("it is truncated");
                }

                if (isData)
                {
                    data.Write(file.Slice(at + 8, (int)Math.Min(stated, file.Length - at - 8)));
                }

                CheckTruncated(header, data);
                Warning ??= EndMissing;
                break;
            }

            int length = (int)stated;
            ReadOnlySpan<byte> body = file.Slice(at + 8, length);
            bool isCritical = (name[0] & 0x20) == 0;
            if (isCritical && Crc32.HashToUInt32(file.Slice(at + 4, length + 4)) != BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + length)..]))
            {
                // Pixels have a check sum of their own.
                Warning ??= isData || name.SequenceEqual("IEND"u8)
                    ? $"the check sum of its {Name(name)} chunk is wrong"
                    : throw new InvalidDataException($"its {Name(name)} chunk is damaged");
            }

            at += length + 12;
            if (header is null && !name.SequenceEqual("IHDR"u8))
            {
                throw new InvalidDataException("its header is missing");
            }

            switch (name)
            {
                case var _ when name.SequenceEqual("IHDR"u8):
                    header = PngHeader.Read(body);
                    break;
                case var _ when name.SequenceEqual("PLTE"u8):
                    ReadPalette(body);
                    break;
                case var _ when isData:
                    data.Write(body);
                    break;
                case var _ when name.SequenceEqual("eXIf"u8):
                    orientation = Orientations.FromExif(body);
                    break;
                case var _ when name.SequenceEqual("IEND"u8):
                    isOver = true;
                    break;
                default:
                    if (isCritical)
                    {
                        throw new InvalidDataException($"it needs the unknown chunk {Name(name)}");
                    }

                    break;
            }
        }

        data.Position = 0;
        DecodeRows(header!.Value, data, image);
        return orientation;
    }

    private static void CheckTruncated(PngHeader? header, MemoryStream data)
    {
        if (header is null || data.Length == 0)
        {
            throw new InvalidDataException("it is truncated");
        }
    }

    private void ReadPalette(ReadOnlySpan<byte> body)
    {
        if (body.Length % 3 != 0 || body.Length > _palette.Length)
        {
            throw new InvalidDataException("its palette is damaged");
        }

        body.CopyTo(_palette);
        _colors = body.Length / 3;
    }

    private void DecodeRows(PngHeader header, Stream data, RgbImage image)
    {
        if (header.Type == PngColorType.Palette && _colors == 0)
        {
            throw new InvalidDataException("its palette is missing");
        }

        CheckCost(header, data.Length);
        image.Reserve(header.Width, header.Height);
        using ZLibStream rows = new(data, CompressionMode.Decompress);
        try
        {
            if (header.IsInterlaced)
            {
                foreach ((int left, int top, int across, int down) in Passes)
                {
                    DecodePass(header, rows, image, left, top, across, down);
                }
            }
            else
            {
                DecodePass(header, rows, image, 0, 0, 1, 1);
            }

            // The check sum of all pixels is looked at where the stream ends.
            Warning ??= rows.ReadByte() >= 0 ? "bytes follow its pixels" : null;
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException("it is truncated", e);
        }
        catch (RowException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            // .NET says the same of any damage, and of a stream that ends too early. Of one that wants a dictionary, it is an IOException.
            throw new InvalidDataException(Warning == EndMissing ? "it is truncated" : "its pixels are damaged", e);
        }
    }

    // Deflate packs at most 1,032 bytes into one: a short file with large sides is not unpacked before that shows.
    private static void CheckCost(PngHeader header, long packed)
    {
        const long greatestExpansion = 1032;
        long bytes = (((long)header.Width * header.BitsPerPixel) + 7) / 8 * header.Height;
        if (bytes > packed * greatestExpansion)
        {
            throw new InvalidDataException($"it is truncated or damaged: {packed:N0} bytes cannot hold {header.Width}x{header.Height} pixels");
        }

        ImageMemory.Check(header.Width, header.Height, 6);
    }

    private void DecodePass(PngHeader header, Stream rows, RgbImage image, int left, int top, int across, int down)
    {
        int width = (header.Width - left + across - 1) / across;
        int height = (header.Height - top + down - 1) / down;
        if (width <= 0 || height <= 0)
        {
            return;
        }

        int rowBytes = checked((int)((((long)width * header.BitsPerPixel) + 7) / 8));
        int step = Math.Max(1, header.BitsPerPixel / 8);
        byte[] row = new byte[rowBytes + 1];
        byte[] above = new byte[rowBytes + 1];
        Span<byte> pixels = image.Pixels;
        for (int y = 0; y < height; y++)
        {
            rows.ReadExactly(row);
            Unfilter(row[0], row.AsSpan(1), above.AsSpan(1), step);
            int first = ((((top + (y * down)) * header.Width) + left) * 3);
            Expand(header, row.AsSpan(1), width, pixels[first..], across * 3);
            (row, above) = (above, row);
        }
    }

    // The inverse of the five filters; left, above and corner are 0 outside the image.
    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, int step)
    {
        switch (filter)
        {
            case 0:
                break;
            case 1:
                for (int i = step; i < row.Length; i++)
                {
                    row[i] += row[i - step];
                }

                break;
            case 2:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += above[i];
                }

                break;
            case 3:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += (byte)(((i < step ? 0 : row[i - step]) + above[i]) / 2);
                }

                break;
            case 4:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += i < step ? above[i] : Paeth(row[i - step], above[i], above[i - step]);
                }

                break;
            default:
                throw new RowException($"a row has the unknown filter {filter}");
        }
    }

    private static byte Paeth(byte left, byte above, byte corner)
    {
        int toLeft = Math.Abs(above - corner);
        int toAbove = Math.Abs(left - corner);
        int toCorner = Math.Abs(left + above - (2 * corner));
        return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
    }

    private void Expand(PngHeader header, ReadOnlySpan<byte> row, int width, Span<byte> pixels, int step)
    {
        // Of 16-bit samples the first byte is the upper one.
        int sample = header.Depth == 16 ? 2 : 1;
        int bytes = header.BitsPerPixel / 8;
        int mask = (1 << Math.Min(8, (int)header.Depth)) - 1;
        for (int x = 0, p = 0; x < width; x++, p += step)
        {
            switch (header.Type)
            {
                case PngColorType.Rgb or PngColorType.Rgba:
                    (pixels[p], pixels[p + 1], pixels[p + 2]) = (row[x * bytes], row[(x * bytes) + sample], row[(x * bytes) + (2 * sample)]);
                    break;
                case PngColorType.Palette:
                    int color = Packed(row, x, header.Depth, mask);

                    // As with libpng, a color that the palette lacks is black.
                    Span<byte> target = pixels.Slice(p, 3);
                    if (color < _colors)
                    {
                        _palette.AsSpan(color * 3, 3).CopyTo(target);
                    }
                    else
                    {
                        target.Clear();
                    }

                    break;
                default:
                    byte gray = header.Depth < 8 ? (byte)(Packed(row, x, header.Depth, mask) * 255 / mask) : row[x * bytes];
                    pixels.Slice(p, 3).Fill(gray);
                    break;
            }
        }
    }

    private static int Packed(ReadOnlySpan<byte> row, int x, int depth, int mask)
    {
        int bit = x * depth;
        return (row[bit >> 3] >> (8 - depth - (bit & 7))) & mask;
    }

    private static string Name(ReadOnlySpan<byte> name) => string.Concat(name.ToArray().Select(b => char.IsAsciiLetter((char)b) ? (char)b : '?'));

    private sealed class RowException(string message) : Exception(message);
}
