using System.Globalization;
using Engine.Formats;

namespace Engine.Tables;

/// <summary>What a cell's text is: a number in the invariant culture, a missing value, or yes and no.</summary>
internal static class NumberText
{
    private static readonly string[] MissingTexts = ["NA", "N/A", "NaN", "?", "null"];

    /// <summary>Whether a text stands for a value that is not known: nothing, NA, N/A, NaN, ? or null, in any case.</summary>
    public static bool IsMissing(ReadOnlySpan<char> text)
    {
        if (text.IsWhiteSpace())
        {
            return true;
        }

        // Few cells are as short as these.
        if (text.Length <= 4)
        {
            foreach (string missing in MissingTexts)
            {
                if (text.Equals(missing, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Reads a number that a float can hold.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && float.IsFinite((float)number);

    /// <summary>Reads a yes or no: 1 and 0, yes and no, true and false, in any case.</summary>
    public static bool TryFlag(ReadOnlySpan<char> text, out bool flag)
    {
        bool isNumber = TryParse(text, out double number);
        flag = isNumber ? number == 1 : text.Equals("yes", StringComparison.OrdinalIgnoreCase) || text.Equals("true", StringComparison.OrdinalIgnoreCase);
        return isNumber ? number is 0 or 1
            : flag || text.Equals("no", StringComparison.OrdinalIgnoreCase) || text.Equals("false", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Why a text is no number, and what would be one.</summary>
    public static string Problem(ReadOnlySpan<char> text)
    {
        string shown = ShownName.Of(text.ToString());
        string point = shown.Replace(',', '.');
        return text.Count(',') == 1 && !text.Contains('.') && TryParse(point, out _)
            ? $"'{shown}' has a comma: write {point} for a decimal comma, or {shown.Replace(",", "", StringComparison.Ordinal)} without thousands separator"
            : text.ContainsAny(",' \u00A0") && TryParse(WithoutThousands(shown), out _)
            ? $"'{shown}' has thousands separators: write {WithoutThousands(shown)}"
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
            ? $"'{shown}' is beyond what a 32-bit float holds"
            : $"'{shown}' is no number";
    }

    private static string WithoutThousands(string text) => string.Concat(text.Where(c => c is not (',' or '\'' or ' ' or '\u00A0')));
}
