using Engine.Data;

namespace Engine.Tables;

/// <summary>What a column's cells are.</summary>
public enum ColumnKind
{
    /// <summary>Numbers, which become one feature.</summary>
    Number,

    /// <summary>Names from a list: one feature of zeros and ones for each name, or a single one where there are two.</summary>
    Category,
}

/// <summary>What a missing value becomes: a cell that is empty, NA, N/A, NaN, null or ?.</summary>
public enum MissingFill
{
    /// <summary>An error that names line and column.</summary>
    Refuse,

    /// <summary>The mean of the column's numbers; where it is asked for all columns, a category's most frequent name.</summary>
    Mean,

    /// <summary>The median of the column's numbers; where it is asked for all columns, a category's most frequent name.</summary>
    Median,

    /// <summary>Zero; where it is asked for all columns, a category's most frequent name.</summary>
    Zero,

    /// <summary>The column's most frequent number or name; of equally frequent ones, the first in order.</summary>
    MostFrequent,

    /// <summary>A category of its own, called "missing"; where it is asked for all columns, a number's median.</summary>
    Category,
}

/// <summary>What a name becomes that a category column did not have when its encoding was learned.</summary>
public enum UnknownCategory
{
    /// <summary>An error that names line and column.</summary>
    Refuse,

    /// <summary>Zeros in all of the column's features.</summary>
    Ignore,
}

/// <summary>How a table's columns become numbers, as far as their cells do not say so themselves.</summary>
public sealed record TableOptions
{
    /// <summary>What is learned; null to infer it from the target.</summary>
    public SampleTask? Task { get; init; }

    /// <summary>Columns that are not used.</summary>
    public IReadOnlyList<string> LeaveOut { get; init; } = [];

    /// <summary>Columns of numbers or of categories, by name, that would be taken for the other.</summary>
    public IReadOnlyDictionary<string, ColumnKind> Kinds { get; init; } = new Dictionary<string, ColumnKind>();

    /// <summary>What missing values become, in columns that <see cref="FillOf"/> does not name.</summary>
    public MissingFill Fill { get; init; }

    /// <summary>What missing values become, by column.</summary>
    public IReadOnlyDictionary<string, MissingFill> FillOf { get; init; } = new Dictionary<string, MissingFill>();

    /// <summary>What unknown categories of later rows become.</summary>
    public UnknownCategory Unknown { get; init; }

    /// <summary>A column of factors for each row's loss, zero or more; null where all rows count alike.</summary>
    public string? Weights { get; init; }

    /// <summary>The most names that a category may have: more are taken for identifiers or texts, and refused.</summary>
    public int MostCategories { get; init; } = 100;
}
