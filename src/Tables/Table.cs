using System.Text;
using Engine.Data;
using Engine.Formats;

namespace Engine.Tables;

/// <summary>
/// A table in memory, as a CSV file has it: named columns and rows of text, each with the number of the line that it begins on. The separator is found by
/// itself: a comma, a semicolon, a tab or a vertical bar. Empty lines are skipped; what stands around a field's text is trimmed, unless it is in quotes.
/// </summary>
public sealed class Table
{
    private const int ShownColumns = 12;

    // All cells' text, row after row, and where each ends: a fraction of the memory of a string for each.
    private readonly char[] _text;
    private readonly int[] _ends;
    private readonly int[] _lines;
    private readonly Dictionary<string, int> _columns;

    internal Table(string name, char separator, string[] columns, char[] text, int[] ends, int[] lines)
    {
        (Name, Separator, Columns, _text, _ends, _lines) = (name, separator, columns, text, ends, lines);
        _columns = columns.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
    }

    /// <summary>What messages call it: a file's name without its folder.</summary>
    public string Name { get; }

    /// <summary>What stands between two fields of a row.</summary>
    public char Separator { get; }

    /// <summary>The names of the columns.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>Rows, without the header.</summary>
    public int RowCount => _lines.Length;

    /// <summary>A cell's text, without its quotes.</summary>
    /// <param name="row">From 0.</param>
    /// <param name="column">From 0.</param>
    public ReadOnlySpan<char> this[int row, int column]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)RowCount, nameof(row));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)column, (uint)Columns.Count, nameof(column));
            int cell = (row * Columns.Count) + column;
            int start = cell == 0 ? 0 : _ends[cell - 1];
            return _text.AsSpan(start, _ends[cell] - start);
        }
    }

    /// <summary>The line of the file, from 1, on which a row begins.</summary>
    public int LineOf(int row) => _lines[row];

    /// <summary>Whether there is a column of this name.</summary>
    public bool HasColumn(string name) => _columns.ContainsKey(name);

    /// <summary>The place of a column, from 0.</summary>
    /// <exception cref="EngineException">There is none of this name; the message has the nearest one.</exception>
    public int ColumnOf(string name) => _columns.TryGetValue(name, out int column) ? column : throw new EngineException(
        $"'{Name}' has no column '{ShownName.Of(name)}'{Suggestion.Phrase(name, Columns, $"; its columns are {Shown(Columns)}")}");

    /// <summary>Reads a CSV file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="encoding">How its bytes are text; null for UTF-8, or what a byte order mark says.</param>
    /// <exception cref="EngineException">The file cannot be read, or is no table; the message names the file and the line.</exception>
    public static Table Open(string path, Encoding? encoding = null) => TableFile.Read(path, encoding);

    /// <summary>Reads a table from text.</summary>
    /// <param name="reader">The text; it is read to its end.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="EngineException">It is no table; the message names the line.</exception>
    public static Table Read(TextReader reader, string name) => new TableReader(name, TableMemory.Limit).Read(reader);

    /// <summary>
    /// Samples of the table's rows, in one call: <see cref="TableEncoding.Learn"/> on all of them, and <see cref="TableEncoding.Encode"/>. Keep the encoding
    /// instead where new rows are to be predicted later.
    /// </summary>
    /// <param name="target">The column that is to be predicted; several with commas between them.</param>
    /// <param name="options">How columns become numbers; null for what is usual.</param>
    /// <exception cref="EngineException">A cell or a column cannot be used; the message names the line and the column.</exception>
    public Samples ToSamples(string target, TableOptions? options = null) => TableEncoding.Learn(this, target, options).Encode(this);

    /// <summary>An error about a cell.</summary>
    internal EngineException Error(int row, int column, string problem) =>
        new($"'{Name}', line {LineOf(row):D}, column '{ShownName.Of(Columns[column])}': {problem}");

    /// <summary>An error about a column.</summary>
    internal EngineException Error(int column, string problem) => new($"'{Name}', column '{ShownName.Of(Columns[column])}' {problem}");

    private static string Shown(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(ShownColumns).Select(ShownName.Of)) + (names.Count > ShownColumns ? " ..." : "");
}
