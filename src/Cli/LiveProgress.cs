using Spectre.Console;

namespace Engine.Cli;

/// <summary>
/// Keeps progress to one line, however narrow the terminal is: a line that wraps changes its height as its numbers grow, and what was drawn before stays.
/// </summary>
internal static class LiveProgress
{
    private const int PercentWidth = 4;
    private const int LongestBar = 24;
    private const int ShortestBar = 6;

    // Between the bar, the percentage and the text, and after them.
    private const int Gaps = 4;

    /// <summary>Starts progress with a bar, a percentage and a text behind them.</summary>
    public static Progress Of(IAnsiConsole console) => console.Progress().AutoClear(true).Columns(
        new ProgressBarColumn { Width = BarWidth(console.Profile.Width) }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left });

    /// <summary>The columns of the bar.</summary>
    /// <param name="width">The columns of the terminal.</param>
    public static int BarWidth(int width) => Math.Clamp(width / 4, ShortestBar, LongestBar);

    /// <summary>The columns that are left for the text.</summary>
    /// <param name="width">The columns of the terminal.</param>
    public static int TextWidth(int width) => Math.Max(0, width - BarWidth(width) - PercentWidth - Gaps);

    /// <summary>As many parts of a text as fit, in their order, with two blanks between.</summary>
    /// <param name="width">The columns that there are.</param>
    /// <param name="parts">The parts, each with a rank: of those that do not fit together, the one of the highest rank is left out first.</param>
    public static string Fit(int width, params IReadOnlyList<(int Rank, string Text)> parts)
    {
        List<(int Rank, string Text)> kept = [.. parts];
        string line = Join(kept);
        while (line.Length > width && kept.Count > 1)
        {
            kept.Remove(kept.MaxBy(p => p.Rank));
            line = Join(kept);
        }

        return line.Length > width ? line[..width] : line;

        static string Join(IEnumerable<(int Rank, string Text)> parts) => string.Join("  ", parts.Select(p => p.Text));
    }
}
