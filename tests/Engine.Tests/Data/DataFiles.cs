using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>Small files in the official formats, with random content.</summary>
internal static class DataFiles
{
    public static byte[] RandomBytes(int count, long seed, int limit = 256)
    {
        RandomSource random = new(seed);
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)random.NextInt(limit);
        }

        return bytes;
    }

    public static MemoryImageSource Images(int count, int height = 4, int width = 5, int channels = 3, int classes = 10, long seed = 1) => new(
        RandomBytes(count * height * width * channels, seed), RandomBytes(count, seed + 1, classes), height, width, channels,
        [.. Enumerable.Range(0, classes).Select(c => $"class {c}")]);

    public static byte[] Idx(byte[] content, params int[] extents)
    {
        byte[] file = new byte[4 + (4 * extents.Length) + content.Length];
        file[2] = 8;
        file[3] = (byte)extents.Length;
        for (int i = 0; i < extents.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + (4 * i)), extents[i]);
        }

        content.CopyTo(file, 4 + (4 * extents.Length));
        return file;
    }

    public static byte[] Gzip(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return packed.ToArray();
    }

    public static void WriteTarGz(string path, IEnumerable<(string Name, byte[] Content)> files)
    {
        using GZipStream gzip = new(File.Create(path), CompressionLevel.Fastest);
        using TarWriter tar = new(gzip, TarEntryFormat.Ustar);
        foreach ((string name, byte[] content) in files)
        {
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        }
    }

    /// <summary>Fails unless reading throws one line that holds all of the parts.</summary>
    public static void AssertOneLine(Action act, params string[] parts)
    {
        EngineException error = Assert.Throws<EngineException>(act);
        Assert.DoesNotContain('\n', error.Message);
        foreach (string part in parts)
        {
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
        }
    }
}
