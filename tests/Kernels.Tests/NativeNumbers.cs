using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Engine.Kernels.Tests;

/// <summary>
/// Enumerations in the numbering of a library: their documentation says so, "in the numbering of cudaDataType". Each member must have
/// the number of a native name that says the same: every word of the member occurs in it, in full or as the library abbreviates it.
/// </summary>
internal static partial class NativeNumbers
{
    private static readonly string[] Namespaces = ["Engine.Kernels.Interop", "Engine.Kernels.Cudnn"];

    // How NVIDIA's names write a word that they do not write in full; several where they disagree among themselves.
    private static readonly Dictionary<string, string[]> Spellings = new()
    {
        ["BFloat16"] = ["16BF"],
        ["Backward"] = ["BWD"],
        ["Batch"] = ["BN"],
        ["Boolean"] = ["BOOL"],
        ["Compute"] = ["COMP"],
        ["Configuration"] = ["CONFIG", "ENGINECFG"],
        ["Constant"] = ["BIAS"],
        ["Convolution"] = ["CONV"],
        ["Descriptor"] = ["DESC"],
        ["Deviation"] = ["STD"],
        ["Dimensions"] = ["DIM"],
        ["Divide"] = ["DIV"],
        ["Factor"] = ["SCALE"],
        ["Float32"] = ["FLOAT", "_32F"],
        ["Float64"] = ["DOUBLE", "_64F"],
        ["Forward"] = ["FWD"],
        ["Fourier"] = ["FFT"],
        ["Gradient"] = ["DY", "DSCALE", "DBIAS", "DBN"],
        ["Half"] = ["_16F"],
        ["Heuristic"] = ["HEUR"],
        ["Heuristics"] = ["HEUR"],
        ["Input"] = ["X"],
        ["Inverse"] = ["INV", "R"],
        ["Maximum"] = ["MAX"],
        ["Minimum"] = ["MIN"],
        ["Multiply"] = ["MUL"],
        ["Needs"] = ["CUBLASLT"],
        ["Norm"] = ["BN"],
        ["Notes"] = ["NOTE"],
        ["Operations"] = ["OPERATION", "OPS"],
        ["Pointer"] = ["PTR", "VOID_PTR"],
        ["Precision"] = ["PREC"],
        ["Propagation"] = ["PROP"],
        ["Properties"] = ["PROP"],
        ["Root"] = ["SQRT"],
        ["Square"] = ["SQRT"],
        ["Squared"] = ["SQ"],
        ["Statistics"] = ["STATS", "GEN_STATS", "GENSTATS"],
        ["Subtract"] = ["SUB"],
        ["Tile13"] = ["TILE_13"],
        ["Tile4"] = ["TILE_4"],
        ["Tile6"] = ["TILE_6"],
        ["Transform"] = ["FFT"],
    };

    /// <summary>The enumerations of an assembly that say in whose numbering they are, with its name.</summary>
    internal static IReadOnlyList<(Type Type, string Native)> EnumerationsIn(Assembly assembly)
    {
        XElement members = XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Root!.Element("members")!;
        Dictionary<string, string> summaries = members.Elements("member").ToDictionary(member => member.Attribute("name")!.Value, member => member.Value);
        List<(Type, string)> enumerations = [];
        foreach (Type type in assembly.GetTypes().Where(type => type.IsEnum))
        {
            string summary = summaries.GetValueOrDefault($"T:{type.FullName!.Replace('+', '.')}", "");
            if (Numbering().Match(summary) is { Success: true } match)
            {
                enumerations.Add((type, match.Groups[1].Value));
            }
        }

        return enumerations;
    }

    /// <summary>Everything in which an enumeration differs from a library's, a line each.</summary>
    internal static IReadOnlyList<string> Faults(Type type, string native)
    {
        if (!TryFind(native, out Dictionary<string, long>? names))
        {
            return [$"{type.Name} is in the numbering of {native}, of which nothing is known"];
        }

        List<string> faults = [];
        foreach (string member in Enum.GetNames(type))
        {
            long value = Convert.ToInt64(Enum.Parse(type, member));
            string[] same = [.. names.Where(name => name.Value == value).Select(name => name.Key)];
            if (same.Length == 0)
            {
                faults.Add($"{type.Name}.{member} = {value}: no name of {native} has this number");
            }
            else if (!same.Any(name => SaysTheSame(member, name)))
            {
                faults.Add($"{type.Name}.{member} = {value}: {native} calls this number {string.Join(" or ", same)}");
            }
        }

        return faults;
    }

    /// <summary>Every entry of a static table from numbers to native names that the headers do not have so.</summary>
    internal static IReadOnlyList<string> FaultsOfTables(Assembly assembly)
    {
        ILookup<string, long> known = NativeFacts.Enumerations.Values.SelectMany(names => names).ToLookup(name => name.Key, name => name.Value);
        return [.. from type in assembly.GetTypes()
            where Namespaces.Contains(type.Namespace) && !type.ContainsGenericParameters
            from field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            where typeof(IEnumerable<KeyValuePair<int, string>>).IsAssignableFrom(field.FieldType)
            from entry in (IEnumerable<KeyValuePair<int, string>>)field.GetValue(null)!
            where NativeName().IsMatch(entry.Value) && !known[entry.Value].Contains(entry.Key)
            select $"{type.Name}.{field.Name}: {entry.Value} is {string.Join(" or ", known[entry.Value])}, not {entry.Key}"];
    }

    private static bool TryFind(string native, [NotNullWhen(true)] out Dictionary<string, long>? names) =>
        NativeFacts.Enumerations.TryGetValue(native, out names) || NativeFacts.Enumerations.TryGetValue(
            native.EndsWith("_t", StringComparison.Ordinal) ? native[..^2] : $"{native}_t", out names);

    private static bool SaysTheSame(string member, string native) =>
        Word().Matches(member).All(word => native.Contains(word.Value.ToUpperInvariant(), StringComparison.Ordinal)
            || (Spellings.TryGetValue(word.Value, out string[]? spellings) && spellings.Any(spelling => native.Contains(spelling, StringComparison.Ordinal))));

    [GeneratedRegex(@"in\s+the\s+numbering\s+of\s+(\w+)")]
    private static partial Regex Numbering();

    [GeneratedRegex(@"^(CUDA|CUDNN|CUBLAS|NVRTC|NCCL)_[A-Z0-9_]+$")]
    private static partial Regex NativeName();

    // Half, ReluBackward, DX, BFloat16: a capital and what follows, or several capitals before another word.
    [GeneratedRegex(@"BFloat16|[A-Z]+(?![a-z])|[A-Z][a-z]*\d*")]
    private static partial Regex Word();
}
