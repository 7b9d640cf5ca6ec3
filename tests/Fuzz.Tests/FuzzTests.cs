using Engine;

namespace Fuzz.Tests;

/// <summary>The short form of eng/fuzz: the seeds, and mutations of them from a fixed seed. ENGINE_FUZZ_INPUTS sets how many of each format.</summary>
public sealed class FuzzTests
{
    private const int StandardCount = 1500;

    public static TheoryData<string> Formats => [.. FuzzTarget.All.Keys];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_damaged_file_is_read_or_refused_in_one_line_within_a_gigabyte_and_ten_seconds(string format)
    {
        FuzzTarget target = FuzzTarget.All[format];
        int count = int.TryParse(Environment.GetEnvironmentVariable("ENGINE_FUZZ_INPUTS"), out int given) ? given : StandardCount;
        IReadOnlyList<byte[]> seeds = Corpus.Of(target);
        Assert.Contains(true, seeds.Select(target.Run).ToArray());
        for (int i = 0; i < count; i++)
        {
            RandomSource random = new(20150, i);
            byte[] input = Corpus.Mutate(seeds[random.NextInt(seeds.Count)], seeds[random.NextInt(seeds.Count)], random);
            if (Record.Exception(() => target.Run(input)) is { } e)
            {
                string path = Path.Combine(Path.GetTempPath(), $"engine-fuzz-{format}-{i}");
                File.WriteAllBytes(path, input);
                Assert.Fail($"{path} (input {i}): {e}");
            }
        }
    }

    [Fact]
    public void A_fuzzer_starts_from_small_seeds()
    {
        List<byte[]> all = [.. FuzzTarget.All.Values.SelectMany(Corpus.Of)];
        Assert.All(all, seed => Assert.InRange(seed.Length, 1, 10_000));
        Assert.InRange(all.Sum(seed => seed.Length), 10_000, 200_000);
    }
}
