using System.Text.Json.Serialization;

namespace Engine.Tables;

/// <summary>How one column becomes features: as learned on a table, and kept with the weights.</summary>
public sealed record ColumnEncoding
{
    /// <summary>The name of the category of missing values.</summary>
    public const string MissingName = "missing";

    /// <summary>The column's name.</summary>
    public required string Name { get; init; }

    /// <summary>What its cells are.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<ColumnKind>))]
    public required ColumnKind Kind { get; init; }

    /// <summary>The names that a category has, in alphabetical order; null for numbers.</summary>
    public IReadOnlyList<string>? Categories { get; init; }

    /// <summary>The number that a missing value becomes; null to refuse it, and for categories.</summary>
    public double? Fill { get; init; }

    /// <summary>The name that a missing value becomes; null to refuse it, and for numbers.</summary>
    public string? FillName { get; init; }

    /// <summary>Features that the column becomes: 1, or one for each of a category's names if there are more than two.</summary>
    [JsonIgnore]
    public int Width => Categories is { Count: > 2 } names ? names.Count : 1;

    /// <summary>The features' names: the column's, or COLUMN=NAME for the name that is a 1.</summary>
    [JsonIgnore]
    public IEnumerable<string> FeatureNames => Categories switch
    {
        null => [Name],
        { Count: > 2 } names => names.Select(n => $"{Name}={n}"),
        var names => [$"{Name}={names[^1]}"],
    };

    [JsonIgnore]
    internal bool IsSound => Name is not null && Enum.IsDefined(Kind) && (Fill is not { } fill || float.IsFinite((float)fill)) && (Kind == ColumnKind.Number
        ? Categories is null && FillName is null
        : Categories is { Count: >= 1 } && Categories.All(c => c is not null) && Categories.Distinct().Count() == Categories.Count && Fill is null
            && (FillName is null || Categories.Contains(FillName)));
}
