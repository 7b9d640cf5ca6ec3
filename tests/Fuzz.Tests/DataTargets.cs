using System.Formats.Tar;
using System.IO.Compression;
using Engine;
using Engine.Data;
using Engine.Tests.Data;
using TarFile = Engine.Data.TarFile;

namespace Fuzz.Tests;

/// <summary>The files of data sets.</summary>
internal static class DataTargets
{
    private static readonly IdxSet Mnist = new MnistSet();
    private static readonly CifarSet Cifar = CifarSet.HundredWith(trainRecords: 1, testRecords: 1);

    /// <summary>IDX, tar archives and CIFAR's pickles.</summary>
    public static IEnumerable<FuzzTarget> All => [new("idx", ReadIdx, Idxs), new("tar", ReadTar, Tars), new("cifar-pickle", ReadPickle, Pickles)];

    // As the images of MNIST, and as its labels.
    private static void ReadIdx(byte[] bytes)
    {
        EngineException? last = null;
        foreach ((string images, string labels) in ((string, string)[])[("x", "labels"), ("images", "x")])
        {
            string folder = $"idx-{images}";
            foreach (string part in (string[])["train", "t10k"])
            {
                Write($"{folder}/{part}-images-idx3-ubyte", images == "x" ? bytes : Idx([1, 28, 28]), images == "x");
                Write($"{folder}/{part}-labels-idx1-ubyte", labels == "x" ? bytes : Idx([1]), labels == "x");
            }

            try
            {
                Mnist.Open(Scratch.Path(folder));
                return;
            }
            catch (EngineException e)
            {
                last = e;
            }
        }

        if (last is not null)
        {
            throw last;
        }

        static void Write(string name, byte[] content, bool always)
        {
            if (always || !File.Exists(Scratch.Path(name)))
            {
                Scratch.Write(name, content);
            }
        }
    }

    private static IEnumerable<byte[]> Idxs() => [Idx([1, 28, 28]), Idx([3]), Idx([2, 2, 2]), Gzip(Idx([1, 28, 28])), Gzip(Idx([1]))];

    private static byte[] Idx(int[] extents) =>
        [0, 0, 8, (byte)extents.Length, .. extents.SelectMany(e => (byte[])[0, 0, 0, (byte)e]), .. new byte[extents.Aggregate(1, (a, b) => a * b)]];

    private static byte[] Gzip(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.NoCompression))
        {
            gzip.Write(content);
        }

        return packed.ToArray();
    }

    // Each file of the archive, and then the archive as CIFAR-100's.
    private static void ReadTar(byte[] bytes)
    {
        byte[] mended = Mended(bytes);
        try
        {
            TarFile archive = new(new MemoryStream(mended), 1 << 22);
            while (archive.Next())
            {
                archive.Content.CopyTo(Stream.Null);
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
        }

        Cifar.Open(Scratch.Write("cifar-100-binary.tar.gz", Gzip(mended)));
    }

    // The sums of the headers are made right, which a fuzzer does not find.
    private static byte[] Mended(byte[] bytes)
    {
        byte[] mended = [.. bytes];
        for (int at = 0; at + 512 <= mended.Length; at += 512)
        {
            Span<byte> header = mended.AsSpan(at, 512);
            if (header[257..262].SequenceEqual("ustar"u8))
            {
                int sum = 8 * ' ';
                for (int i = 0; i < 512; i++)
                {
                    sum += i is >= 148 and < 156 ? 0 : header[i];
                }

                System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ", header[148..]);
            }
        }

        return mended;
    }

    private static IEnumerable<byte[]> Tars()
    {
        yield return Tar(TarEntryFormat.Pax, ("cifar-100-binary/test.bin", new byte[3074]));
        byte[] pickle = CifarPickles.Make(new byte[3074], "fine_labels", 2, isFortran: false);
        yield return Tar(TarEntryFormat.Gnu, (new string('a', 120), [1, 2, 3]), ("train", pickle));
        yield return Tar(TarEntryFormat.Ustar, ("train.bin", new byte[3074]), ("test.bin", new byte[3074]));
    }

    private static byte[] Tar(TarEntryFormat format, params (string Name, byte[] Content)[] files)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, format, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in files)
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                    _ => new UstarTarEntry(TarEntryType.RegularFile, name),
                };
                entry.DataStream = new MemoryStream(content);
                entry.ModificationTime = DateTimeOffset.UnixEpoch;
                writer.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }

    private static void ReadPickle(byte[] bytes) => CifarPickle.Read("x", bytes, "labels", 1);

    private static IEnumerable<byte[]> Pickles() => ((bool[])[false, true]).Select(isFortran => CifarPickles.Make(new byte[3073], "labels", 1, isFortran));
}
