using System.Globalization;
using Engine.Data;
using Engine.Formats;

namespace Engine.Tables;

/// <summary>Learns what is to be predicted: which task it is, and which classes there are.</summary>
/// <param name="table">The table.</param>
/// <param name="columns">The target's columns, at least one.</param>
/// <param name="options">How.</param>
internal sealed class TargetLearner(Table table, int[] columns, TableOptions options)
{
    // So few different whole numbers are taken for classes.
    private const int FewNumbers = 10;
    private const int RowsOfClass = 2, ManyClasses = 100, RowsOfManyClasses = 10;

    /// <summary>Splits what a user calls the target: one column, or several with commas between them.</summary>
    /// <exception cref="EngineException">A column is not there, or is named twice.</exception>
    public static int[] ColumnsOf(Table table, string target)
    {
        string[] names = table.HasColumn(target) || !target.Contains(',') ? [target] : target.Split(',', StringSplitOptions.TrimEntries);
        int[] columns = Array.ConvertAll(names, table.ColumnOf);
        return columns.Distinct().Count() == columns.Length
            ? columns
            : throw new EngineException($"the target '{ShownName.Of(target)}' of '{table.Name}' names a column twice");
    }

    /// <summary>Learns it.</summary>
    /// <returns>The task, and the names of the classes where it has some.</returns>
    /// <exception cref="EngineException">A cell is missing or cannot be used, or there is nothing to learn.</exception>
    public (SampleTask Task, IReadOnlyList<string> Classes) Learn(List<string> remarks)
    {
        CheckMissing();
        SampleTask task = options.Task ?? Infer(remarks);
        if (task != SampleTask.Classification)
        {
            Check(task);
            return (task, []);
        }

        if (columns.Length > 1)
        {
            throw new EngineException(
                $"classes are in one column, but {columns.Length:D} are given as the target of '{table.Name}': give one, or the task multi-label");
        }

        IReadOnlyList<string> classes = ClassesOf(columns[0]);
        return classes.Count == 1 ? throw table.Error(columns[0], "is the target, but has the same value in every row: there is nothing to learn")
            : classes.Count > ManyClasses && classes.Count > table.RowCount / RowsOfManyClasses ? throw table.Error(columns[0], FormattableString.Invariant(
                $"is the target, but has {classes.Count:N0} different values in {table.RowCount:N0} rows: expected classes with many rows each"))
            : (task, classes);
    }

    /// <summary>The class that a cell names; where all classes are whole numbers, 1.0 is 1.</summary>
    public static string ClassOf(ReadOnlySpan<char> cell, bool areNumbers) => areNumbers && TryWhole(cell, out long number)
        ? number.ToString(CultureInfo.InvariantCulture)
        : cell.ToString();

    /// <summary>Reads a whole number.</summary>
    public static bool TryWhole(ReadOnlySpan<char> cell, out long number)
    {
        const double mostExact = 1L << 53;
        bool isWhole = NumberText.TryParse(cell, out double value) && value == Math.Floor(value) && Math.Abs(value) <= mostExact;
        number = isWhole ? (long)value : 0;
        return isWhole;
    }

    private void CheckMissing()
    {
        foreach (int column in columns)
        {
            for (int row = 0; row < table.RowCount; row++)
            {
                if (NumberText.IsMissing(table[row, column]))
                {
                    throw table.Error(row, column, "the target is missing: leave the row out");
                }
            }
        }
    }

    private SampleTask Infer(List<string> remarks)
    {
        string names = string.Join("', '", columns.Select(c => ShownName.Of(table.Columns[c])));
        if (columns.Length > 1)
        {
            SampleTask several = columns.All(IsFlags) ? SampleTask.MultiLabel : SampleTask.Regression;
            remarks.Add(several == SampleTask.MultiLabel
                ? $"the targets '{names}' are taken for labels, as all are 0 or 1"
                : $"the targets '{names}' are taken for values (regression), as not all are 0 or 1");
            return several;
        }

        int column = columns[0], numbers = 0, firstText = -1;
        bool isWhole = true;
        HashSet<double> different = [];
        for (int row = 0; row < table.RowCount; row++)
        {
            if (NumberText.TryParse(table[row, column], out double number))
            {
                numbers++;
                isWhole &= number == Math.Floor(number);
                if (different.Count <= FewNumbers)
                {
                    different.Add(number);
                }
            }
            else
            {
                firstText = firstText < 0 ? row : firstText;
            }
        }

        if (numbers < table.RowCount && numbers > table.RowCount / 2)
        {
            throw table.Error(firstText, column, FormattableString.Invariant(
                $"{NumberText.Problem(table[firstText, column])}, but most of the target is ({numbers:N0} of {table.RowCount:N0}): correct it, ")
                + "or give the task");
        }

        if (numbers < table.RowCount)
        {
            remarks.Add($"the target '{names}' is taken for classes, as it is text");
            return SampleTask.Classification;
        }

        bool isFew = isWhole && different.Count <= FewNumbers && table.RowCount >= RowsOfClass * different.Count;
        remarks.Add(isFew
            ? $"the target '{names}' is taken for classes, as it has only {different.Count:D} whole numbers; give the task regression to predict it as a value"
            : $"the target '{names}' is taken for a value (regression), as it has many numbers; give the task classification to predict classes");
        return isFew ? SampleTask.Classification : SampleTask.Regression;
    }

    private void Check(SampleTask task)
    {
        foreach (int column in columns)
        {
            double first = 0;
            bool isConstant = true;
            for (int row = 0; row < table.RowCount; row++)
            {
                ReadOnlySpan<char> cell = table[row, column];
                double value = task == SampleTask.MultiLabel ? FlagOf(row, column) : NumberText.TryParse(cell, out double number)
                    ? number
                    : throw table.Error(row, column, $"{NumberText.Problem(cell)}, but the target of a regression must be");
                first = row == 0 ? value : first;
                isConstant &= value == first;
            }

            if (isConstant && (task == SampleTask.Regression || columns.Length == 1))
            {
                throw table.Error(column, "is the target, but has the same value in every row: there is nothing to learn");
            }
        }
    }

    private float FlagOf(int row, int column) => NumberText.TryFlag(table[row, column], out bool flag)
        ? (flag ? 1 : 0)
        : throw table.Error(row, column, $"'{ShownName.Of(table[row, column].ToString())}' is no label: expected 0 or 1, no or yes");

    private bool IsFlags(int column)
    {
        for (int row = 0; row < table.RowCount; row++)
        {
            if (!NumberText.TryFlag(table[row, column], out _))
            {
                return false;
            }
        }

        return true;
    }

    // In the order of numbers where all are, else in alphabetical order.
    private IReadOnlyList<string> ClassesOf(int column)
    {
        HashSet<string> texts = new(StringComparer.Ordinal);
        SortedSet<long> numbers = [];
        bool areNumbers = true;
        for (int row = 0; row < table.RowCount; row++)
        {
            ReadOnlySpan<char> cell = table[row, column];
            areNumbers &= TryWhole(cell, out long number);
            numbers.Add(number);
            texts.Add(cell.ToString());
        }

        return areNumbers ? [.. numbers.Select(n => n.ToString(CultureInfo.InvariantCulture))] : [.. texts.Order(StringComparer.Ordinal)];
    }
}
