using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Tables;
using Engine.Training;

namespace Engine.Cli;

/// <summary>A table that is opened to train on: its rows as samples, its encoding, and the network for both.</summary>
/// <param name="Data">The samples, with the encoding for the weights' header.</param>
/// <param name="Encoding">How rows become samples.</param>
/// <param name="Network">It, without values.</param>
internal sealed record TableTraining(SampleDataset Data, TableEncoding Encoding, Module Network)
{
    /// <summary>The figures that suit small and middling tables.</summary>
    public static TrainingOptions Recipe { get; } = new()
    {
        Epochs = 100,
        BatchSize = 32,
        Optimizer = "adamw",
        LearningRate = 1e-3,
        WeightDecay = 1e-2,
        Schedule = "cosine",
    };

    /// <summary>Opens the table of a run, and says what is to be known of it.</summary>
    /// <exception cref="UsageException">A column that an option names is not there.</exception>
    /// <exception cref="EngineException">A cell or a column cannot be used.</exception>
    public static TableTraining Open(RunManifest run, CommandOutput output)
    {
        TableChoices choices = run.Part<TableChoices>();
        Table table = TableData.Open(run.Data);
        if (choices.Target is not { } target)
        {
            throw new UsageException($"--target is missing: the column to predict; '{table.Name}' has {Words.Listed(table.Columns)}");
        }

        UsageException.Check(() => choices.NamedColumns.Select(table.ColumnOf).ToArray());
        UsageException.Check(() => table.HasColumn(target) || !target.Contains(',') ? [table.ColumnOf(target)]
            : Array.ConvertAll(target.Split(',', StringSplitOptions.TrimEntries), table.ColumnOf));
        TableEncoding encoding = TableEncoding.Learn(table, target, choices.ToOptions());
        foreach (string remark in encoding.Remarks)
        {
            output.Note($"note: {remark}");
        }

        if (run.Training.LabelSmoothing > 0 && encoding.Task != SampleTask.Classification)
        {
            throw new UsageException("--label-smoothing is for classes, but the target has none: leave it out");
        }

        SampleDataset data = DataOf(table, encoding, run, choices) with { Metadata = encoding.Metadata };
        return new TableTraining(data, encoding, TableNetwork.Create(encoding.FeatureCount, choices, data.Train.TargetNames.Count));
    }

    /// <summary>The samples of a run's table, as they were split to train on and to test with.</summary>
    public static SampleDataset DataOf(Table table, TableEncoding encoding, RunManifest run, TableChoices choices)
    {
        string name = DataDescription.WithoutPlace(run.Data);
        Samples all = encoding.Encode(table);
        if (choices.TestData is null)
        {
            return SampleDataset.Split(all, choices.TestShare, choices.SplitSeed, name);
        }

        string path = Path.GetFullPath(choices.TestData, Path.GetDirectoryName(TableData.FileOf(run.Data))!);
        return File.Exists(path)
            ? new SampleDataset(all, encoding.Encode(Table.Open(path)), name)
            : throw new EngineException($"the rows to test with, '{ShownName.Whole(path)}', were not found");
    }
}
