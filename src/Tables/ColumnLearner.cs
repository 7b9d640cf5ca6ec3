using Engine.Formats;

namespace Engine.Tables;

/// <summary>Learns how one column of features becomes numbers.</summary>
/// <param name="table">The table.</param>
/// <param name="column">The column.</param>
/// <param name="options">How.</param>
internal sealed class ColumnLearner(Table table, int column, TableOptions options)
{
    private const int CountedRows = 3;

    /// <summary>Learns it.</summary>
    /// <param name="remarks">Where it is told what a user may want to change.</param>
    /// <exception cref="EngineException">A cell or the column cannot be used.</exception>
    public ColumnEncoding Learn(List<string> remarks)
    {
        int numbers = 0, texts = 0, missing = 0, firstMissing = -1, firstText = -1;
        for (int row = 0; row < table.RowCount; row++)
        {
            ReadOnlySpan<char> cell = table[row, column];
            if (NumberText.IsMissing(cell))
            {
                firstMissing = missing++ == 0 ? row : firstMissing;
            }
            else if (NumberText.TryParse(cell, out _))
            {
                numbers++;
            }
            else
            {
                firstText = texts++ == 0 ? row : firstText;
            }
        }

        string name = table.Columns[column];
        if (numbers + texts == 0)
        {
            throw table.Error(column, "has no value in any row: leave it out");
        }

        ColumnKind kind = options.Kinds.TryGetValue(name, out ColumnKind given) ? given : texts == 0 ? ColumnKind.Number : ColumnKind.Category;
        bool isMeantAsNumber = kind == ColumnKind.Number || (!options.Kinds.ContainsKey(name) && numbers > texts);
        if (isMeantAsNumber && texts > 0)
        {
            throw table.Error(firstText, column, NumberText.Problem(table[firstText, column]) + (kind == ColumnKind.Number ? "" : FormattableString.Invariant(
                $", but most of the column is ({numbers:N0} of {numbers + texts:N0}): correct it, or say that the column is a category")));
        }

        // Of a whole column of decimal commas, no cell is a number.
        if (kind == ColumnKind.Category && !options.Kinds.ContainsKey(name) && IsWrittenOtherwise())
        {
            throw table.Error(firstText, column, $"{NumberText.Problem(table[firstText, column])}; or say that the column is a category");
        }

        MissingFill fill = FillFor(name, kind);
        if (missing > 0 && fill == MissingFill.Refuse)
        {
            throw table.Error(firstMissing, column, FormattableString.Invariant(
                $"the value is missing, as in {missing:N0} of {table.RowCount:N0} rows: say how to fill it (--fill), or leave the column or the row out"));
        }

        return kind == ColumnKind.Number ? LearnNumber(name, fill, remarks) : LearnCategory(name, fill, missing > 0, remarks);
    }

    private MissingFill FillFor(string name, ColumnKind kind)
    {
        if (options.FillOf.TryGetValue(name, out MissingFill fill))
        {
            bool fits = kind == ColumnKind.Number ? fill != MissingFill.Category : fill is not (MissingFill.Mean or MissingFill.Median or MissingFill.Zero);
            return fits ? fill : throw table.Error(
                column, kind == ColumnKind.Number
                    ? "has numbers: a missing one can be filled with mean, median, zero or the most frequent, not with a category"
                    : "has categories: a missing one can be filled with the most frequent or a category of its own, not with a number");
        }

        return (options.Fill, kind) switch
        {
            (MissingFill.Category, ColumnKind.Number) => MissingFill.Median,
            (MissingFill.Mean or MissingFill.Median or MissingFill.Zero, ColumnKind.Category) => MissingFill.MostFrequent,
            _ => options.Fill,
        };
    }

    private ColumnEncoding LearnNumber(string name, MissingFill fill, List<string> remarks)
    {
        List<double> values = [];
        bool isCounting = true;
        for (int row = 0; row < table.RowCount; row++)
        {
            if (NumberText.TryParse(table[row, column], out double number))
            {
                values.Add(number);
                isCounting &= row == 0 || number == values[0] + row;
            }
        }

        double[] sorted = [.. values.Order()];
        if (sorted[0] == sorted[^1])
        {
            remarks.Add($"column '{ShownName.Of(name)}' has the same value in every row, from which nothing can be learned");
        }
        else if (isCounting && values.Count >= CountedRows)
        {
            remarks.Add($"column '{ShownName.Of(name)}' counts the rows: leave it out if it is an identifier");
        }

        else if (values.Distinct().Count() > values.Select(v => (float)v).Distinct().Count())
        {
            remarks.Add(
                $"column '{ShownName.Of(name)}' has differences that a 32-bit number does not hold, from which nothing can be learned: subtract its least value");
        }

        double? filled = fill switch
        {
            MissingFill.Mean => values.Average(),
            MissingFill.Median => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2,
            MissingFill.Zero => 0,
            MissingFill.MostFrequent => sorted.CountBy(v => v).MaxBy(v => v.Value).Key,
            _ => null,
        };
        return new ColumnEncoding { Name = name, Kind = ColumnKind.Number, Fill = filled };
    }

    private ColumnEncoding LearnCategory(string name, MissingFill fill, bool hasMissing, List<string> remarks)
    {
        SortedDictionary<string, int> counts = new(StringComparer.Ordinal);
        for (int row = 0; row < table.RowCount; row++)
        {
            ReadOnlySpan<char> cell = table[row, column];
            if (NumberText.IsMissing(cell))
            {
                continue;
            }

            string text = cell.ToString();
            counts[text] = counts.GetValueOrDefault(text) + 1;
            if (counts.Count > options.MostCategories)
            {
                throw table.Error(column, FormattableString.Invariant(
                    $"has more than {options.MostCategories:N0} different texts, such as '{ShownName.Of(text)}': leave it out if it names or dates the row, ")
                    + $"or make fewer categories or numbers of it");
            }
        }

        string? filled = fill switch
        {
            MissingFill.MostFrequent => counts.MaxBy(c => c.Value).Key,
            MissingFill.Category when hasMissing => ColumnEncoding.MissingName,
            _ => null,
        };
        if (filled is not null)
        {
            counts.TryAdd(filled, 0);
        }

        if (counts.Count == 1)
        {
            remarks.Add($"column '{ShownName.Of(name)}' has the same value in every row, from which nothing can be learned");
        }

        return new ColumnEncoding { Name = name, Kind = ColumnKind.Category, Categories = [.. counts.Keys], FillName = filled };
    }

    // Whether every text would be a number without its comma or its thousands separators.
    private bool IsWrittenOtherwise()
    {
        for (int row = 0; row < table.RowCount; row++)
        {
            ReadOnlySpan<char> cell = table[row, column];
            if (!NumberText.IsMissing(cell) && !NumberText.TryParse(cell, out _) && NumberText.Problem(cell).EndsWith("is no number", StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }
}
