using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>A PNG file's header.</summary>
/// <param name="Width">Pixels from left to right.</param>
/// <param name="Height">Pixels from top to bottom.</param>
/// <param name="Depth">Bits of a sample.</param>
/// <param name="Type">The samples of a pixel.</param>
/// <param name="IsInterlaced">Whether the pixels come in Adam7's seven passes.</param>
internal readonly record struct PngHeader(int Width, int Height, byte Depth, PngColorType Type, bool IsInterlaced)
{
    /// <summary>Bits of all samples of a pixel.</summary>
    public int BitsPerPixel => Depth * Type switch
    {
        PngColorType.Rgb => 3,
        PngColorType.GrayAlpha => 2,
        PngColorType.Rgba => 4,
        _ => 1,
    };

    /// <summary>Reads the content of an IHDR chunk.</summary>
    /// <param name="body">The content.</param>
    /// <exception cref="InvalidDataException">It is damaged, or claims too many pixels.</exception>
    public static PngHeader Read(ReadOnlySpan<byte> body)
    {
        if (body.Length != 13)
        {
            throw new InvalidDataException("its header is damaged");
        }

        long width = BinaryPrimitives.ReadUInt32BigEndian(body);
        long height = BinaryPrimitives.ReadUInt32BigEndian(body[4..]);
        (byte depth, byte type) = (body[8], body[9]);
        bool isKnown = type switch
        {
            0 => depth is 1 or 2 or 4 or 8 or 16,
            3 => depth is 1 or 2 or 4 or 8,
            2 or 4 or 6 => depth is 8 or 16,
            _ => false,
        };
        if (!isKnown || body[10] != 0 || body[11] != 0 || body[12] > 1)
        {
            throw new InvalidDataException($"its header has an unknown kind of pixels (color type {type}, {depth} bits)");
        }

        ImageReader.CheckSize(width, height);
        return new PngHeader((int)width, (int)height, depth, (PngColorType)type, body[12] == 1);
    }
}

/// <summary>The samples of a PNG file's pixel, by the numbers of the standard.</summary>
internal enum PngColorType : byte
{
    Gray = 0,
    Rgb = 2,
    Palette = 3,
    GrayAlpha = 4,
    Rgba = 6,
}
