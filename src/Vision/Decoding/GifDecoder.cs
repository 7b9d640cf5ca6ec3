using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>Decodes the first frame of GIF files (87a and 89a).</summary>
/// <remarks>
/// As Pillow's convert("RGB"): a transparent pixel has the color that the palette gives it, and where the frame leaves the screen free that is the
/// transparent color, or the first one without it. Colors that the palette lacks are black; without any palette there are 256 grays.
/// </remarks>
internal sealed class GifDecoder : ImageDecoder
{
    private const int ScreenHeader = 13, FrameHeader = 9, MostCodes = 4096, NoColor = -1;
    private readonly ushort[] _before = new ushort[MostCodes];
    private readonly byte[] _last = new byte[MostCodes], _turned = new byte[MostCodes];
    private byte[] _indices = [];

    /// <summary>Whether a file begins as GIF files do.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) => file.StartsWith("GIF87a"u8) || file.StartsWith("GIF89a"u8);

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        if (file.Length < ScreenHeader)
        {
            throw new InvalidDataException("it is truncated");
        }

        (int width, int height, byte flags) = (Read16(file[6..]), Read16(file[8..]), file[10]);
        int at = ScreenHeader, background = 0;
        ReadOnlySpan<byte> palette = Palette(file, flags, ref at);
        while (true)
        {
            byte block = Byte(file, at++);
            switch (block)
            {
                case (byte)'!':
                    byte kind = Byte(file, at++);
                    ReadOnlySpan<byte> control = NextPart(file, ref at);
                    if (kind == 0xF9 && control.Length >= 4 && (control[0] & 1) != 0)
                    {
                        background = control[3];
                    }

                    while (!control.IsEmpty)
                    {
                        control = NextPart(file, ref at);
                    }

                    break;
                case (byte)',':
                    ReadOnlySpan<byte> frame = Take(file, ref at, FrameHeader);
                    ReadOnlySpan<byte> own = Palette(file, frame[8], ref at);
                    Region place = new(Read16(frame), Read16(frame[2..]), Read16(frame[4..]), Read16(frame[6..]));
                    (width, height) = (Math.Max(width, place.Left + place.Width), Math.Max(height, place.Top + place.Height));
                    ImageReader.CheckSize(width, height);
                    ImageMemory.Check(width, height, 4);
                    Unpack(file, at, place.Width * place.Height);
                    Paint(image, width, height, place, (frame[8] & 0x40) != 0, own.IsEmpty ? palette : own, background);
                    return Orientation.Upright;
                case (byte)';':
                    throw new InvalidDataException("there is no image in it");
                default:
                    // Bytes between blocks are passed over, as programs do.
                    break;
            }
        }
    }

    private static byte Byte(ReadOnlySpan<byte> file, int at) => at < file.Length ? file[at] : throw new InvalidDataException("it is truncated");

    private static int Read16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> file, scoped ref int at, int count)
    {
        if (at + count > file.Length)
        {
            throw new InvalidDataException("it is truncated");
        }

        at += count;
        return file.Slice(at - count, count);
    }

    private static ReadOnlySpan<byte> Palette(ReadOnlySpan<byte> file, byte flags, scoped ref int at) =>
        Take(file, ref at, (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1));

    // Data come in parts of at most 255 bytes, after an empty one they end.
    private static ReadOnlySpan<byte> NextPart(ReadOnlySpan<byte> file, scoped ref int at)
    {
        int length = Byte(file, at++);
        return Take(file, ref at, length);
    }

    // Lempel-Ziv-Welch with codes of growing width, the lowest bit first: a code stands for the string of another code and one more pixel.
    private void Unpack(ReadOnlySpan<byte> file, int at, int count)
    {
        ImageMemory.Ensure(ref _indices, count);
        int smallest = Byte(file, at++);
        if (smallest is < 1 or > 11)
        {
            throw new InvalidDataException("its pixels are damaged");
        }

        int clear = 1 << smallest, end = clear + 1, next = end + 1, width = smallest + 1;
        int previous = NoColor, done = 0;
        byte first = 0;
        uint bits = 0;
        int held = 0;
        ReadOnlySpan<byte> part = [];
        while (done < count)
        {
            while (held < width)
            {
                if (part.IsEmpty && (part = NextPart(file, ref at)).IsEmpty)
                {
                    throw new InvalidDataException("it is truncated");
                }

                bits |= (uint)part[0] << held;
                part = part[1..];
                held += 8;
            }

            int code = (int)(bits & ((1u << width) - 1));
            (bits, held) = (bits >> width, held - width);
            if (code == clear)
            {
                (next, width, previous) = (end + 1, smallest + 1, NoColor);
                continue;
            }

            if (code == end)
            {
                throw new InvalidDataException("it is truncated");
            }

            if (code > next || (code == next && previous == NoColor))
            {
                throw new InvalidDataException("its pixels are damaged");
            }

            // A code that is only now being made: the string before, and its own first pixel.
            int length = 0, walk = code;
            if (code == next)
            {
                _turned[length++] = first;
                walk = previous;
            }

            for (; walk > end; walk = _before[walk])
            {
                _turned[length++] = _last[walk];
            }

            _turned[length++] = first = (byte)walk;
            for (int taken = Math.Min(length, count - done); taken > 0; taken--)
            {
                _indices[done++] = _turned[--length];
            }

            if (previous != NoColor && next < MostCodes)
            {
                (_before[next], _last[next]) = ((ushort)previous, first);
                next++;
                width += next == 1 << width && width < 12 ? 1 : 0;
            }

            previous = code;
        }
    }

    private void Paint(RgbImage image, int width, int height, Region place, bool isInterlaced, ReadOnlySpan<byte> palette, int background)
    {
        image.Reserve(width, height);
        Span<byte> pixels = image.Pixels;
        if (place != image.Whole)
        {
            Span<byte> color = stackalloc byte[3];
            Look(palette, background, color);
            for (int p = 0; p < pixels.Length; p += 3)
            {
                color.CopyTo(pixels[p..]);
            }
        }

        // Interlaced, every eighth row comes first, then those in the middle between, and so on.
        (int Start, int Step)[] passes = isInterlaced ? [(0, 8), (4, 8), (2, 4), (1, 2)] : [(0, 1)];
        int from = 0;
        foreach ((int start, int step) in passes)
        {
            for (int y = start; y < place.Height; y += step)
            {
                Span<byte> row = pixels.Slice((((place.Top + y) * width) + place.Left) * 3, place.Width * 3);
                for (int x = 0; x < place.Width; x++)
                {
                    Look(palette, _indices[from++], row[(3 * x)..]);
                }
            }
        }
    }

    private static void Look(ReadOnlySpan<byte> palette, int index, Span<byte> color)
    {
        if (palette.IsEmpty)
        {
            color[..3].Fill((byte)index);
        }
        else if ((3 * index) + 3 <= palette.Length)
        {
            palette.Slice(3 * index, 3).CopyTo(color);
        }
        else
        {
            color[..3].Clear();
        }
    }
}
