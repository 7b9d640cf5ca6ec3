using System.Buffers.Binary;
using System.IO.Compression;
using Engine.Vision;
using Vision.Tests;

namespace Fuzz.Tests;

/// <summary>Images, decoded in memory and turned upright.</summary>
internal static class ImageTargets
{
    private static readonly ImageReader Reader = new();

    /// <summary>All kinds of images that are read.</summary>
    public static IEnumerable<FuzzTarget> All =>
    [
        new("png", ReadPng, Pngs),
        Of("jpeg", "images.zip", ".jpg"),
        new("jpeg-managed", ReadManagedJpeg, () => Stored("images.zip", ".jpg")),
        Of("bmp", "other-images.zip", ".bmp"),
        Of("gif", "other-images.zip", ".gif"),
        Of("tiff", "other-images.zip", ".tif"),
        Of("webp", "other-images.zip", ".webp"),
        Of("pnm", "other-images.zip", ".ppm", ".pgm", ".pbm"),
    ];

    private static FuzzTarget Of(string name, string archive, params string[] endings) =>
        new(name, bytes => Reader.Decode(bytes, "x"), () => Stored(archive, endings));

    private static void ReadManagedJpeg(byte[] bytes)
    {
        JpegDecoder.PrefersManaged = true;
        try
        {
            Reader.Decode(bytes, "x");
        }
        finally
        {
            JpegDecoder.PrefersManaged = false;
        }
    }

    // As it is, and with right check sums, which a fuzzer does not find.
    private static void ReadPng(byte[] bytes)
    {
        byte[] mended = Mended(bytes);
        if (!mended.AsSpan().SequenceEqual(bytes))
        {
            try
            {
                Reader.Decode(bytes, "x");
            }
            catch (Engine.EngineException)
            {
            }
        }

        Reader.Decode(mended, "x");
    }

    private static byte[] Mended(byte[] bytes)
    {
        byte[] mended = [.. bytes];
        for (long at = 8; at + 12 <= mended.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(mended.AsSpan((int)at));
            if (at + 12 + length > mended.Length)
            {
                break;
            }

            Span<byte> chunk = mended.AsSpan((int)at + 4, (int)length + 8);
            BinaryPrimitives.WriteUInt32BigEndian(chunk[^4..], PngChunks.Crc(chunk[..^4]));
            at += 12 + length;
        }

        return mended;
    }

    // Of each kind of pixel, 5x3 and 9x9 pixels, each row with another filter, not packed, so that a changed byte is a changed byte.
    private static IEnumerable<byte[]> Pngs()
    {
        foreach ((byte type, byte depth, int samples) in ((byte, byte, int)[])[(0, 1, 1), (0, 16, 1), (2, 8, 3), (3, 2, 1), (4, 8, 2), (6, 16, 4)])
        {
            yield return Png(5, 3, type, depth, samples, interlaced: false);
            yield return Png(9, 9, type, depth, samples, interlaced: true);
        }
    }

    private static byte[] Png(int width, int height, byte type, byte depth, int samples, bool interlaced)
    {
        List<byte> rows = [];
        (int Left, int Top, int Across, int Down)[] passes = interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)];
        foreach ((int left, int top, int across, int down) in passes)
        {
            int columns = (width - left + across - 1) / across;
            for (int y = top; y < height; y += down)
            {
                rows.Add((byte)(y % 5));
                rows.AddRange(Enumerable.Range(0, ((columns * depth * samples) + 7) / 8).Select(i => (byte)(37 * i)));
            }
        }

        using MemoryStream packed = new();
        using (ZLibStream zip = new(packed, CompressionLevel.NoCompression, leaveOpen: true))
        {
            zip.Write([.. rows]);
        }

        byte[] header = [0, 0, 0, (byte)width, 0, 0, 0, (byte)height, depth, type, 0, 0, (byte)(interlaced ? 1 : 0)];
        byte[] exif = [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        return Mended([
            0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, .. Chunk("IHDR"u8, header), .. Chunk("eXIf"u8, exif),
            .. (type == 3 ? Chunk("PLTE"u8, [1, 2, 3, 4, 5, 6, 7, 8, 9]) : []), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, [])]);
    }

    private static byte[] Chunk(ReadOnlySpan<byte> name, byte[] body) => [0, 0, (byte)(body.Length >> 8), (byte)body.Length, .. name, .. body, 0, 0, 0, 0];

    private static IEnumerable<byte[]> Stored(string archiveName, params string[] endings)
    {
        using ZipArchive archive = ZipFile.OpenRead(Path.Combine(AppContext.BaseDirectory, "Files", archiveName));
        foreach (ZipArchiveEntry entry in archive.Entries.Where(e => endings.Contains(Path.GetExtension(e.Name)) && e.Length < 2000))
        {
            using Stream stream = entry.Open();
            byte[] content = new byte[entry.Length];
            stream.ReadExactly(content);
            yield return content;
        }
    }
}
