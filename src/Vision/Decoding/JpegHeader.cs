using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>What must be known of a JPEG file before it is decoded.</summary>
/// <param name="Width">Pixels from left to right, as stored.</param>
/// <param name="Height">Pixels from top to bottom, as stored.</param>
/// <param name="Components">1 for gray, 3 for color, 4 for CMYK and YCCK.</param>
/// <param name="Orientation">How the camera was held.</param>
/// <param name="Marker">The frame header's marker, which tells how the image is coded: C0 to CF.</param>
/// <param name="End">Where the frame header ends in the file.</param>
/// <param name="SamplesPerPixel">Samples of all components together for each pixel: 1.5 where colors have half the rows and columns.</param>
internal readonly record struct JpegHeader(int Width, int Height, int Components, Orientation Orientation, byte Marker, int End, double SamplesPerPixel)
{
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;
    private const byte Application1 = 0xE1;

    /// <summary>Whether a file begins as JPEG files do.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) => file is [0xFF, 0xD8, 0xFF, ..];

    /// <summary>Reads the segments up to the frame header.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public static JpegHeader Read(ReadOnlySpan<byte> file)
    {
        Orientation orientation = Orientation.Upright;
        int at = 2;
        while (true)
        {
            // Like libjpeg, skip what is no marker: 0xFF, any number of 0xFF as padding, and a byte that is neither.
            while (at + 1 < file.Length && (file[at] != 0xFF || file[at + 1] is 0 or 0xFF))
            {
                at++;
            }

            if (at + 4 > file.Length)
            {
                throw new InvalidDataException("it is truncated before its image begins");
            }

            byte marker = file[at + 1];
            at += 2;
            if (marker is 0x01 or (>= 0xD0 and <= 0xD8))
            {
                continue;
            }

            if (marker is StartOfScan or EndOfImage)
            {
                throw new InvalidDataException("it has no frame header");
            }

            int length = BinaryPrimitives.ReadUInt16BigEndian(file[at..]);
            if (length < 2 || at + length > file.Length)
            {
                throw new InvalidDataException("it is truncated or damaged before its image begins");
            }

            ReadOnlySpan<byte> segment = file[(at + 2)..(at + length)];
            at += length;

            // Frame headers are C0 to CF without the Huffman and arithmetic tables (C4, CC) and JPEG's own extension (C8).
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
            {
                return Frame(segment, orientation, marker, at);
            }

            if (marker == Application1 && segment.StartsWith("Exif\0\0"u8))
            {
                orientation = Orientations.FromExif(segment[6..]);
            }
        }
    }

    private static JpegHeader Frame(ReadOnlySpan<byte> segment, Orientation orientation, byte marker, int end)
    {
        if (segment.Length < 6)
        {
            throw new InvalidDataException("its frame header is damaged");
        }

        if (segment[0] != 8)
        {
            throw new InvalidDataException($"its samples have {segment[0]} bits, but only 8 are supported");
        }

        int height = BinaryPrimitives.ReadUInt16BigEndian(segment[1..]);
        int width = BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
        int components = segment[5];
        return width == 0 || height == 0
            ? throw new InvalidDataException($"its size is {width}x{height}")
            : components is 1 or 3 or 4
            ? new JpegHeader(width, height, components, orientation, marker, end, Samples(segment[6..], components))
            : throw new InvalidDataException($"it has {components} components; expected 1 (gray), 3 (color) or 4 (CMYK)");
    }

    // Each component has an identifier, its sampling factors in one byte, and its table.
    private static double Samples(ReadOnlySpan<byte> parts, int components)
    {
        if (parts.Length < 3 * components)
        {
            throw new InvalidDataException("its frame header is damaged");
        }

        int across = 1, down = 1, sum = 0;
        for (int i = 0; i < components; i++)
        {
            (int h, int v) = (parts[(3 * i) + 1] >> 4, parts[(3 * i) + 1] & 15);
            (across, down, sum) = (Math.Max(across, h), Math.Max(down, v), sum + (h * v));
        }

        return Math.Min(components, (double)sum / (across * down));
    }
}
