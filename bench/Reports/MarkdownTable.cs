using System.Text;

namespace Engine.Bench.Reports;

/// <summary>A table of Markdown.</summary>
internal sealed class MarkdownTable
{
    private readonly StringBuilder _text = new();

    /// <param name="columns">The headings; the first column is text, all others numbers.</param>
    public MarkdownTable(params IReadOnlyList<string> columns)
    {
        Add(columns);
        Add([.. columns.Select((_, i) => i == 0 ? "---" : "---:")]);
    }

    /// <summary>Adds a row, as many cells as there are columns.</summary>
    public void Add(params IReadOnlyList<string> cells) =>
        _text.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");

    /// <summary>The lines, each ended.</summary>
    public override string ToString() => _text.ToString();
}
