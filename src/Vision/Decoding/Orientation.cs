using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>EXIF's tag 0x0112: where the stored image's first row and column belong, which tells how to turn it upright.</summary>
public enum Orientation : byte
{
    /// <summary>As stored.</summary>
    Upright = 1,

    /// <summary>Mirrored left to right.</summary>
    Mirrored = 2,

    /// <summary>Turned by 180 degrees.</summary>
    UpsideDown = 3,

    /// <summary>Mirrored top to bottom.</summary>
    Flipped = 4,

    /// <summary>Rows and columns exchanged.</summary>
    Transposed = 5,

    /// <summary>To be turned by 90 degrees clockwise.</summary>
    TurnRight = 6,

    /// <summary>Rows and columns exchanged along the other diagonal.</summary>
    Transversed = 7,

    /// <summary>To be turned by 90 degrees counter-clockwise.</summary>
    TurnLeft = 8,
}

/// <summary>Reads and applies <see cref="Orientation"/>.</summary>
internal static class Orientations
{
    private const ushort OrientationTag = 0x0112;
    private const ushort ShortType = 3, LongType = 4, SignedByteType = 6, SignedShortType = 8, SignedLongType = 9;

    /// <summary>Whether the upright image's width is the stored one's height.</summary>
    public static bool SwapsSides(this Orientation orientation) => orientation >= Orientation.Transposed;

    /// <summary>The orientation in a TIFF header with its first directory, as EXIF has it; upright where it is missing or damaged.</summary>
    public static Orientation FromExif(ReadOnlySpan<byte> tiff)
    {
        bool isLittle = tiff.StartsWith("II*\0"u8);
        if (tiff.Length < 8 || (!isLittle && !tiff.StartsWith("MM\0*"u8)))
        {
            return Orientation.Upright;
        }

        uint start = Read32(tiff[4..], isLittle);
        if (start > tiff.Length - 2)
        {
            return Orientation.Upright;
        }

        ReadOnlySpan<byte> directory = tiff[(int)start..];
        int count = Read16(directory, isLittle);
        directory = directory[2..];
        for (int i = 0; i < count && directory.Length >= 12; i++, directory = directory[12..])
        {
            if (Read16(directory, isLittle) == OrientationTag && Value(directory, isLittle) is >= 1 and <= 8 and uint value)
            {
                return (Orientation)value;
            }
        }

        return Orientation.Upright;
    }

    /// <summary>Writes a stored image upright into another.</summary>
    public static void Apply(this Orientation orientation, RgbImage stored, RgbImage upright)
    {
        (int width, int height) = (stored.Width, stored.Height);
        (int outWidth, int outHeight) = orientation.SwapsSides() ? (height, width) : (width, height);
        upright.Reserve(outWidth, outHeight);
        ReadOnlySpan<byte> from = stored.Pixels;
        Span<byte> to = upright.Pixels;

        // The stored place of the upright image's first pixel, and the steps there of its columns and rows.
        (int first, int column, int row) = orientation switch
        {
            Orientation.Mirrored => (width - 1, -1, width),
            Orientation.UpsideDown => ((width * height) - 1, -1, -width),
            Orientation.Flipped => (width * (height - 1), 1, -width),
            Orientation.Transposed => (0, width, 1),
            Orientation.TurnRight => (width * (height - 1), -width, 1),
            Orientation.Transversed => ((width * height) - 1, -width, -1),
            Orientation.TurnLeft => (width - 1, width, -1),
            _ => (0, 1, width),
        };
        int target = 0;
        for (int y = 0; y < outHeight; y++)
        {
            int source = first + (y * row);
            for (int x = 0; x < outWidth; x++, source += column, target += 3)
            {
                from.Slice(source * 3, 3).CopyTo(to[target..]);
            }
        }
    }

    // The standard says SHORT; some cameras write LONG or a signed type, and Pillow takes any integer.
    private static uint? Value(ReadOnlySpan<byte> entry, bool isLittle) => (Read16(entry[2..], isLittle), Read32(entry[4..], isLittle)) switch
    {
        (ShortType or SignedShortType, 1) => Read16(entry[8..], isLittle),
        (LongType or SignedLongType, 1) => Read32(entry[8..], isLittle),
        (SignedByteType, 1) => entry[8],
        _ => null,
    };

    private static ushort Read16(ReadOnlySpan<byte> bytes, bool isLittle) =>
        isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint Read32(ReadOnlySpan<byte> bytes, bool isLittle) =>
        isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
