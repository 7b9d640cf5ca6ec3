using Engine;

namespace Fuzz.Tests;

/// <summary>What fuzzing starts from.</summary>
internal static class Corpus
{
    private static readonly byte[] Telling = [0, 1, 2, 0x7F, 0x80, 0xFF, .. "\"{}[],:(.0-19eE\\/NRbtu"u8];

    /// <summary>A format's seeds, those in Seeds/FORMAT included.</summary>
    public static IReadOnlyList<byte[]> Of(FuzzTarget target)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "Seeds", target.Name);
        return [.. target.Seeds(), .. Directory.Exists(folder) ? Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : []];
    }

    /// <summary>An input with one to four random changes, some of them pieces of another.</summary>
    public static byte[] Mutate(byte[] original, byte[] other, RandomSource random)
    {
        List<byte> bytes = [.. original];
        for (int edits = 1 + random.NextInt(4); edits > 0 && bytes.Count > 0; edits--)
        {
            int at = random.NextInt(bytes.Count), length = Math.Min(1 + random.NextInt(16), bytes.Count - at);
            int from = random.NextInt(Math.Max(1, other.Length)), piece = Math.Min(1 + random.NextInt(16), other.Length - from);
            switch (random.NextInt(8))
            {
                case 0: bytes[at] ^= (byte)(1 << random.NextInt(8)); break;
                case 1: bytes[at] = (byte)random.NextInt(256); break;
                case 2: bytes[at] = Telling[random.NextInt(Telling.Length)]; break;
                case 3: bytes.Insert(at, Telling[random.NextInt(Telling.Length)]); break;
                case 4: bytes.RemoveRange(at, length); break;
                case 5: bytes.RemoveRange(at, bytes.Count - at); break;
                case 6: bytes.InsertRange(at, other.AsSpan(from, piece)); break;
                default:
                    // An integer at one of its ends, as lengths and places are.
                    for (int i = 0, width = 1 << random.NextInt(4), fill = random.NextInt(3); i < width && at + i < bytes.Count; i++)
                    {
                        bytes[at + i] = fill switch { 0 => 0, 1 => 0xFF, _ => (byte)(i == width - 1 ? 0x7F : 0xFF) };
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
