using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Tables;
using Engine.Training;

namespace Engine.Cli;

/// <summary>Weights that were trained on a table: how rows are encoded, what the outputs mean, and the network, on a device.</summary>
internal sealed class SavedTable : IDisposable
{
    private SavedTable(SavedModel saved, TableEncoding encoding, SampleDescription description, RunManifest manifest)
    {
        (Saved, Encoding, Description, Manifest) = (saved, encoding, description, manifest);
        Choices = manifest.Part<TableChoices>();
        Network = TableNetwork.Create(encoding.FeatureCount, Choices, description.Targets.Count);
    }

    /// <summary>The file.</summary>
    public SavedModel Saved { get; }

    /// <summary>How rows become features.</summary>
    public TableEncoding Encoding { get; }

    /// <summary>What the weights tell of their samples.</summary>
    public SampleDescription Description { get; }

    /// <summary>The run that the weights are from.</summary>
    public RunManifest Manifest { get; }

    /// <summary>What was chosen for it.</summary>
    public TableChoices Choices { get; }

    /// <summary>The network, without values until <see cref="Load"/>.</summary>
    public Module Network { get; }

    /// <summary>The names of the classes, labels or values.</summary>
    public IReadOnlyList<string> Targets => Description.Targets;

    /// <summary>Whether weights are of a table.</summary>
    public static bool IsTable(SavedModel saved) => TableEncoding.Read(saved.File.Metadata) is not null;

    /// <summary>What weights tell of their table.</summary>
    /// <exception cref="EngineException">They do not tell all, or it does not fit together.</exception>
    public static SavedTable Of(SavedModel saved)
    {
        TableEncoding? encoding = TableEncoding.Read(saved.File.Metadata);
        SampleDescription? description = SampleDescription.Read(saved.File.Metadata);
        return encoding is not null && description is not null && saved.Manifest is { } manifest && encoding.FeatureCount == description.FeatureLength
            && encoding.Task == description.Task
            && description.Targets.SequenceEqual(encoding.Task == SampleTask.Classification ? encoding.Classes : encoding.Targets)
            ? new SavedTable(saved, encoding, description, manifest)
            : throw new EngineException($"'{saved.Path}' is damaged: what its header says of its table does not fit together");
    }

    /// <summary>Puts the network with its values on a device.</summary>
    public void Load(Device device, CommandOutput output)
    {
        // Before memory is taken for what a damaged header says.
        StateDictionary.Compare(Network, Saved.File);
        Network.To(device);
        Saved.Load(Network);
        SavedWeights.Remark(Saved, output);
    }

    /// <summary>The batches of some samples, scaled as in training.</summary>
    public SampleLoader LoaderOf(Samples samples, Device device, int batchSize) =>
        new(device, samples, batchSize, features: Description.Scaling, values: Description.ValueScaling);

    /// <summary>What the network answers for some rows: probabilities of classes or labels, or values in their own units; a row after another.</summary>
    public float[] Predict(EncodedRows rows, Device device, int batchSize, CancellationToken cancellation)
    {
        // A loader wants targets; these are not looked at.
        Samples samples = Samples.OfValues(new Shape(Encoding.FeatureCount), rows.Features, new float[rows.Rows.Count]);
        using SampleLoader loader = new(device, samples, batchSize, features: Description.Scaling);
        float[] outputs = Evaluation.Outputs(Network, loader, cancellation);
        LearningTask task = Description.Learning;
        for (int i = 0; i < outputs.Length; i += task.Outputs)
        {
            task.Interpret(outputs.AsSpan(i, task.Outputs));
        }

        return outputs;
    }

    /// <summary>The run, with the place of its table, which weights do not carry and the options beside them do.</summary>
    /// <exception cref="UsageException">The table is not where it was.</exception>
    public RunManifest FindTable()
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(Saved.Path))!;
        string? place = Path.Exists(Path.Combine(folder, "options.json")) ? RunFolder.Open(folder).Manifest.Data : null;
        return TableData.IsTable(place) && DataDescription.WithoutPlace(place!) == DataDescription.WithoutPlace(Manifest.Data)
            && File.Exists(TableData.FileOf(place!))
            ? Manifest with { Data = place! }
            : throw new UsageException(
                $"'{Saved.Path}' was trained on the table '{TableData.FileOf(DataDescription.WithoutPlace(Manifest.Data))}', which was not found: give --data "
                    + $"{TableData.Prefix}FILE");
    }

    /// <inheritdoc/>
    public void Dispose() => Network.Dispose();
}
