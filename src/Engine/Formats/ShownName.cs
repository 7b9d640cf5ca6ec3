namespace Engine.Formats;

/// <summary>Names as files have them, made fit for a message of one line.</summary>
public static class ShownName
{
    private const int MaxLength = 160;

    /// <summary>A name, cut off where it is very long, without line ends and other control characters.</summary>
    public static string Of(string name)
    {
        string start = name.Length > MaxLength ? name[..MaxLength] + "…" : name;
        return start.Any(IsUnfit) ? string.Create(start.Length, start, (span, text) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = IsUnfit(text[i]) ? '?' : text[i];
            }
        }) : start;
    }

    /// <summary>A path or name in its whole length, without line ends, control characters and halves of characters.</summary>
    public static string Whole(string name)
    {
        System.Text.StringBuilder shown = new(name.Length);
        foreach (System.Text.Rune rune in name.EnumerateRunes())
        {
            bool isUnfit = rune.IsBmp && IsUnfit((char)rune.Value);
            shown.Append(isUnfit ? "?" : rune.ToString());
        }

        return shown.ToString();
    }

    private static bool IsUnfit(char c) => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029';
}
