using System.Text.RegularExpressions;

namespace Engine.Kernels.Prediction;

/// <summary>A parameter of a kernel, as kernels.cu declares it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsPointer">Whether it is an address on the device.</param>
/// <param name="IsConstant">Whether the kernel only reads what is there.</param>
internal readonly record struct KernelParameter(string Name, bool IsPointer, bool IsConstant);

/// <summary>
/// What kernels.cu says of its kernels' parameters, read from the source itself: a pointer to const is what a kernel reads, another
/// one what it writes, so that nobody has to write down a second time what a launch moves.
/// </summary>
internal static partial class KernelSignatures
{
    private static readonly Lazy<Dictionary<string, KernelParameter[]>> Parsed = new(() => Parse(KernelLibrary.Source));

    /// <summary>The names of all kernels, without the endings of their variants.</summary>
    internal static IReadOnlyCollection<string> Names => Parsed.Value.Keys;

    /// <summary>The parameters of a kernel, in order.</summary>
    /// <exception cref="EngineException">kernels.cu has no such kernel.</exception>
    internal static ReadOnlySpan<KernelParameter> Of(string kernel) => Parsed.Value.TryGetValue(kernel, out KernelParameter[]? parameters)
        ? parameters
        : throw new EngineException($"kernels.cu exports no kernel '{kernel}'");

    /// <summary>Reads the EXPORT lines of a source; lists of parameters that are macros are put in.</summary>
    internal static Dictionary<string, KernelParameter[]> Parse(string source)
    {
        source = Comment().Replace(source, "");
        Dictionary<string, string> macros = [];
        source = Definition().Replace(source, match =>
        {
            macros[match.Groups["name"].Value] = match.Groups["text"].Value.Replace("\\\n", " ", StringComparison.Ordinal);
            return "";
        });
        Dictionary<string, KernelParameter[]> kernels = [];
        foreach (Match match in Export().Matches(source))
        {
            string parameters = SourceSignatures.Inside(source, match.Index + match.Length)!;
            foreach ((string name, string text) in macros)
            {
                parameters = Regex.Replace(parameters, $@"\b{name}\b", text.Replace("$", "$$", StringComparison.Ordinal));
            }

            kernels[match.Groups["name"].Value] = [.. parameters.Split(',').Select(ParameterOf)];
        }

        foreach (Match match in Cast().Matches(source))
        {
            kernels[$"cast_{match.Groups["from"]}_{match.Groups["to"]}"] =
                [new("input", true, true), new("output", true, false), new("n", false, false)];
        }

        return kernels;
    }

    private static KernelParameter ParameterOf(string declaration)
    {
        string text = declaration.Trim();
        return new KernelParameter(
            LastName().Match(text).Value, text.Contains('*', StringComparison.Ordinal), text.StartsWith("const ", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^#define[ \t]+(?<name>\w+)(?<text>(?:[^\n]*\\\n)*[^\n]*)\n", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"^EXPORT(?:_PACKED|_PACK|_ONE)?\((?<name>\w+),\s*\(", RegexOptions.Multiline)]
    private static partial Regex Export();

    [GeneratedRegex(@"^EXPORT_CAST\((?<from>\w+),[^,]*,\s*(?<to>\w+),", RegexOptions.Multiline)]
    private static partial Regex Cast();

    [GeneratedRegex(@"\w+$")]
    private static partial Regex LastName();
}
