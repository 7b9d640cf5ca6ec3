using System.Globalization;
using System.Text.Json;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// Weights that are open for use, wherever they come from: a run's, a file of safetensors or PyTorch, a folder of either, or an index of shards;
/// with what the file tells of the network and the data, if it is one of this program's.
/// </summary>
public sealed partial class SavedModel : IDisposable
{
    // Batch norm adds it to a variance before the square root is taken: torch.nn.BatchNorm2d's eps.
    private const double Epsilon = 1e-5;
    private string[] _remarks = [];
    private bool _isDisposed;

    private SavedModel(TensorFile file)
    {
        File = file;

        // Other programs call their texts "options" too.
        Manifest = file.Metadata.TryGetValue("options", out string? json) && MetadataJson.IsObjectWith(json, "model", "data", "epochs", "learning_rate")
            ? RunManifest.FromJson(json, file.Path)
            : null;
        try
        {
            Data = DataDescription.Read(file.Metadata);
            Samples = SampleDescription.Read(file.Metadata);
        }
        catch (EngineException e)
        {
            throw new EngineException($"'{file.Path}' is damaged: {e.Message}", e);
        }
    }

    /// <summary>The file's path; of a folder, that of the file in it that was opened.</summary>
    public string Path => File.Path;

    /// <summary>The file.</summary>
    public TensorFile File { get; }

    /// <summary>The run that the weights are from; null where the file does not tell.</summary>
    public RunManifest? Manifest { get; }

    /// <summary>What it was trained on; null where the file does not tell.</summary>
    public DataDescription? Data { get; }

    /// <summary>What is worth a line to whoever gave the weights, after <see cref="Load"/>: names that were shortened, variances below zero.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    /// <summary>Opens weights.</summary>
    /// <param name="path">A file, a run's folder, another folder with weights, or an index of shards.</param>
    /// <param name="key">Where the weights lie in the file, see <see cref="TensorFile.Open(string, string?)"/>; null for where they are to be expected.</param>
    /// <exception cref="EngineException">There are none, or they are damaged; the message names the file.</exception>
    public static SavedModel Open(string path, string? key = null)
    {
        TensorFile file = TensorFile.Open(path, key);
        try
        {
            return new SavedModel(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Replaces a model's parameters and buffers by those of the file, after all their numbers have been looked at.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    /// <param name="options">How strictly names and shapes are taken; null for exactly the model's.</param>
    /// <param name="isTrained">Whether the model is trained on, so that its batch norms' variances will be replaced.</param>
    /// <returns>What was loaded and what not.</returns>
    /// <exception cref="EngineException">The file does not fit the model, or has numbers with which nothing can be computed; the model is as it was
    /// then.</exception>
    public LoadReport Load(Module model, LoadOptions? options = null, bool isTrained = false)
    {
        LoadReport report = StateDictionary.Compare(model, File, options);
        IReadOnlyDictionary<string, StoredEntry> entries = StateDictionary.Entries(model, File);
        HashSet<string> loaded = [.. report.Loaded];
        IReadOnlyList<WeightFindings> findings = WeightInspection.Inspect(
            File, StateDictionary.Tensors(model).Where(t => loaded.Contains(t.Name)).Select(t => (t.Name, entries[t.Name], StoredTypes.Of(t.Tensor.Type))));
        if (findings.FirstOrDefault(f => !f.IsFinite) is { } bad)
        {
            int others = findings.Count(f => !f.IsFinite) - 1;
            string rest = others > 0 ? string.Create(
                CultureInfo.InvariantCulture, $" (and {others:N0} more {(others == 1 ? "tensor" : "tensors")} like it)") : "";
            throw new EngineException($"{bad.Name} of '{Path}' is not finite: {bad.Text}{rest}");
        }

        if (!isTrained && findings.FirstOrDefault(f => f.Least <= -Epsilon) is { } negative)
        {
            throw new EngineException($"{negative.Name} of '{Path}' cannot be used: {negative.Text}");
        }

        string[] prefix = report.Prefix.Length > 0 ? [$"the names in '{Path}' begin with '{ShownName.Of(report.Prefix)}', which is left out"] : [];
        _remarks = [.. prefix, .. findings.Select(f => $"{f.Name} of '{Path}': {f.Text}")];
        return StateDictionary.Load(model, File, options);
    }

    /// <summary>The file's texts, for a file that is made from it: without places on somebody's machine, which files of earlier versions have.</summary>
    public IReadOnlyDictionary<string, string> MetadataWithoutPlaces()
    {
        Dictionary<string, string> metadata = new(File.Metadata);
        if (Manifest is { } manifest && manifest.WithoutPlaces() != manifest)
        {
            metadata["options"] = manifest.WithoutPlaces().ToJson();
        }

        if (Data is not null && !metadata[DataDescription.MetadataKey].Contains(
            JsonSerializer.Serialize(Data.Name, TrainingJson.Default.String), StringComparison.Ordinal))
        {
            metadata[DataDescription.MetadataKey] = Data.ToJson();
        }

        return metadata;
    }

    /// <summary>Closes the file and frees what predicts. A second call does nothing.</summary>
    public void Dispose()
    {
        lock (_preparing)
        {
            _isDisposed = true;
            _predictor?.Dispose();
            File.Dispose();
        }
    }
}
