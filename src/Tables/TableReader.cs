using Engine.Formats;
using nietras.SeparatedValues;

namespace Engine.Tables;

/// <summary>Takes a table's text apart. Sep finds the rows and fields; what a field is, and what is wrong with it, is decided here.</summary>
/// <param name="name">What messages call the table.</param>
/// <param name="limit">The bytes that it may take.</param>
internal sealed class TableReader(string name, long limit)
{
    private const string Separators = ",;\t|";
    private const int SniffedCharacters = 1 << 16;
    private readonly List<int> _ends = [];
    private readonly List<int> _lines = [];
    private char[] _text = new char[1 << 10];
    private int _length;

    /// <summary>Reads a table.</summary>
    /// <exception cref="EngineException">The text is no table.</exception>
    public Table Read(TextReader reader)
    {
        char[] start = new char[SniffedCharacters];
        ReadOnlyMemory<char> beginning = start.AsMemory(0, reader.ReadBlock(start));
        if (beginning.Span is ['\uFEFF', ..])
        {
            beginning = beginning[1..];
        }

        char separator = SeparatorOf(beginning.Span);
        SepReaderOptions options = new(Sep.New(separator)) { HasHeader = false, DisableColCountCheck = true };
        string[]? columns = null;
        try
        {
            using SepReader rows = options.From(new ContinuedReader(beginning, reader));
            int next = 1;
            foreach (SepReader.Row row in rows)
            {
                // Sep gives the first row the line on which it ends.
                int line = next;
                next = row.LineNumberToExcl;
                if (row.ColCount == 1 && row[0].Span.IsWhiteSpace())
                {
                    continue;
                }

                if (columns is null)
                {
                    columns = HeaderOf(row, line);
                }
                else
                {
                    Add(row, line, columns.Length);
                }
            }
        }
        catch (Exception e) when (e is NotSupportedException or InvalidDataException)
        {
            throw new EngineException(
                $"'{name}' has a row of more than 16 million characters{(_lines.Count > 0 ? $" after line {_lines[^1]:D}" : "")}: perhaps a quote is not "
                    + "closed", e);
        }

        return columns is null ? throw new EngineException($"'{name}' is empty: expected a line with the columns' names, and rows")
            : _lines.Count == 0 ? throw new EngineException($"'{name}' has a header, but no rows")
            : new Table(name, separator, columns, _text, [.. _ends], [.. _lines]);
    }

    // The one that occurs most often in the first line, outside of quotes.
    private static char SeparatorOf(ReadOnlySpan<char> text)
    {
        Span<int> counts = stackalloc int[Separators.Length];
        bool isQuoted = false, isEmpty = true;
        foreach (char c in text)
        {
            if (c is '\n' or '\r' && !isQuoted && !isEmpty)
            {
                break;
            }

            isEmpty &= char.IsWhiteSpace(c) && c != '\t';
            isQuoted ^= c == '"';
            int index = isQuoted ? -1 : Separators.IndexOf(c, StringComparison.Ordinal);
            if (index >= 0)
            {
                counts[index]++;
            }
        }

        int best = 0;
        for (int i = 1; i < counts.Length; i++)
        {
            best = counts[i] > counts[best] ? i : best;
        }

        return Separators[best];
    }

    private string[] HeaderOf(SepReader.Row row, int line)
    {
        string[] columns = new string[row.ColCount];
        HashSet<string> seen = new(StringComparer.Ordinal);
        bool hasText = false;
        for (int i = 0; i < columns.Length; i++)
        {
            _length = 0;
            AddField(row[i].Span, line, i, null);
            columns[i] = new string(_text, 0, _length);
            if (columns[i].Length == 0)
            {
                throw new EngineException($"'{name}', line {line:D}: column {i + 1:D} has no name; give it one, or remove it");
            }

            if (!seen.Add(columns[i]))
            {
                throw new EngineException($"'{name}', line {line:D}: two columns are called '{ShownName.Of(columns[i])}'; rename one");
            }

            hasText |= !NumberText.TryParse(columns[i], out _);
        }

        _length = 0;
        return hasText ? columns : throw new EngineException(
            $"'{name}', line {line:D} has nothing but numbers: expected the columns' names in the first line");
    }

    private void Add(SepReader.Row row, int line, int columns)
    {
        if (row.ColCount != columns)
        {
            // A misplaced quote may be why.
            for (int i = 0; i < row.ColCount; i++)
            {
                AddField(row[i].Span, line, i, "");
            }

            throw new EngineException(
                $"'{name}', line {line:D} has {Count(row.ColCount)}, but the header has {columns:D}: "
                    + (row.ColCount > columns ? "a field with a separator in it must be in quotes" : "each row needs all columns, empty ones too"));
        }

        for (int i = 0; i < columns; i++)
        {
            AddField(row[i].Span, line, i, "");
            _ends.Add(_length);
        }

        _lines.Add(line);
        TableMemory.Check(name, "its text", ((long)_length * sizeof(char)) + ((long)_ends.Count * sizeof(int)), limit);
    }

    // Appends a field's text without its quotes. A quote in any other place would have hidden the separators behind it.
    private void AddField(ReadOnlySpan<char> raw, int line, int column, string? row)
    {
        ReadOnlySpan<char> field = raw.Trim();
        if (field is not ['"', ..])
        {
            Append(!field.Contains('"') ? field : throw Misplaced(line, column));
            return;
        }

        for (int i = 1; ; i++)
        {
            int quote = i < field.Length ? field[i..].IndexOf('"') : -1;
            if (quote < 0)
            {
                throw new EngineException(
                    $"'{name}', line {line:D}: the quote that begins {(row is null ? "the name of column" : "field")} {column + 1:D} is not closed");
            }

            Append(field.Slice(i, quote));
            i += quote + 1;
            if (i == field.Length)
            {
                return;
            }

            if (field[i] != '"')
            {
                throw Misplaced(line, column);
            }

            Append("\"");
        }
    }

    private EngineException Misplaced(int line, int column) => new(
        $"'{name}', line {line:D}: field {column + 1:D} has a quote in its middle: put the whole field in quotes, and double those inside it");

    private void Append(ReadOnlySpan<char> text)
    {
        if ((long)_length + text.Length > 1 << 30)
        {
            throw new EngineException($"'{name}' does not fit in memory: it has more than a billion characters; use fewer rows or columns");
        }

        if (_text.Length - _length < text.Length)
        {
            Array.Resize(ref _text, Math.Max(_length + text.Length, 2 * _text.Length));
        }

        text.CopyTo(_text.AsSpan(_length));
        _length += text.Length;
    }

    private static string Count(int fields) => fields == 1 ? "1 field" : $"{fields:D} fields";

    // The text that was looked at, and what follows it.
    private sealed class ContinuedReader(ReadOnlyMemory<char> beginning, TextReader rest) : TextReader
    {
        private ReadOnlyMemory<char> _beginning = beginning;

        public override int Read(Span<char> buffer)
        {
            if (_beginning.IsEmpty)
            {
                return rest.Read(buffer);
            }

            int count = Math.Min(buffer.Length, _beginning.Length);
            _beginning.Span[..count].CopyTo(buffer);
            _beginning = _beginning[count..];
            return count;
        }

        public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));
    }
}
