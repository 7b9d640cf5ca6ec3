using System.Text.Json;
using Engine.Formats;

namespace Engine.Tests.Formats;

/// <summary>What Data/make_checkpoints.py made with PyTorch.</summary>
internal static class CheckpointData
{
    private static readonly Lazy<JsonDocument> Expected = new(() => JsonDocument.Parse(File.ReadAllText(FilePath("expected.json"))));

    /// <summary>Where a file lies.</summary>
    public static string FilePath(string name) => Path.Combine(AppContext.BaseDirectory, "Formats", "Data", name);

    /// <summary>The tensors of one of the script's state dictionaries, as PyTorch has them.</summary>
    public static List<StoredTensor> Tensors(string state) =>
    [
        .. Expected.Value.RootElement.GetProperty(state).EnumerateObject().Select(p => new StoredTensor(
            p.Name,
            Enum.Parse<StoredType>(p.Value.GetProperty("type").GetString()!),
            [.. p.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())],
            () => Convert.FromHexString(p.Value.GetProperty("bytes").GetString()!))),
    ];

    /// <summary>Demands that a file has exactly these tensors, to the last bit.</summary>
    public static void AssertEqual(IReadOnlyList<StoredTensor> expected, TensorFile file)
    {
        Assert.Equal(expected.Select(t => t.Name), file.Entries.Select(e => e.Name));
        foreach (StoredTensor tensor in expected)
        {
            StoredEntry entry = file.Find(tensor.Name)!;
            Assert.Equal(tensor.Type, entry.Type);
            Assert.Equal(tensor.Extents, entry.Extents);
            Assert.True(tensor.Bytes().AsSpan().SequenceEqual(file.Read(entry)), $"the numbers of {tensor.Name} differ");
        }
    }
}
