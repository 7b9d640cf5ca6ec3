using Engine.Data;
using Engine.Formats;

namespace Engine.Tables;

/// <summary>Features of a table's rows.</summary>
/// <param name="Features">[Rows.Count, F].</param>
/// <param name="Rows">The rows of the table that they are of, from 0.</param>
/// <param name="Problems">The rows that could not be encoded, each with a line that names line and column.</param>
public sealed record EncodedRows(ReadOnlyMemory<float> Features, IReadOnlyList<int> Rows, IReadOnlyList<(int Row, string Message)> Problems);

/// <content>What becomes of rows.</content>
public sealed partial record TableEncoding
{
    /// <summary>
    /// Samples of a table's rows: their features and targets. Columns are found by their names; others than those of this encoding are not looked at.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <exception cref="EngineException">A column is not there, or a cell is missing, no number, or of a category or class that is not known; the message names
    /// line and column.</exception>
    public Samples Encode(Table table)
    {
        int[] targets = [.. Targets.Select(table.ColumnOf)];
        ReadOnlyMemory<float> features = EncodeFeatures(table).Features;
        Shape shape = new(FeatureCount);
        Samples samples = Task switch
        {
            SampleTask.Classification => Samples.OfClasses(shape, features, LabelsOf(table, targets[0]), Classes),
            SampleTask.MultiLabel => Samples.OfLabels(shape, features, ValuesOf(table, targets), Targets),
            _ => Samples.OfValues(shape, features, ValuesOf(table, targets), Targets),
        };
        samples = samples.WithFeatureNames(FeatureNames);
        return Weights is null ? samples : samples.WithWeights(WeightsOf(table, table.ColumnOf(Weights)));
    }

    /// <summary>Features of a table's rows, of which nothing else is needed: neither the target nor weights.</summary>
    /// <param name="table">The table.</param>
    /// <param name="skipBadRows">Whether rows that cannot be encoded are left out and told of, instead of being an error.</param>
    /// <exception cref="EngineException">A column is not there, or a cell cannot be encoded.</exception>
    public EncodedRows EncodeFeatures(Table table, bool skipBadRows = false)
    {
        ColumnEncoder[] columns = [.. Columns.Select(c => new ColumnEncoder(table, c, Unknown))];
        int width = FeatureCount;
        TableMemory.Check(table.Name, "its features", (long)table.RowCount * width * sizeof(float), Math.Min(TableMemory.Limit, int.MaxValue));
        float[] features = new float[checked(table.RowCount * width)];
        List<int> rows = new(table.RowCount);
        List<(int Row, string Message)> problems = [];
        for (int row = 0; row < table.RowCount; row++)
        {
            try
            {
                Span<float> into = features.AsSpan(rows.Count * width, width);
                into.Clear();
                foreach (ColumnEncoder column in columns)
                {
                    column.Encode(row, into);
                    into = into[column.Width..];
                }

                rows.Add(row);
            }
            catch (EngineException e) when (skipBadRows)
            {
                problems.Add((row, e.Message));
            }
        }

        return new EncodedRows(features.AsMemory(0, rows.Count * width), rows, problems);
    }

    private int[] LabelsOf(Table table, int column)
    {
        Dictionary<string, int> labels = Classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        bool areNumbers = Classes.All(c => TargetLearner.TryWhole(c, out _));
        int[] all = new int[table.RowCount];
        for (int row = 0; row < all.Length; row++)
        {
            string name = TargetLearner.ClassOf(table[row, column], areNumbers);
            all[row] = labels.TryGetValue(name, out int label) ? label : throw table.Error(
                row, column, $"there is no class '{ShownName.Of(name)}'{Suggestion.Phrase(name, Classes, $"; the classes are {Shown(Classes)}")}");
        }

        return all;
    }

    private float[] ValuesOf(Table table, int[] columns)
    {
        float[] values = new float[checked(table.RowCount * columns.Length)];
        for (int i = 0; i < values.Length; i++)
        {
            (int row, int column) = (i / columns.Length, columns[i % columns.Length]);
            ReadOnlySpan<char> cell = table[row, column];
            values[i] = Task == SampleTask.MultiLabel
                ? NumberText.TryFlag(cell, out bool flag)
                    ? flag ? 1 : 0
                    : throw table.Error(row, column, $"'{ShownName.Of(cell.ToString())}' is no label: expected 0 or 1, no or yes")
                : Number(table, row, column, "the target");
        }

        return values;
    }

    private static float[] WeightsOf(Table table, int column)
    {
        float[] weights = new float[table.RowCount];
        for (int row = 0; row < weights.Length; row++)
        {
            weights[row] = Number(table, row, column, "the weight");
            if (weights[row] < 0)
            {
                throw table.Error(row, column, $"the weight '{table[row, column]}' is negative: expected 0 or more");
            }
        }

        return weights;
    }

    private static float Number(Table table, int row, int column, string what)
    {
        ReadOnlySpan<char> cell = table[row, column];
        return NumberText.IsMissing(cell) ? throw table.Error(row, column, $"{what} is missing")
            : NumberText.TryParse(cell, out double number) ? (float)number
            : throw table.Error(row, column, NumberText.Problem(cell));
    }

    private static string Shown(IReadOnlyList<string> names)
    {
        const int most = 12;
        return string.Join(", ", names.Take(most).Select(ShownName.Of)) + (names.Count > most ? " ..." : "");
    }

    // A column of features with its place in a table.
    private sealed class ColumnEncoder
    {
        private readonly Table _table;
        private readonly ColumnEncoding _encoding;
        private readonly UnknownCategory _unknown;
        private readonly int _column;
        private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _places;

        public ColumnEncoder(Table table, ColumnEncoding encoding, UnknownCategory unknown)
        {
            (_table, _encoding, _unknown) = (table, encoding, unknown);
            _column = table.ColumnOf(encoding.Name);
            _places = (encoding.Categories ?? []).Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal)
                .GetAlternateLookup<ReadOnlySpan<char>>();
            Width = encoding.Width;
        }

        public int Width { get; }

        // Into zeros.
        public void Encode(int row, Span<float> into)
        {
            ReadOnlySpan<char> cell = _table[row, _column];
            bool isMissing = NumberText.IsMissing(cell);
            if (isMissing && _encoding is { Fill: null, FillName: null })
            {
                throw _table.Error(row, _column, "the value is missing, and the encoding has nothing to fill it with");
            }

            if (_encoding.Kind == ColumnKind.Number)
            {
                into[0] = isMissing ? (float)_encoding.Fill!.Value
                    : NumberText.TryParse(cell, out double number) ? (float)number
                    : throw _table.Error(row, _column, $"{NumberText.Problem(cell)}, but the column has numbers");
                return;
            }

            if (_places.TryGetValue(isMissing ? _encoding.FillName : cell, out int place))
            {
                // One of two names is a 1, and so is the only one.
                int names = _encoding.Categories!.Count;
                into[names > 2 ? place : 0] = names > 2 || place == names - 1 ? 1 : 0;
            }
            else if (_unknown == UnknownCategory.Refuse)
            {
                string name = cell.ToString();
                throw _table.Error(
                    row, _column, $"there is no category '{ShownName.Of(name)}'"
                        + Suggestion.Phrase(name, _encoding.Categories!, $"; the categories are {Shown(_encoding.Categories!)}"));
            }
        }
    }
}
