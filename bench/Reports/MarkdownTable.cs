using System.Text;

namespace Engine.Bench.Reports;

/// <summary>A table of Markdown.</summary>
internal sealed class MarkdownTable
{
    private readonly List<string[]> _rows = [];

    /// <param name="columns">The headings; the first column is text, all others numbers.</param>
    public MarkdownTable(params IReadOnlyList<string> columns) => Add(columns);

    /// <summary>Adds a row, as many cells as there are columns.</summary>
    public void Add(params IReadOnlyList<string> cells) => _rows.Add([.. cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))]);

    /// <summary>The lines, each ended.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        Append(text, _rows[0]);
        Append(text, [.. _rows[0].Select((_, i) => i == 0 ? "---" : "---:")]);
        foreach (string[] row in _rows.Skip(1))
        {
            Append(text, row);
        }

        return text.ToString();
    }

    /// <summary>The lines with their columns below one another, as a terminal shows them: text to the left, numbers to the right.</summary>
    /// <param name="textColumns">How many columns, from the first, are text.</param>
    public string Aligned(int textColumns)
    {
        StringBuilder text = new();
        int[] widths = [.. _rows[0].Select((_, i) => _rows.Max(row => row[i].Length))];
        Append(text, Padded(_rows[0]));
        Append(text, [.. widths.Select((width, i) => i < textColumns ? new string('-', width) : new string('-', width - 1) + ":")]);
        foreach (string[] row in _rows.Skip(1))
        {
            Append(text, Padded(row));
        }

        return text.ToString();

        string[] Padded(string[] row) => [.. row.Select((cell, i) => i < textColumns ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))];
    }

    private static void Append(StringBuilder text, string[] cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
}
