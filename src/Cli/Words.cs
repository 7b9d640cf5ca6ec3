using System.Globalization;
using Engine.Formats;

namespace Engine.Cli;

/// <summary>English for lists and counts.</summary>
internal static class Words
{
    /// <summary>A count with its noun, such as "1 epoch" or "1,200 epochs".</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">The noun for one.</param>
    /// <param name="many">The noun for several; null for <paramref name="one"/> with an s.</param>
    public static string Count(long count, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many ?? one + "s")}");

    /// <summary>The first of some names, separated by commas.</summary>
    public static string Listed(IReadOnlyList<string> names)
    {
        const int most = 12;
        return string.Join(", ", names.Take(most).Select(ShownName.Of)) + (names.Count > most ? " ..." : "");
    }

    /// <summary>Names to choose from: "A, B or C".</summary>
    public static string Alternatives(IEnumerable<string> names)
    {
        string[] all = [.. names];
        return all.Length < 2 ? string.Concat(all) : $"{string.Join(", ", all[..^1])} or {all[^1]}";
    }
}
