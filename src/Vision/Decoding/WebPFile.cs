using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>The parts of a WebP file: https://developers.google.com/speed/webp/docs/riff_container.</summary>
internal readonly ref struct WebPFile
{
    private const int FileHeader = 12, ChunkHeader = 8, FrameHeader = 16;

    private WebPFile(ReadOnlySpan<byte> image, Region? place, (int, int) canvas, Orientation orientation)
    {
        Image = image;
        (Place, Canvas, Orientation) = (place, canvas, orientation);
    }

    /// <summary>What libwebp decodes: the whole file, or the pixels of an animation's first frame.</summary>
    public ReadOnlySpan<byte> Image { get; }

    /// <summary>Where the first frame of an animation belongs; null for a still image.</summary>
    public Region? Place { get; }

    /// <summary>The size of an animation.</summary>
    public (int Width, int Height) Canvas { get; }

    /// <summary>How the camera was held.</summary>
    public Orientation Orientation { get; }

    /// <summary>Whether a file begins as WebP files do.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) => file.Length >= FileHeader && file.StartsWith("RIFF"u8) && file[8..].StartsWith("WEBP"u8);

    /// <summary>Finds the parts.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or truncated.</exception>
    public static WebPFile Read(ReadOnlySpan<byte> file)
    {
        Orientation orientation = Orientation.Upright;
        ReadOnlySpan<byte> frame = default;
        (int, int) canvas = default;
        bool isAnimated = false;
        ReadOnlySpan<byte> rest = file[FileHeader..];
        while (NextChunk(ref rest, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> body))
        {
            if (name.SequenceEqual("VP8X"u8) && body.Length >= 10)
            {
                (isAnimated, canvas) = ((body[0] & 2) != 0, (1 + Read24(body[4..]), 1 + Read24(body[7..])));
            }
            else if (name.SequenceEqual("EXIF"u8))
            {
                // Some programs put JPEG's mark before it.
                orientation = Orientations.FromExif(body.StartsWith("Exif\0\0"u8) ? body[6..] : body);
            }
            else if (name.SequenceEqual("ANMF"u8) && frame.IsEmpty)
            {
                frame = body;
            }
        }

        return isAnimated ? FirstFrame(frame, canvas, orientation) : new WebPFile(file, null, default, orientation);
    }

    private static WebPFile FirstFrame(ReadOnlySpan<byte> frame, (int Width, int Height) canvas, Orientation orientation)
    {
        if (frame.Length < FrameHeader)
        {
            throw new InvalidDataException("it is truncated");
        }

        Region place = new(2 * Read24(frame), 2 * Read24(frame[3..]), 1 + Read24(frame[6..]), 1 + Read24(frame[9..]));
        if (place.Left + place.Width > canvas.Width || place.Top + place.Height > canvas.Height)
        {
            throw new InvalidDataException("its first frame is larger than it");
        }

        // The transparency before the pixels is not needed.
        ReadOnlySpan<byte> rest = frame[FrameHeader..], from = rest;
        while (NextChunk(ref rest, out ReadOnlySpan<byte> name, out _))
        {
            if (name.StartsWith("VP8"u8))
            {
                return new WebPFile(from, place, canvas, orientation);
            }

            from = rest;
        }

        throw new InvalidDataException("it is truncated");
    }

    // Chunks have a name, a length and a content, padded to whole pairs of bytes. Of the last one the end may be missing: libwebp judges that.
    private static bool NextChunk(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> body)
    {
        name = body = [];
        if (rest.Length < ChunkHeader)
        {
            return false;
        }

        name = rest[..4];
        long length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
        rest = rest[ChunkHeader..];
        body = rest[..(int)Math.Min(length, rest.Length)];
        rest = rest[(int)Math.Min(length + (length & 1), rest.Length)..];
        return true;
    }

    private static int Read24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
}
