using System.Runtime.InteropServices;
using System.Text;
using Engine.Formats;
using Engine.Tests.Formats;
using Engine.Training;

namespace Fuzz.Tests;

/// <summary>Files of weights: all is read that eval, info and convert read of them.</summary>
internal static class WeightTargets
{
    private const int MostSeedBytes = 4500;
    private static readonly byte[] Zip = "PK"u8.ToArray();

    /// <summary>safetensors, PyTorch's two formats, and the index of weights in several files.</summary>
    public static IEnumerable<FuzzTarget> All =>
    [
        new("safetensors", bytes => Read(Scratch.Write("x.safetensors", bytes)), Safetensors),
        new("pytorch-zip", bytes => Read(Scratch.Write("x.pth", bytes.AsSpan().StartsWith(Zip) ? bytes : Around(bytes))), Zips),
        new("pytorch-legacy", bytes => Read(Scratch.Write("x.pth", bytes)), Legacies),
        new("shard-index", ReadIndex, Indexes),
    ];

    /// <summary>Reads a file's names, values and texts.</summary>
    public static void Read(string path)
    {
        using SavedModel model = SavedModel.Open(path);
        model.Data?.Normalization();
        TensorFile file = model.File;
        foreach (StoredEntry entry in file.Entries)
        {
            byte[] values = file.Read(entry);
            if (values.LongLength != entry.ByteCount)
            {
                throw new FuzzFault($"{entry.Name} has {values.Length} bytes, not {entry.ByteCount}");
            }

            StoredTensor half = file.Content(entry.Name, entry, StoredType.F16);
            half.Bytes();
        }

        WeightInspection.Inspect(file, file.Entries.Select(e => (e.Name, e, StoredType.F32)));
        StateDictionary.Entries(null, file);
    }

    /// <summary>A safetensors file with one tensor and texts in its header.</summary>
    public static byte[] File(params (string Name, string Text)[] texts)
    {
        using MemoryStream stream = new();
        SafetensorsWriter.Write(stream, [new("fc.weight", StoredType.F32, [2, 2], () => new byte[16])], texts.ToDictionary(t => t.Name, t => t.Text));
        return stream.ToArray();
    }

    private static IEnumerable<byte[]> Safetensors()
    {
        yield return File();
        yield return File(("options", new RunManifest().ToJson()), ("data", RunTargets.DataText));
        yield return File(("engine_checkpoint", "1"), ("options", new RunManifest().ToJson()), ("state", RunTargets.StateText));
        using MemoryStream stream = new();
        StoredType[] types = Enum.GetValues<StoredType>();
        SafetensorsWriter.Write(stream, [.. types.Select(t => new StoredTensor($"bn.running_var.{t}", t, [3], () => new byte[3 * t.Size()]))]);
        yield return stream.ToArray();
    }

    // A pickle alone stands for a zip file around it, so that the checksum of the pickle is always right.
    private static byte[] Around(byte[] pickle) => TorchFile.Zip(
        ("x/data.pkl", pickle), ("x/data/0", MemoryMarshal.AsBytes<float>(TorchFile.Numbers).ToArray()), ("x/version", "3\n"u8.ToArray()));

    private static IEnumerable<byte[]> Zips() =>
    [
        .. Files("*.zip.pth"), .. Files("*.pt"), TorchFile.Zip(TorchFile.Dict(("fc.weight", TorchFile.Tensor))),
        Pickle(TorchFile.Dict(("fc.weight", TorchFile.Tensor))),
        Pickle(TorchFile.Dict(("state_dict", TorchFile.Dict(("module.fc.weight", TorchFile.Tensor))), ("epoch", "K\u0001"))),
        Pickle("ccollections\nOrderedDict\n)R(S'fc.weight'\n" + TorchFile.Tensor + "S'n'\nG" + "\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008ub"),
    ];

    private static IEnumerable<byte[]> Legacies() => [.. Files("*.legacy.pth"), TorchFile.Legacy(TorchFile.Dict(("fc.weight", TorchFile.Tensor)))];

    private static byte[] Pickle(string text) => [0x80, 2, .. Encoding.Latin1.GetBytes(text + ".")];

    private static IEnumerable<byte[]> Files(string pattern) => Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Files"), pattern)
        .Order(StringComparer.Ordinal).Select(System.IO.File.ReadAllBytes).Where(f => f.Length <= MostSeedBytes);

    private static void ReadIndex(byte[] bytes)
    {
        if (!System.IO.File.Exists(Scratch.Path("shards/a.safetensors")))
        {
            Scratch.Write("shards/a.safetensors", File());
            Scratch.Write("shards/b.bin", TorchFile.Zip(TorchFile.Dict(("fc.bias", TorchFile.Tensor))));
            Scratch.Write("shards/c.pth", [1, 2, 3]);
        }

        Read(Scratch.Write("shards/model.safetensors.index.json", bytes));
    }

    private static IEnumerable<byte[]> Indexes() =>
    [
        """{"metadata":{"total_size":32},"weight_map":{"fc.weight":"a.safetensors","fc.bias":"b.bin"}}"""u8.ToArray(),
        """{"weight_map":{"fc.weight":"c.pth"}}"""u8.ToArray(), """{"weight_map":{"x\ud800":"../a.safetensors"}}"""u8.ToArray(),
    ];
}
