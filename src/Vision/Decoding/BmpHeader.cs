using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>What a BMP file's two headers say.</summary>
/// <param name="Width">Pixels from left to right.</param>
/// <param name="Height">Pixels from top to bottom.</param>
/// <param name="IsTopDown">Whether the first row stored is the top one; otherwise it is the bottom one.</param>
/// <param name="Bits">Bits of a pixel.</param>
/// <param name="Coding">How pixels are stored.</param>
/// <param name="Masks">Where red, green and blue lie in pixels of 16 and 32 bits.</param>
/// <param name="Palette">Where the palette begins, the bytes of each color (blue first), and the number of colors.</param>
/// <param name="Data">Where the pixels begin.</param>
internal readonly record struct BmpHeader(
    int Width, int Height, bool IsTopDown, int Bits, BmpCoding Coding, (uint Red, uint Green, uint Blue) Masks, (int Start, int Entry, int Colors) Palette,
    int Data)
{
    private const int FileHeader = 14, CoreHeader = 12, InfoHeader = 40;

    /// <summary>Whether a file begins as BMP files do.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) => file.StartsWith("BM"u8);

    /// <summary>Reads the headers.</summary>
    /// <exception cref="InvalidDataException">They are damaged, or of a kind that is not read.</exception>
    public static BmpHeader Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < FileHeader + CoreHeader)
        {
            throw new InvalidDataException("it is truncated");
        }

        ReadOnlySpan<byte> header = file[FileHeader..];
        uint size = Read32(header);
        if (size is not (CoreHeader or InfoHeader or 52 or 56 or 64 or 108 or 124))
        {
            throw new InvalidDataException($"its header is damaged (of {size:N0} bytes)");
        }

        if (header.Length < size)
        {
            throw new InvalidDataException("it is truncated");
        }

        bool isCore = size == CoreHeader;
        long width = isCore ? Read16(header[4..]) : (int)Read32(header[4..]);
        long height = isCore ? Read16(header[6..]) : (int)Read32(header[8..]);
        int bits = Read16(header[(isCore ? 10 : 14)..]);
        uint coding = isCore ? 0 : Read32(header[16..]);
        uint colors = isCore ? 0 : Read32(header[32..]);
        ImageReader.CheckSize(width, Math.Abs(height));
        BmpCoding kind = coding switch
        {
            0 => BmpCoding.Plain,
            1 when bits == 8 => BmpCoding.Rle8,
            2 when bits == 4 => BmpCoding.Rle4,
            3 or 6 when bits is 16 or 32 => BmpCoding.Masks,
            3 when bits == 24 => BmpCoding.Plain,
            _ => throw new InvalidDataException($"its kind of compression ({coding}, with {bits} bits a pixel) is not supported"),
        };
        if (bits is not (1 or 2 or 4 or 8 or 16 or 24 or 32))
        {
            throw new InvalidDataException($"its pixels have {bits} bits, which is no kind of BMP file");
        }

        // Behind a header of 40 bytes the masks come extra; in longer ones they are part of it.
        int start = FileHeader + (int)size;
        (uint, uint, uint) masks = bits == 16 ? (0x7C00u, 0x3E0u, 0x1Fu) : (0xFF0000u, 0xFF00u, 0xFFu);
        if (kind == BmpCoding.Masks)
        {
            if (file.Length < FileHeader + InfoHeader + 12)
            {
                throw new InvalidDataException("it is truncated");
            }

            ReadOnlySpan<byte> stored = file[(FileHeader + InfoHeader)..];
            (uint Red, uint Green, uint Blue) read = (Read32(stored), Read32(stored[4..]), Read32(stored[8..]));
            masks = (read.Red | read.Green | read.Blue) == 0 ? masks : read;
            start += size == InfoHeader ? 12 : 0;
        }

        int most = bits <= 8 ? 1 << bits : 0, entry = isCore ? 3 : 4;
        int used = colors == 0 ? most : (int)Math.Min(colors, (uint)most);
        uint stated = Read32(file[10..]);

        // Some programs forget the palette there.
        long data = stated <= start ? start + ((long)used * entry) : stated;
        return data > file.Length
            ? throw new InvalidDataException("it is truncated")
            : new BmpHeader(
                (int)width, (int)Math.Abs(height), height < 0, bits, kind, masks, (start, entry, Math.Min(used, (int)(data - start) / entry)), (int)data);
    }

    private static ushort Read16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint Read32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}

/// <summary>How a BMP file stores pixels.</summary>
internal enum BmpCoding
{
    /// <summary>Row by row.</summary>
    Plain,

    /// <summary>Row by row, colors where masks say.</summary>
    Masks,

    /// <summary>Runs of 8-bit palette entries.</summary>
    Rle8,

    /// <summary>Runs of pairs of 4-bit palette entries.</summary>
    Rle4,
}
