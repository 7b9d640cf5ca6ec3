using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>
/// Looks at a TIFF file's first directory before LibTiff does, which takes memory for as many values as an entry states, and for as many strips or tiles
/// as the image's size asks for.
/// </summary>
internal static class TiffDirectory
{
    // An entry has a tag, a type, a count, and the values or their place; the number of entries comes first.
    private const int EntryBytes = 12, Short = 3, BigVersion = 43;
    private const int Width = 256, Height = 257, RowsPerStrip = 278, TileWidth = 322, TileHeight = 323;

    /// <summary>Checks a file.</summary>
    /// <exception cref="InvalidDataException">The directory is damaged, or the image too large.</exception>
    public static void Check(ReadOnlySpan<byte> file)
    {
        TiffBytes bytes = new(file);
        if (bytes.Short(2) == BigVersion)
        {
            throw new InvalidDataException("it is a BigTIFF file, which is not read: save it as TIFF");
        }

        long start = bytes.Int(4), count = bytes.Short(start), at = start + 2;
        (long width, long height, long rows, long tileWidth, long tileHeight) = (0, 0, long.MaxValue, 0, 0);
        for (long i = 0; i < count; i++, at += EntryBytes)
        {
            if (bytes.Int(at + 4) > file.Length)
            {
                throw new InvalidDataException("it is truncated or damaged: its directory states more values than the file can hold");
            }

            long value = bytes.Short(at + 2) == Short ? bytes.Short(at + 8) : bytes.Int(at + 8);
            switch (bytes.Short(at))
            {
                case Width: width = value; break;
                case Height: height = value; break;
                case RowsPerStrip: rows = value; break;
                case TileWidth: tileWidth = value; break;
                case TileHeight: tileHeight = value; break;
                default: break;
            }
        }

        ImageReader.CheckSize(width, height);
        bool isTiled = tileWidth > 0 && tileHeight > 0;
        long parts = isTiled ? Parts(width, tileWidth) * Parts(height, tileHeight) : Parts(height, Math.Max(1, rows));

        // The place of each in the file is written there.
        if (parts > file.Length)
        {
            throw new InvalidDataException($"it is truncated or damaged: {file.Length:N0} bytes cannot hold {parts:N0} strips or tiles");
        }
    }

    private static long Parts(long whole, long part) => ((whole - 1) / part) + 1;
}

/// <summary>Numbers of a TIFF file, in its own order of bytes.</summary>
internal readonly ref struct TiffBytes(ReadOnlySpan<byte> file)
{
    private readonly ReadOnlySpan<byte> _file = file;
    private readonly bool _isLittle = file[0] == 'I';

    /// <summary>The 16 bits at a place.</summary>
    public int Short(long at) => _isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(At(at, 2)) : BinaryPrimitives.ReadUInt16BigEndian(At(at, 2));

    /// <summary>The 32 bits at a place.</summary>
    public long Int(long at) => _isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(At(at, 4)) : BinaryPrimitives.ReadUInt32BigEndian(At(at, 4));

    private ReadOnlySpan<byte> At(long at, int bytes) => at >= 0 && at <= _file.Length - bytes
        ? _file.Slice((int)at, bytes)
        : throw new InvalidDataException("it is truncated or damaged: its directory is not in it");
}
