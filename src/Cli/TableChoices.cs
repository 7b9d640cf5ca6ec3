using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Tables;
using Engine.Training;

namespace Engine.Cli;

/// <summary>
/// What a user chooses of a run on a table, as the run keeps it: what is predicted, how columns become numbers, what is held out, the network.
/// </summary>
internal sealed record TableChoices : IRunPart<TableChoices>
{
    /// <summary>The tasks by name.</summary>
    public static IReadOnlyDictionary<string, SampleTask> Tasks { get; } = new Dictionary<string, SampleTask>
    {
        ["classification"] = SampleTask.Classification,
        ["regression"] = SampleTask.Regression,
        ["multi-label"] = SampleTask.MultiLabel,
    };

    /// <summary>The ways to fill missing values by name.</summary>
    public static IReadOnlyDictionary<string, MissingFill> Fills { get; } = new Dictionary<string, MissingFill>
    {
        ["mean"] = MissingFill.Mean,
        ["median"] = MissingFill.Median,
        ["zero"] = MissingFill.Zero,
        ["most-frequent"] = MissingFill.MostFrequent,
        ["missing"] = MissingFill.Category,
    };

    /// <summary>The target's columns, with commas between them; null where none was given.</summary>
    public string? Target { get; init; }

    /// <summary>One of <see cref="Tasks"/>; null to infer it.</summary>
    public string? Task { get; init; }

    /// <summary>One of <see cref="Fills"/> for all columns, and COLUMN=FILL for some, with commas between them; null to refuse missing values.</summary>
    public string? Fill { get; init; }

    /// <summary>Columns that are not used.</summary>
    public IReadOnlyList<string> LeaveOut { get; init; } = [];

    /// <summary>Columns that are categories, whatever their cells look like.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>The column of weights; null for none.</summary>
    public string? WeightColumn { get; init; }

    /// <summary>Whether unknown categories become zeros.</summary>
    public bool IgnoreUnknown { get; init; }

    /// <summary>The share of the rows that is held out.</summary>
    public double TestShare { get; init; } = 0.2;

    /// <summary>Chooses those rows.</summary>
    public long SplitSeed { get; init; }

    /// <summary>A file of rows to test with, seen from the table's folder; null to hold rows out.</summary>
    public string? TestData { get; init; }

    /// <summary>Units of each hidden layer.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>The share of hidden units that a training step leaves out: on small tables, a network without overfits.</summary>
    public double Dropout { get; init; } = 0.2;

    /// <summary>All columns that the choices name.</summary>
    public IEnumerable<string> NamedColumns =>
        [.. LeaveOut, .. Categories, .. WeightColumn is null ? [] : (string[])[WeightColumn], .. FillsByColumn().Keys.Where(c => c.Length > 0)];

    /// <summary>The choices as the tables' library takes them.</summary>
    /// <exception cref="UsageException">A way to fill is not known.</exception>
    public TableOptions ToOptions()
    {
        Dictionary<string, MissingFill> fills = FillsByColumn();
        return new TableOptions
        {
            Task = Task is null ? null : Tasks[Task],
            Fill = fills.GetValueOrDefault(""),
            FillOf = fills.Where(f => f.Key.Length > 0).ToDictionary(),
            LeaveOut = LeaveOut,
            Kinds = Categories.Distinct().ToDictionary(c => c, _ => ColumnKind.Category),
            Unknown = IgnoreUnknown ? UnknownCategory.Ignore : UnknownCategory.Refuse,
            Weights = WeightColumn,
        };
    }

    /// <inheritdoc/>
    static TableChoices IRunPart<TableChoices>.ReadFrom(JsonObject manifest)
    {
        TableChoices usual = new();
        return new TableChoices
        {
            Target = (string?)manifest["target"],
            Task = (string?)manifest["task"] is not { } task ? null
                : Tasks.ContainsKey(task) ? task
                : throw new EngineException($"there is no task '{task}'; there are {string.Join(", ", Tasks.Keys)}"),
            Fill = (string?)manifest["fill"],
            LeaveOut = Texts("leave_out"),
            Categories = Texts("categories"),
            WeightColumn = (string?)manifest["weight_column"],
            IgnoreUnknown = (bool?)manifest["ignore_unknown"] ?? false,
            TestShare = (double?)manifest["test_share"] ?? usual.TestShare,
            SplitSeed = (long?)manifest["split_seed"] ?? 0,
            TestData = (string?)manifest["test_data"],
            Hidden = manifest["hidden"] is JsonArray sizes
                ? [.. sizes.Select(s => (int?)s is >= 1 and <= TableNetwork.MostUnits and int size
                    ? size
                    : throw new EngineException("hidden is no list of sizes"))]
                : usual.Hidden,
            Dropout = (double?)manifest["dropout"] is { } dropout
                ? dropout is >= 0 and < 1 ? dropout : throw new EngineException($"dropout is {dropout}, but must be from 0 to below 1")
                : usual.Dropout,
        };

        string[] Texts(string name) => manifest[name] is JsonArray list ? [.. list.Select(t => (string?)t ?? "")] : [];
    }

    /// <inheritdoc/>
    void IRunPart<TableChoices>.WriteTo(JsonObject manifest)
    {
        Write("target", Target);
        Write("task", Task);
        Write("fill", Fill);
        Write("leave_out", LeaveOut.Count > 0 ? new JsonArray([.. LeaveOut.Select(c => (JsonNode)c)]) : null);
        Write("categories", Categories.Count > 0 ? new JsonArray([.. Categories.Select(c => (JsonNode)c)]) : null);
        Write("weight_column", WeightColumn);
        Write("ignore_unknown", IgnoreUnknown ? true : null);
        Write("test_share", TestData is null ? TestShare : null);
        Write("split_seed", TestData is null ? SplitSeed : null);
        Write("test_data", TestData);
        Write("hidden", new JsonArray([.. Hidden.Select(h => (JsonNode)h)]));
        Write("dropout", Dropout);

        void Write(string name, JsonNode? value)
        {
            if (value is not null)
            {
                manifest[name] = value;
            }
        }
    }

    // The way of all columns is under the empty name.
    private Dictionary<string, MissingFill> FillsByColumn()
    {
        Dictionary<string, MissingFill> fills = [];
        foreach (string part in Fill?.Split(',', StringSplitOptions.TrimEntries) ?? [])
        {
            int equals = part.LastIndexOf('=');
            string column = equals < 0 ? "" : part[..equals], word = part[(equals + 1)..];
            fills[column] = Fills.TryGetValue(word, out MissingFill fill) ? fill : throw new UsageException(
                $"--fill is '{Fill}', but must be {Words.Alternatives(Fills.Keys)}, or COLUMN=... of one of these"
                    + Suggestion.Phrase(word, Fills.Keys));
        }

        return fills;
    }
}
