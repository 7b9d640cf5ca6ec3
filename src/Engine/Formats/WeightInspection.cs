using System.Globalization;
using System.Runtime.InteropServices;

namespace Engine.Formats;

/// <summary>What is wrong with some of a tensor's numbers.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="Count">How many numbers it has.</param>
public sealed record WeightFindings(string Name, long Count)
{
    /// <summary>Numbers that are NaN.</summary>
    public long NaNs { get; init; }

    /// <summary>Numbers that are infinite.</summary>
    public long Infinities { get; init; }

    /// <summary>Finite numbers that are too large for the type that they are to become.</summary>
    public long Overflows { get; init; }

    /// <summary>The type that they are to become.</summary>
    public StoredType Becomes { get; init; }

    /// <summary>Of a batch norm's variance, numbers below zero.</summary>
    public long Negatives { get; init; }

    /// <summary>The least of these; 0 where there is none.</summary>
    public double Least { get; init; }

    /// <summary>Whether a network computes with these numbers: all are finite, and stay so.</summary>
    public bool IsFinite => NaNs + Infinities + Overflows == 0;

    /// <summary>What is wrong, in a few words: "3 of its 144 numbers are NaN".</summary>
    public string Text
    {
        get
        {
            List<string> parts = [];
            Add(NaNs, "NaN");
            Add(Infinities, "infinite");
            Add(Overflows, $"too large for {TypeName(Becomes)} and {(Overflows == 1 ? "becomes" : "become")} infinite");
            Add(Negatives, string.Create(CultureInfo.InvariantCulture, $"negative, though it is a variance (the least is {Least:G4})"));
            return string.Join(", ", parts);

            void Add(long count, string what)
            {
                if (count > 0)
                {
                    string start = parts.Count > 0 ? $"{count:N0}" : $"{count:N0} of its {Count:N0} numbers";
                    parts.Add(string.Create(CultureInfo.InvariantCulture, $"{start} {(count == 1 ? "is" : "are")} {what}"));
                }
            }
        }
    }

    private static string TypeName(StoredType type) => type switch
    {
        StoredType.F16 => "float16",
        StoredType.BF16 => "bfloat16",
        StoredType.F32 => "float32",
        _ => "float64",
    };
}

/// <summary>Looks through the numbers of a file for those with which no network computes.</summary>
public static class WeightInspection
{
    private const int PieceElements = 1 << 21;

    /// <summary>Finds NaN, infinities, numbers that become infinite in another type, and variances below zero.</summary>
    /// <param name="file">The file.</param>
    /// <param name="tensors">The tensors to look at: a name for each, and the type that its numbers are to become. Integers are passed over.</param>
    /// <param name="cancellation">Ends it between two tensors.</param>
    /// <returns>Those of which something is wrong.</returns>
    /// <exception cref="EngineException">One is damaged, or the file cannot be read.</exception>
    public static IReadOnlyList<WeightFindings> Inspect(
        TensorFile file, IEnumerable<(string Name, StoredEntry Entry, StoredType Becomes)> tensors, CancellationToken cancellation = default)
    {
        List<WeightFindings> found = [];
        foreach ((string name, StoredEntry entry, StoredType becomes) in tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry.Type.IsFloating() && becomes.IsFloating())
            {
                WeightFindings findings = Inspect(file, name, entry, becomes);
                if (!findings.IsFinite || findings.Negatives > 0)
                {
                    found.Add(findings);
                }
            }
        }

        return found;
    }

    private static WeightFindings Inspect(TensorFile file, string name, StoredEntry entry, StoredType becomes)
    {
        file.Check(entry);
        bool isVariance = name.EndsWith("running_var", StringComparison.Ordinal);
        long nans = 0, infinities = 0, overflows = 0, negatives = 0;
        double least = 0;
        for (long first = 0; first < entry.ElementCount; first += PieceElements)
        {
            int count = (int)Math.Min(PieceElements, entry.ElementCount - first);
            using ByteWindow window = file.Map(entry, first, count);
            ReadOnlySpan<byte> piece = window.Span;
            if (!isVariance && entry.Type == StoredType.F32 && becomes is StoredType.F32 or StoredType.F64 && IsFinite(MemoryMarshal.Cast<byte, uint>(piece)))
            {
                continue;
            }

            for (int i = 0; i < count; i++)
            {
                double value = ElementConversion.Load(piece, entry.Type, i);
                nans += double.IsNaN(value) ? 1 : 0;
                infinities += double.IsInfinity(value) ? 1 : 0;
                overflows += double.IsFinite(value) && IsTooLarge(value, becomes) ? 1 : 0;
                if (isVariance && value < 0)
                {
                    negatives++;
                    least = Math.Min(least, value);
                }
            }
        }

        return new WeightFindings(name, entry.ElementCount)
        {
            NaNs = nans,
            Infinities = infinities,
            Overflows = overflows,
            Becomes = becomes,
            Negatives = negatives,
            Least = least,
        };
    }

    // Neither infinite nor NaN: not all bits of the exponent are set.
    private static bool IsFinite(ReadOnlySpan<uint> bits)
    {
        const uint exponent = 0x7F800000;
        foreach (uint number in bits)
        {
            if ((number & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }

    // After rounding, as the conversion does it.
    private static bool IsTooLarge(double value, StoredType type) => type switch
    {
        StoredType.F32 => float.IsInfinity((float)value),
        StoredType.F16 => Half.IsInfinity((Half)value),
        StoredType.BF16 => float.IsInfinity(HostConversion.FromBFloat16(HostConversion.ToBFloat16((float)value))),
        _ => false,
    };
}
