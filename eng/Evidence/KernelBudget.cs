using System.Globalization;

namespace Engine.Evidence;

/// <summary>What one kernel may take at most, whatever compiler of those in use compiles it, and which wide accesses it must have.</summary>
/// <param name="Name">The entry point.</param>
/// <param name="AmpereRegisters">Registers of a thread on sm_80.</param>
/// <param name="AmpereFrame">Bytes of its stack frame on sm_80.</param>
/// <param name="HopperRegisters">Registers of a thread on sm_90.</param>
/// <param name="HopperFrame">Bytes of its stack frame on sm_90.</param>
/// <param name="Shared">Static shared memory of a block, in bytes.</param>
/// <param name="DivisionsInLoops">64-bit divisions that a loop repeats.</param>
/// <param name="DivisionsOnce">64-bit divisions that a thread runs once.</param>
/// <param name="GenericAccesses">Loads and stores through generic addresses.</param>
/// <param name="Wide">Accesses of 16 bytes to global memory: "ls" for loads and stores, "l", "s", or "-".</param>
public sealed record KernelBudget(
    string Name, int AmpereRegisters, int AmpereFrame, int HopperRegisters, int HopperFrame, int Shared, int DivisionsInLoops, int DivisionsOnce,
    int GenericAccesses, string Wide)
{
    // The columns of a line behind the name, in order.
    private static readonly string[] Titles =
        ["registers on sm_80", "bytes of frame on sm_80", "registers on sm_90", "bytes of frame on sm_90", "bytes of shared memory", "64-bit divisions "
            + "in loops",
            "64-bit divisions outside of loops", "generic accesses"];

    private int[] Numbers => [AmpereRegisters, AmpereFrame, HopperRegisters, HopperFrame, Shared, DivisionsInLoops, DivisionsOnce, GenericAccesses];

    /// <summary>Exactly what a compiler made of a kernel.</summary>
    public static KernelBudget Of(KernelMeasure measure) => new(
        measure.Name, measure.Ampere.Registers, measure.Ampere.FrameBytes, measure.Hopper.Registers, measure.Hopper.FrameBytes,
        Math.Max(measure.Ampere.SharedBytes, measure.Hopper.SharedBytes), measure.Ptx.DivisionsInLoops, measure.Ptx.DivisionsOnce, measure.Ptx.GenericAccesses,
        (measure.Ptx.HasWideLoads, measure.Ptx.HasWideStores) switch { (true, true) => "ls", (true, false) => "l", (false, true) => "s", _ => "-" });

    /// <summary>What serves both of two compilers: the greater numbers, and the wide accesses that both have.</summary>
    public KernelBudget Or(KernelBudget other)
    {
        string wide = string.Concat("ls".Where(access => Wide.Contains(access) && other.Wide.Contains(access)));
        int[] numbers = [.. Numbers.Zip(other.Numbers, Math.Max)];
        return FromNumbers(Name, numbers, wide.Length == 0 ? "-" : wide);
    }

    /// <summary>What is more than this budget allows, in words; empty where all is within it.</summary>
    /// <param name="found">What a compiler made of the kernel.</param>
    public IReadOnlyList<string> Excess(KernelBudget found)
    {
        List<string> excess = [.. Titles.Select((title, i) => (title, Allowed: Numbers[i], Found: found.Numbers[i]))
            .Where(column => column.Found > column.Allowed)
            .Select(column => $"{column.Found} {column.title}, at most {column.Allowed}")];
        excess.AddRange("ls".Where(access => Wide.Contains(access) && !found.Wide.Contains(access))
            .Select(access => $"no more 16-byte {(access == 'l' ? "ld.global" : "st.global")}"));
        return excess;
    }

    /// <summary>The line of the file.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Name,-40} {AmpereRegisters,3} {AmpereFrame,5} {HopperRegisters,5} {HopperFrame,5} {Shared,6} {DivisionsInLoops,5} {DivisionsOnce,5} "
                + $"{GenericAccesses,7}  {Wide}");

    /// <summary>Reads a line.</summary>
    /// <exception cref="EngineException">It has other columns.</exception>
    public static KernelBudget Parse(string line, string file, int number)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int[] numbers = new int[Titles.Length];
        bool isRight = words.Length == numbers.Length + 2 && words[^1] is "-" or "l" or "s" or "ls";
        for (int i = 0; isRight && i < numbers.Length; i++)
        {
            isRight = int.TryParse(words[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]);
        }

        return isRight
            ? FromNumbers(words[0], numbers, words[^1])
            : throw new EngineException(
                $"{file}, line {number}: a line needs a kernel's name, {numbers.Length} whole numbers and one of -, l, s, ls; got \"{line}\"");
    }

    private static KernelBudget FromNumbers(string name, int[] n, string wide) => new(name, n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], wide);
}
