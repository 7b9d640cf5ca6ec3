namespace Engine;

/// <summary>
/// Random numbers that are the same on every machine and runtime: xoshiro256** (D. Blackman, S. Vigna, 2018), seeded by
/// splitmix64 from any number of integers. Deriving a stream from (seed, epoch, sample) makes shuffling and augmentation
/// repeatable without any state to save.
/// </summary>
public sealed class RandomSource
{
    private ulong _s0, _s1, _s2, _s3;
    private double _spareNormal = double.NaN;

    /// <summary>Starts the stream that belongs to these integers, in this order.</summary>
    public RandomSource(params ReadOnlySpan<long> seeds) => Restart(seeds);

    /// <summary>Starts the stream that belongs to these integers in this same object: for a stream per sample without an object per sample.</summary>
    public void Restart(params ReadOnlySpan<long> seeds)
    {
        ulong state = 0x9E3779B97F4A7C15;
        foreach (long seed in seeds)
        {
            state ^= (ulong)seed;
            state = SplitMix(ref state);
        }

        _s0 = SplitMix(ref state);
        _s1 = SplitMix(ref state);
        _s2 = SplitMix(ref state);
        _s3 = SplitMix(ref state);
        _spareNormal = double.NaN;
    }

    /// <summary>A seed made of a text, for a stream that belongs to a name (FNV-1a, 64 bits).</summary>
    public static long SeedOf(string text) => (long)Fnv1a.Of(text);

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        ulong result = ulong.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = ulong.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A number from 0 (included) to 1 (excluded), with 53 random bits.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>An integer from 0 (included) to <paramref name="limit"/> (excluded), without bias worth speaking of (2^-32).</summary>
    public int NextInt(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return (int)(((NextBits() >> 32) * (ulong)limit) >> 32);
    }

    /// <summary>A draw from the normal distribution with mean 0 and deviation 1 (Box and Muller's polar form by Marsaglia).</summary>
    public double NextNormal()
    {
        if (!double.IsNaN(_spareNormal))
        {
            double spare = _spareNormal;
            _spareNormal = double.NaN;
            return spare;
        }

        double u, v, s;
        do
        {
            u = (2 * NextDouble()) - 1;
            v = (2 * NextDouble()) - 1;
            s = (u * u) + (v * v);
        }
        while (s is >= 1 or 0);

        double factor = Math.Sqrt(-2 * Math.Log(s) / s);
        _spareNormal = v * factor;
        return u * factor;
    }

    /// <summary>Puts the elements in a random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = NextInt(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
