using System.IO.Compression;
using System.Text;
using Engine.Formats;

namespace Engine.Tests.Formats;

/// <summary>Makes PyTorch files from pickles that are written out, of text that is taken byte for byte.</summary>
internal static class TorchFile
{
    /// <summary>The pickle of a tensor of four numbers in storage 0, of shape [2, 2].</summary>
    public const string Tensor = "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\u0004tQK\u0000(K\u0002K\u0002t(K\u0002K\u0001t\u0089NtR";

    /// <summary>Those four numbers.</summary>
    public static readonly float[] Numbers = [1.5f, -2, 0.25f, 3];

    /// <summary>The first pickles of a legacy file: magic number, version, byte order.</summary>
    public static byte[] LegacyStart =>
    [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.',
        0x80, 2, (byte)'M', 0xe9, 3, (byte)'.',
        0x80, 2, .. "}S'little_endian'\nI01\ns."u8,
    ];

    /// <summary>A zip file with a pickle and storage 0.</summary>
    public static byte[] Zip(string pickle) => Zip(("x/data.pkl", Bytes(pickle)), ("x/data/0", NumberBytes), ("x/version", "3\n"u8.ToArray()));

    /// <summary>A zip file with any entries.</summary>
    public static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using MemoryStream stream = new();
        using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in entries)
            {
                using Stream entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    /// <summary>A legacy file with a pickle and storage 0.</summary>
    public static byte[] Legacy(string pickle) => [.. LegacyStart, .. Bytes(pickle), 0x80, 2, .. "](S'0'\ne."u8, 4, 0, 0, 0, 0, 0, 0, 0, .. NumberBytes];

    /// <summary>A dictionary's pickle from the pickles of its values.</summary>
    public static string Dict(params (string Key, string Value)[] items) => $"}}({string.Concat(items.Select(i => $"S'{i.Key}'\n{i.Value}"))}u";

    /// <summary>Demands that a file has the tensor of four numbers under a name, and nothing else.</summary>
    public static void AssertHolds(TensorFile file, params string[] names)
    {
        Assert.Equal(names, file.Entries.Select(e => e.Name));
        foreach (StoredEntry entry in file.Entries)
        {
            Assert.Equal(NumberBytes, file.Read(entry));
        }
    }

    private static byte[] NumberBytes => System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(Numbers).ToArray();

    private static byte[] Bytes(string pickle) => [0x80, 2, .. Encoding.Latin1.GetBytes(pickle + ".")];
}
