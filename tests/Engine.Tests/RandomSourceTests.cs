namespace Engine.Tests;

public sealed class RandomSourceTests
{
    // Made by a program of its own in another language, which also gives the published first numbers of splitmix64 (seed 1234567)
    // and of xoshiro256** (state 1, 2, 3, 4).
    [Theory]
    [InlineData(new long[0], 0x422ea740d0977210, 0xe062b061b42e2928, 0x5a071fc5930841b6)]
    [InlineData(new long[] { 0 }, 0x66feec5d9fa2975a, 0xdfd93c9c976a86ba, 0xfb9bd39b9d7fe926)]
    [InlineData(new long[] { 1, 2, 3 }, 0xf7b53da43f92deb2, 0xa960eecb67e6713f, 0x988a02746c9737cf)]
    [InlineData(new long[] { -5 }, 0x1d4876c0bf7a3f46, 0x51d909ede947b697, 0xa9340efb5ba0a47e)]
    public void Streams_are_the_known_ones(long[] seeds, ulong first, ulong second, ulong third)
    {
        RandomSource random = new(seeds);
        Assert.Equal(first, random.NextBits());
        Assert.Equal(second, random.NextBits());
        Assert.Equal(third, random.NextBits());

        random.Restart(seeds);
        Assert.Equal(first, random.NextBits());
    }

    [Fact]
    public void A_texts_seed_is_the_known_one() => Assert.Equal(8222887692483215594, RandomSource.SeedOf("layer1.0.conv1.weight"));

    [Fact]
    public void Streams_of_neighboring_seeds_differ()
    {
        HashSet<ulong> first = [.. Enumerable.Range(0, 10_000).Select(i => new RandomSource(i / 100, i % 100).NextBits())];
        Assert.Equal(10_000, first.Count);
        Assert.NotEqual(new RandomSource(1, 2).NextBits(), new RandomSource(2, 1).NextBits());
    }

    [Fact]
    public void Doubles_are_uniform()
    {
        const int count = 100_000;
        RandomSource random = new(1);
        int[] buckets = new int[20];
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            double value = random.NextDouble();
            Assert.InRange(value, 0, 1 - 1e-17);
            buckets[(int)(value * buckets.Length)]++;
            sum += value;
        }

        // Five standard deviations: sqrt(1 / 12 n) of the mean, sqrt(n p (1 - p)) of a bucket.
        Assert.InRange(sum / count, 0.5 - 0.0046, 0.5 + 0.0046);
        Assert.All(buckets, bucket => Assert.InRange(bucket, 5000 - 345, 5000 + 345));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void Integers_are_uniform_below_the_limit(int limit)
    {
        RandomSource random = new(2, limit);
        int[] counts = new int[limit];
        for (int i = 0; i < 30_000; i++)
        {
            counts[random.NextInt(limit)]++;
        }

        double expected = 30_000.0 / limit;
        Assert.All(counts, count => Assert.InRange(count, expected - (5 * Math.Sqrt(expected)), expected + (5 * Math.Sqrt(expected))));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.NextInt(0));
    }

    [Fact]
    public void Normal_draws_have_the_moments_of_the_normal_distribution()
    {
        const int count = 200_000;
        RandomSource random = new(3);
        double[] moments = new double[4];
        for (int i = 0; i < count; i++)
        {
            double value = random.NextNormal();
            for (int power = 0; power < 4; power++)
            {
                moments[power] += Math.Pow(value, power + 1) / count;
            }
        }

        Assert.InRange(moments[0], -0.012, 0.012);
        Assert.InRange(moments[1], 0.98, 1.02);
        Assert.InRange(moments[2], -0.05, 0.05);
        Assert.InRange(moments[3], 2.88, 3.12);
    }

    [Fact]
    public void A_shuffle_is_a_permutation_and_every_place_is_reached()
    {
        int[] firsts = new int[8];
        RandomSource random = new(4);
        for (int i = 0; i < 8000; i++)
        {
            int[] values = [0, 1, 2, 3, 4, 5, 6, 7];
            random.Shuffle<int>(values);
            firsts[values[0]]++;
            Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], values.Order());
        }

        Assert.All(firsts, count => Assert.InRange(count, 1000 - 150, 1000 + 150));
    }

    [Fact]
    public void Restarting_forgets_the_spare_normal_draw()
    {
        RandomSource random = new(5);
        double first = random.NextNormal();
        random.Restart(5);
        Assert.Equal(first, random.NextNormal());
    }
}
