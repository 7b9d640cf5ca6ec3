using System.Text.Json;
using System.Text.Json.Serialization;
using Engine.Data;
using Engine.Formats;
using Engine.Training;

namespace Engine.Tables;

/// <summary>
/// How a table's rows become numbers, as learned on one table: which columns are used, what their categories are, what missing values become, and what is to be
/// predicted. Weights keep it as JSON in their header, so that new rows are encoded alike. Features are not scaled here: a trainer standardizes them by the
/// rows that it trains on.
/// </summary>
public sealed partial record TableEncoding
{
    /// <summary>The name of the entry in a file's header.</summary>
    public const string MetadataKey = "table";

    /// <summary>The columns that become features, in the table's order.</summary>
    public required IReadOnlyList<ColumnEncoding> Columns { get; init; }

    /// <summary>The columns that are to be predicted.</summary>
    public required IReadOnlyList<string> Targets { get; init; }

    /// <summary>What is learned.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<SampleTask>))]
    public required SampleTask Task { get; init; }

    /// <summary>The classes of the target, whole numbers in their order, others in alphabetical order; empty where it has none.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The column of factors for each row's loss; null where there is none.</summary>
    public string? Weights { get; init; }

    /// <summary>What unknown categories become.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<UnknownCategory>))]
    public UnknownCategory Unknown { get; init; }

    /// <summary>What a user may want to know of the table that was learned on: an inferred task, columns without information.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Features of a row: F.</summary>
    [JsonIgnore]
    public int FeatureCount => Columns.Sum(c => c.Width);

    /// <summary>The features' names: a column's, or COLUMN=NAME of a category.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> FeatureNames => [.. Columns.SelectMany(c => c.FeatureNames)];

    /// <summary>The entry for a file's header, see <see cref="SampleDataset.Metadata"/>.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, string> Metadata => new Dictionary<string, string> { [MetadataKey] = ToJson() };

    /// <summary>
    /// Learns how a table's rows become numbers. A column is one of numbers if all of its cells are numbers or missing, and else of categories.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="target">The column that is to be predicted; several with commas between them.</param>
    /// <param name="options">What the cells do not say themselves; null for what is usual.</param>
    /// <exception cref="EngineException">A cell or a column cannot be used; the message names line and column, and says what helps.</exception>
    public static TableEncoding Learn(Table table, string target, TableOptions? options = null)
    {
        options ??= new TableOptions();
        List<string> remarks = [];
        int[] targets = TargetLearner.ColumnsOf(table, target);
        HashSet<int> others = [.. targets, .. options.LeaveOut.Select(table.ColumnOf)];
        if (others.Count < targets.Length + options.LeaveOut.Distinct().Count())
        {
            throw new EngineException($"the target '{ShownName.Of(target)}' of '{table.Name}' is among the columns that are left out");
        }

        int? weights = options.Weights is { } weightName ? table.ColumnOf(weightName) : null;
        if (weights is { } column && !others.Add(column))
        {
            throw table.Error(column, "holds the weights, and so is neither the target nor left out");
        }

        foreach (string name in options.Kinds.Keys.Concat(options.FillOf.Keys))
        {
            if (others.Contains(table.ColumnOf(name)))
            {
                throw table.Error(table.ColumnOf(name), "is no feature, so that it has neither a kind nor a fill");
            }
        }

        (SampleTask task, IReadOnlyList<string> classes) = new TargetLearner(table, targets, options).Learn(remarks);
        ColumnEncoding[] columns =
            [.. Enumerable.Range(0, table.Columns.Count).Where(c => !others.Contains(c)).Select(c => new ColumnLearner(table, c, options).Learn(remarks))];
        if (columns.Length == 0)
        {
            throw new EngineException($"'{table.Name}' has no columns to predict '{ShownName.Of(target)}' from: expected at least one more");
        }

        return new TableEncoding
        {
            Columns = columns,
            Targets = [.. targets.Select(t => table.Columns[t])],
            Task = task,
            Classes = classes,
            Weights = options.Weights,
            Unknown = options.Unknown,
            Remarks = remarks,
        };
    }

    /// <summary>The encoding in a file's header; null where there is none, or a text of another program's under its name.</summary>
    /// <exception cref="EngineException">It is damaged.</exception>
    public static TableEncoding? Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(MetadataKey, out string? json) || !MetadataJson.IsObjectWith(json, "columns", "targets", "task"))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(json, TableJson.Default.TableEncoding) is { IsSound: true } read
                ? read
                : throw new EngineException("the weights' description of their table does not fit itself");
        }
        catch (JsonException e)
        {
            throw new EngineException("the weights' description of their table is not valid JSON", e);
        }
    }

    /// <summary>The encoding as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TableJson.Default.TableEncoding);

    private bool IsSound => Columns.Count >= 1 && Columns.All(c => c is { IsSound: true }) && Columns.Select(c => c.Name).Distinct().Count() == Columns.Count
        && Targets.Count >= 1 && Targets.All(t => t is not null) && Enum.IsDefined(Task) && Enum.IsDefined(Unknown)
        && Columns.Sum(c => (long)c.Width) <= int.MaxValue
        && (Task == SampleTask.Classification
            ? Targets.Count == 1 && Classes.Count >= 1 && Classes.All(c => c is not null) && Classes.Distinct().Count() == Classes.Count
            : Classes.Count == 0);
}
