using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Formats;

namespace Engine.Tests.Formats;

/// <summary>
/// Good files with a few bytes changed at random, from a fixed seed: each is refused in one line or read. ENGINE_MUTATED_FILES sets how
/// many there are; 100,000 take a few minutes.
/// </summary>
public sealed class MutatedFileTests : IDisposable
{
    private const int StandardCount = 1500;
    private const long AllowedBytes = 100 << 20;
    private static readonly TimeSpan AllowedTime = TimeSpan.FromSeconds(20);
    private static readonly byte[] Telling = [0, 1, 2, 0x7F, 0x80, 0xFF, .. "(.0125FIJKLMNQRSTUXabcdeghijlopqrstu}])GBC"u8,
        .. Enumerable.Range(0x80, 0x19).Select(i => (byte)i)];
    private static readonly (string Name, string State)[] Zips =
    [
        ("plain.zip.pth", "plain"), ("strided.zip.pth", "strided"), ("strided.deflated.zip.pth", "strided"), ("wrapped.protocol4.zip.pth", "wrapped"),
        ("written.pth", "plain"), ("foreign.protocol0.zip.pth", "foreign"), ("foreign.protocol2.zip.pth", "foreign"), ("foreign.protocol4.zip.pth", "foreign"),
    ];

    private static readonly string[] Legacies =
        ["plain.legacy.pth", "strided.legacy.pth", "wrapped.legacy.pth", "wrapped.protocol5.legacy.pth", "views.legacy.pth",
         "foreign.protocol0.legacy.pth", "foreign.protocol2.legacy.pth", "foreign.protocol4.legacy.pth"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_mutated_file_is_refused_in_one_line_or_read()
    {
        int count = int.Parse(Environment.GetEnvironmentVariable("ENGINE_MUTATED_FILES") ?? $"{StandardCount}", CultureInfo.InvariantCulture);
        (byte[] Content, List<StoredTensor>? Exact)[] originals = [.. Zips.Select(Zip), .. Legacies.Select(Legacy), (HostileFileTests.Safetensors(), null),
            (HostileFileTests.Safetensors(), null)];
        string path = _folder["x.pth"];
        int read = 0;
        for (int i = 0; i < count; i++)
        {
            RandomSource random = new(20150, i);
            (byte[] original, List<StoredTensor>? exact) = originals[random.NextInt(originals.Length)];
            byte[] mutated = Mutate(original, random);
            File.WriteAllBytes(path, mutated);
            long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
            bool isRead = Read(path, out Dictionary<string, (StoredType Type, long[] Extents, byte[] Elements)> tensors, i);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < AllowedBytes + mutated.Length, $"file {i} took too much memory");
            Assert.True(Stopwatch.GetElapsedTime(start) < AllowedTime, $"file {i} took too long");
            read += isRead ? 1 : 0;

            // A zip file has checksums, so that what is read of it has the right numbers.
            if (isRead && exact is not null)
            {
                foreach ((string name, (StoredType type, long[] extents, byte[] elements)) in tensors)
                {
                    StoredTensor expected = exact.Single(t => t.Name == name);
                    Assert.True(
                        expected.Type == type && expected.Extents.SequenceEqual(extents) && expected.Bytes().AsSpan().SequenceEqual(elements),
                        $"file {i}: {name} is wrong");
                }

                Assert.Equal(exact.Count, tensors.Count);
            }
        }

        // Both happen: most mutations damage, some hit numbers or what is not needed.
        Assert.InRange(read, count / 100, count * 3 / 4);
    }

    private static (byte[] Content, List<StoredTensor>? Exact) Zip((string Name, string State) zip) =>
        (File.ReadAllBytes(CheckpointData.FilePath(zip.Name)), CheckpointData.Tensors(zip.State));

    private static (byte[] Content, List<StoredTensor>? Exact) Legacy(string name) => (File.ReadAllBytes(CheckpointData.FilePath(name)), null);

    private static bool Read(string path, out Dictionary<string, (StoredType Type, long[] Extents, byte[] Elements)> tensors, int number)
    {
        tensors = [];
        try
        {
            using TensorFile file = TensorFile.Open(path);
            foreach (StoredEntry entry in file.Entries)
            {
                byte[] elements = file.Read(entry);
                Assert.Equal(entry.ByteCount, elements.Length);
                tensors.Add(entry.Name, (entry.Type, [.. entry.Extents], elements));
            }

            return true;
        }
        catch (EngineException e)
        {
            Assert.True(
                !e.Message.Any(char.IsControl) && e.Message.Length < 1000 && e.Message.Contains(path, StringComparison.Ordinal),
                $"file {number}: {e.Message}");
            return false;
        }
    }

    private static byte[] Mutate(byte[] original, RandomSource random)
    {
        List<byte> bytes = [.. original];
        for (int edits = 1 + random.NextInt(4); edits > 0 && bytes.Count > 16; edits--)
        {
            int at = random.NextInt(bytes.Count);
            int length = Math.Min(1 + random.NextInt(12), bytes.Count - at);
            switch (random.NextInt(9))
            {
                case 0: bytes[at] ^= (byte)(1 << random.NextInt(8)); break;
                case 1: bytes[at] = (byte)random.NextInt(256); break;
                case 2: bytes[at] = Telling[random.NextInt(Telling.Length)]; break;
                case 3: bytes.Insert(at, Telling[random.NextInt(Telling.Length)]); break;
                case 4: bytes.RemoveRange(at, length); break;
                case 5: bytes.InsertRange(at, bytes.GetRange(random.NextInt(bytes.Count - length + 1), length)); break;
                case 6: bytes.RemoveRange(at, bytes.Count - at); break;
                case 7:
                    // An integer at one of its ends, as lengths and places are.
                    int width = 1 << random.NextInt(4);
                    byte[] extreme = random.NextInt(3) switch
                    {
                        0 => new byte[width],
                        1 => [.. Enumerable.Repeat((byte)0xFF, width)],
                        _ => [.. Enumerable.Repeat((byte)0xFF, width - 1), 0x7F]
                    };
                    for (int i = 0; i < width && at + i < bytes.Count; i++)
                    {
                        bytes[at + i] = extreme[i];
                    }

                    break;
                default:
                    List<byte> piece = bytes.GetRange(random.NextInt(bytes.Count - length + 1), length);
                    for (int i = 0; i < length; i++)
                    {
                        bytes[at + i] = piece[i];
                    }

                    break;
            }
        }

        return [.. CollectionsMarshal.AsSpan(bytes)];
    }
}
