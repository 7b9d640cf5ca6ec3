using System.Text.RegularExpressions;

namespace Engine.Kernels;

/// <summary>A kernel's parameter as its source declares it.</summary>
/// <param name="Text">The declaration.</param>
/// <param name="Name">Its name; empty where it has none.</param>
/// <param name="IsPointer">Whether it is an address on the device.</param>
/// <param name="IsConstant">Whether what lies there is only read.</param>
/// <param name="Type">Its type without pointer and qualifiers, such as float.</param>
internal sealed record SourceParameter(string Text, string Name, bool IsPointer, bool IsConstant, string Type);

/// <summary>
/// The kernels that a CUDA source declares, read from its text. What macros and templates make is left to the compiler: a kernel that is not found
/// here can still be launched, with its arguments checked by their sizes alone.
/// </summary>
internal sealed partial class SourceSignatures
{
    private const string Bounds = @"(?:__launch_bounds__\s*\([^)]*\)\s*)?";

    private readonly Dictionary<string, IReadOnlyList<SourceParameter>?> _kernels = [];
    private readonly HashSet<string> _mangled = [];
    private readonly List<string> _names = [];

    /// <summary>The kernels with C names, in the order of the source.</summary>
    internal IReadOnlyList<string> Names => _names;

    /// <summary>The parameters of a kernel; null where the text does not say.</summary>
    internal IReadOnlyList<SourceParameter>? Find(string kernel) => _kernels.GetValueOrDefault(kernel);

    /// <summary>Whether a kernel lacks extern "C", so that its compiled name is another one.</summary>
    internal bool IsMangled(string kernel) => _mangled.Contains(kernel);

    /// <summary>Reads a source.</summary>
    internal static SourceSignatures Parse(string source)
    {
        SourceSignatures signatures = new();
        string text = Comment().Replace(source, " ");
        HashSet<string> macros = [.. Definition().Matches(text).Select(match => match.Groups["name"].Value)];
        foreach (Match match in Kernel().Matches(text))
        {
            string name = match.Groups["name"].Value;
            if (match.Groups["c"].Success || ExternBlock().IsMatch(text))
            {
                signatures.Add(name, Parameters(text, match.Index + match.Length, macros));
            }
            else
            {
                signatures._mangled.Add(name);
            }
        }

        return signatures;
    }

    private void Add(string name, IReadOnlyList<SourceParameter>? parameters)
    {
        if (_kernels.TryAdd(name, parameters))
        {
            _names.Add(name);
        }
        else
        {
            // Two of one name, between #if and #else as a rule: only the compiler knows which one it is.
            _kernels[name] = null;
        }
    }

    /// <summary>The text from behind an opening parenthesis to the one that closes it; null where none does.</summary>
    internal static string? Inside(string text, int start)
    {
        int depth = 1;
        for (int end = start; end < text.Length; end++)
        {
            depth += text[end] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return text[start..end];
            }
        }

        return null;
    }

    // From behind the opening parenthesis; null where a macro or a default hides what the parameters are.
    private static List<SourceParameter>? Parameters(string text, int start, HashSet<string> macros)
    {
        string? inside = Inside(text, start)?.Trim();
        if (inside is null || inside.AsSpan().ContainsAny("<>(){}=#") || Word().Matches(inside).Any(word => macros.Contains(word.Value)))
        {
            return null;
        }

        List<SourceParameter> parameters = [];
        foreach (string declaration in inside is "" or "void" ? [] : inside.Split(','))
        {
            if (Declaration().Match(declaration.Trim()) is not { Success: true } match)
            {
                return null;
            }

            List<string> type = [.. Word().Matches(match.Groups["type"].Value).Select(word => word.Value)];
            bool isConstant = type.Remove("const");
            type.RemoveAll(word => word is "const" or "volatile" or "struct");
            parameters.Add(new SourceParameter(
                Space().Replace(declaration.Trim(), " "), match.Groups["name"].Value, match.Groups["star"].Length > 0, isConstant, string.Join(' ', type)));
        }

        return parameters;
    }

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^[ \t]*#[ \t]*define[ \t]+(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"(?<c>extern\s*""C""\s*)?\b__global__\s+" + Bounds + @"void\s+" + Bounds + @"(?<name>\w+)\s*\(")]
    private static partial Regex Kernel();

    [GeneratedRegex(@"extern\s*""C""\s*\{")]
    private static partial Regex ExternBlock();

    // One pointer at most; the name may be missing only behind a pointer.
    [GeneratedRegex(@"^(?<type>[A-Za-z_][\w\s]*?)\s*(?:(?<star>\*)\s*(?:(?:__restrict__|const)\s*)*(?<name>\w*)|\s(?<name>\w+))$")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
