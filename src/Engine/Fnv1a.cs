namespace Engine;

/// <summary>
/// The hash FNV-1a in 64 bits (G. Fowler, L. C. Noll, P. Vo), for names and fingerprints: quick, the same on every machine, and no
/// cryptography, for which .NET would need OpenSSL on Linux.
/// </summary>
public struct Fnv1a()
{
    private const ulong Prime = 1099511628211;

    /// <summary>The hash of all that has been added.</summary>
    public ulong Value { get; private set; } = 14695981039346656037;

    /// <summary>Adds a byte, or, in a variant that only tells values apart, a whole word.</summary>
    public void Add(ulong value) => Value = (Value ^ value) * Prime;

    /// <summary>The hash of a text's UTF-16 code units, a word each.</summary>
    public static ulong Of(string text)
    {
        Fnv1a hash = new();
        foreach (char c in text)
        {
            hash.Add(c);
        }

        return hash.Value;
    }

    /// <summary>The hash of some bytes, which is the published one.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        Fnv1a hash = new();
        foreach (byte value in bytes)
        {
            hash.Add(value);
        }

        return hash.Value;
    }
}
