using System.Text;
using System.Text.Json;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// The folder of a run: options.json, metrics.jsonl with a line an epoch, checkpoint.safetensors from which the run can go on, and
/// weights.safetensors with the last finished epoch's weights. Every file is replaced as a whole, so that none is ever half-written.
/// </summary>
public sealed class RunFolder
{
    private readonly List<EpochReport> _metrics = [];

    private RunFolder(string path, TrainingOptions options)
    {
        Path = path;
        Options = options;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The run's options, as options.json has them once the run has begun.</summary>
    public TrainingOptions Options { get; private set; }

    /// <summary>The model's weights and buffers, in PyTorch's names and order.</summary>
    public string WeightsPath => In("weights.safetensors");

    /// <summary>All that a run needs to go on.</summary>
    public string CheckpointPath => In("checkpoint.safetensors");

    /// <summary>One line of JSON for each finished epoch.</summary>
    public string MetricsPath => In("metrics.jsonl");

    /// <summary>The reports of the finished epochs.</summary>
    public IReadOnlyList<EpochReport> Metrics => _metrics;

    /// <summary>Whether the files in the folder are this run's, and not yet those of an older run in its place.</summary>
    internal bool HasBegun { get; private set; }

    private string OptionsPath => In("options.json");

    /// <summary>
    /// Prepares a run in a folder, which is made if need be. An older run's files stay until the new run has written its first
    /// checkpoint, so that one that cannot start destroys nothing.
    /// </summary>
    /// <exception cref="EngineException">An option is out of range, or the folder cannot be made or written.</exception>
    public static RunFolder Create(string path, TrainingOptions options)
    {
        options.Check();
        AtomicFile.CreateFolder(path);
        return new RunFolder(path, options);
    }

    /// <summary>Opens the folder of a run that was started earlier.</summary>
    /// <exception cref="EngineException">There is no run in the folder, or a file of it is damaged.</exception>
    public static RunFolder Open(string path)
    {
        string optionsPath = System.IO.Path.Combine(path, "options.json");
        if (!File.Exists(optionsPath))
        {
            throw new EngineException($"there is no run to resume in '{path}': it has no options.json");
        }

        TrainingOptions options;
        try
        {
            options = TrainingOptions.FromJson(ReadText(optionsPath));
        }
        catch (EngineException e) when (e.InnerException is JsonException)
        {
            throw new EngineException($"'{optionsPath}' is damaged: {e.Message}", e);
        }

        RunFolder folder = new(path, options) { HasBegun = true };
        if (File.Exists(folder.MetricsPath))
        {
            folder.ReadMetrics();
        }

        return folder;
    }

    /// <summary>Steps of an epoch in progress that the checkpoint holds; 0 where it stands between two epochs, or where there is none.</summary>
    /// <exception cref="EngineException">The checkpoint is damaged.</exception>
    public int ReadStepsInEpoch() => File.Exists(CheckpointPath) ? Checkpoint.ReadState(CheckpointPath).Step : 0;

    /// <summary>Makes the folder this run's, once its first checkpoint is written: what else an older run left is removed.</summary>
    /// <exception cref="EngineException">A file cannot be written or removed.</exception>
    internal void Begin(TrainingOptions options)
    {
        Adopt(options);
        HasBegun = true;
        _metrics.Clear();
        AtomicFile.Delete(MetricsPath);
        AtomicFile.Delete(WeightsPath);
    }

    /// <summary>Writes the options that the run goes on with.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void Adopt(TrainingOptions options)
    {
        Options = options;
        AtomicFile.WriteText(OptionsPath, options.ToJson() + "\n");
    }

    /// <summary>Adds an epoch's line to metrics.jsonl.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void Append(EpochReport report)
    {
        _metrics.Add(report);
        WriteMetrics();
    }

    /// <summary>Writes the weights after an epoch, with the options and what they were trained on in the header.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void WriteWeights(Module model, EpochReport report, DataDescription data) => StateDictionary.Save(model, WeightsPath, new Dictionary<string, string>
    {
        ["format"] = "pt",
        ["epoch"] = report.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["options"] = Options.ToJson(),
        [DataDescription.MetadataKey] = data.ToJson(),
    });

    /// <summary>Drops the lines of epochs that a resumed run will go through again.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void KeepEpochs(int count)
    {
        _metrics.RemoveAll(m => m.Epoch > count);
        WriteMetrics();
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot read '{path}': {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private void ReadMetrics()
    {
        foreach (string line in ReadText(MetricsPath).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                _metrics.Add(JsonSerializer.Deserialize(line, TrainingJson.Default.EpochReport)!);
            }
            catch (JsonException e)
            {
                throw new EngineException($"'{MetricsPath}' is damaged: line {_metrics.Count + 1} is not an epoch's report", e);
            }
        }
    }

    private void WriteMetrics()
    {
        StringBuilder text = new();
        foreach (EpochReport report in _metrics)
        {
            text.Append(report.ToJson()).Append('\n');
        }

        AtomicFile.WriteText(MetricsPath, text.ToString());
    }
}
