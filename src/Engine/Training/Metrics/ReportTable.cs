using System.Globalization;
using System.Text;

namespace Engine.Training;

/// <summary>Tables of text: the first column starts at the left, the others end at the right; two spaces between columns.</summary>
internal sealed class ReportTable
{
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row; an empty text leaves a cell empty.</summary>
    public ReportTable Add(params string[] cells)
    {
        _rows.Add(cells);
        return this;
    }

    /// <summary>A table of the figures of classes or labels, to which averages may be added.</summary>
    public static ReportTable Of(IEnumerable<ClassFigures> classes)
    {
        ReportTable table = new();
        table.Add("", "precision", "recall", "f1-score", "support");
        foreach (ClassFigures figures in classes)
        {
            table.Add(figures.Name, Number(figures.Precision), Number(figures.Recall), Number(figures.F1), Number(figures.Support));
        }

        return table;
    }

    /// <summary>Adds averages.</summary>
    public ReportTable Add(string name, AverageFigures average, string support) =>
        Add(name, Number(average.Precision), Number(average.Recall), Number(average.F1), support);

    /// <summary>A figure from 0 to 1, or of any size, with three digits behind the point.</summary>
    public static string Number(double figure) => figure.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A count.</summary>
    public static string Number(long count) => count.ToString(CultureInfo.InvariantCulture);

    /// <summary>A figure with six significant digits, for amounts of any unit.</summary>
    public static string Amount(double figure) => figure.ToString("G6", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override string ToString()
    {
        int[] widths = [.. Enumerable.Range(0, _rows.Max(row => row.Length)).Select(column => _rows.Max(row => column < row.Length ? row[column].Length : 0))];
        StringBuilder text = new();
        foreach (string[] row in _rows)
        {
            IEnumerable<string> cells = row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }

        return text.ToString().TrimEnd('\n');
    }
}
