using System.Text;
using System.Text.Json;
using Engine.Formats;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>
/// The folder of a run: options.json, metrics.jsonl with a line an epoch, checkpoint.safetensors from which the run can go on,
/// weights.safetensors with the last finished epoch's weights, weights-ema.safetensors with their moving average where the run has one, and
/// weights-best.safetensors with those of the best epoch where the run keeps them. Every file is
/// replaced as a whole, so that none is ever half-written; the checkpoint is
/// what makes the folder a run, and what the other files say beyond it is written again. Only one process writes a folder at a time.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private const string OptionsName = "options.json", MetricsName = "metrics.jsonl", CheckpointName = "checkpoint.safetensors",
        WeightsName = "weights.safetensors",
        AverageName = "weights-ema.safetensors", BestName = "weights-best.safetensors";
    private const string EventsBeginning = "events.out.tfevents.";
    private readonly List<EpochReport> _metrics = [];
    private OutputFolder? _claim;

    private RunFolder(string path, RunManifest manifest, OutputFolder? claim)
    {
        Path = path;
        Manifest = manifest;
        _claim = claim;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>
    /// What the run is, as options.json has it once the run has begun. A run that is resumed may be given another one before it goes on, for images that are
    /// now elsewhere; what must not change is compared with the checkpoint's.
    /// </summary>
    public RunManifest Manifest { get; set; }

    /// <summary>The model's weights and buffers, in PyTorch's names and order.</summary>
    public string WeightsPath => In(WeightsName);

    /// <summary>The same of the moving average of the weights, where the run has one.</summary>
    public string AveragePath => In(AverageName);

    /// <summary>The weights of the best epoch so far, where the run keeps them.</summary>
    public string BestPath => In(BestName);

    /// <summary>All that a run needs to go on.</summary>
    public string CheckpointPath => In(CheckpointName);

    /// <summary>One line of JSON for each finished epoch.</summary>
    public string MetricsPath => In(MetricsName);

    /// <summary>The reports of the finished epochs.</summary>
    public IReadOnlyList<EpochReport> Metrics => _metrics;

    /// <summary>Whether the files in the folder are this run's, and not yet those of an older run in its place.</summary>
    internal bool HasBegun { get; private set; }

    private string OptionsPath => In(OptionsName);

    /// <summary>What the new run takes the place of, in words such as "a finished run of 2 epochs"; null where there is none.</summary>
    public string? Replaced { get; private init; }

    /// <summary>
    /// Prepares a run in a folder, which nobody else can write then until the run has ended or this is disposed. A folder that is not there comes into
    /// being with the run's first checkpoint, and an older run's files stay until then, so that a run that cannot start leaves nothing and destroys nothing.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="manifest">What the run is; the trainer adds its options.</param>
    /// <param name="overwrite">Whether an older run in the folder is replaced, instead of being an error.</param>
    /// <exception cref="EngineException">
    /// An option is out of range, the folder holds a run already, another process writes it, or it cannot be made or written.
    /// </exception>
    public static RunFolder Create(string path, RunManifest manifest, bool overwrite = false)
    {
        manifest.Check();
        OutputFolder claim = OutputFolder.Claim(path);
        try
        {
            string? earlier = Describe(path);
            return earlier is null || overwrite
                ? new RunFolder(path, manifest, claim) { Replaced = earlier }
                : throw new EngineException($"'{path}' holds {earlier}: open it to go on with it, choose another folder, or have it overwritten");
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    /// <summary>Prepares a run as <see cref="Create"/> does, in the folder with the first free number.</summary>
    /// <param name="beginning">What stands before the number, such as "runs/resnet20-digits-".</param>
    /// <param name="manifest">What the run is; the trainer adds its options.</param>
    /// <exception cref="EngineException">An option is out of range, or the folder cannot be made.</exception>
    public static RunFolder CreateNext(string beginning, RunManifest manifest)
    {
        manifest.Check();
        OutputFolder claim = OutputFolder.ClaimNext(beginning);
        return new RunFolder(claim.Path, manifest, claim);
    }

    /// <summary>Opens the folder of a run that was started earlier.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="claim">
    /// Whether the folder is to be written, so that nobody else may until the run has ended or this is disposed; a <see cref="Trainer"/> sees to it in any
    /// case.
    /// </param>
    /// <exception cref="EngineException">There is no run in the folder, a file of it is damaged, or another process writes it.</exception>
    public static RunFolder Open(string path, bool claim = false)
    {
        if (!File.Exists(System.IO.Path.Combine(path, OptionsName)) && !File.Exists(System.IO.Path.Combine(path, CheckpointName)))
        {
            throw new EngineException($"there is no run to resume in '{path}': it has neither {OptionsName} nor {CheckpointName}");
        }

        OutputFolder? taken = claim ? OutputFolder.Claim(path) : null;
        try
        {
            return Read(path, taken);
        }
        catch
        {
            taken?.Dispose();
            throw;
        }
    }

    /// <summary>Steps of an epoch in progress that the checkpoint holds; 0 where it stands between two epochs, or where there is none.</summary>
    /// <exception cref="EngineException">The checkpoint is damaged.</exception>
    public int ReadStepsInEpoch() => File.Exists(CheckpointPath) ? Checkpoint.ReadHeader(CheckpointPath).State.Step : 0;

    /// <summary>Lets others write the folder. A run that never began leaves nothing.</summary>
    public void Dispose() => Release();

    /// <summary>Makes sure that nobody else writes the folder until <see cref="Release"/>.</summary>
    /// <exception cref="EngineException">Another process writes it already, or it cannot be written.</exception>
    internal void Hold() => _claim ??= OutputFolder.Claim(Path);

    /// <summary>Lets others write the folder.</summary>
    internal void Release()
    {
        _claim?.Dispose();
        _claim = null;
    }

    /// <summary>Writes a run's first checkpoint and makes the folder this run's: what else an older run left is removed.</summary>
    /// <param name="manifest">What the run is, with the trainer's options.</param>
    /// <param name="save">Writes the checkpoint to a path.</param>
    /// <exception cref="EngineException">A file cannot be written or removed.</exception>
    internal void Begin(RunManifest manifest, Action<string> save)
    {
        Hold();
        if (HasBegun || !TryBeginAsAWhole(manifest, save))
        {
            // One by one, so that each moment can be resumed: a checkpoint has the options too, and one at the beginning makes nothing of an
            // older run's epochs.
            if (!HasBegun)
            {
                AtomicFile.Delete(OptionsPath);
            }

            save(CheckpointPath);
            foreach (string file in Directory.GetFiles(Path).Where(
                f => System.IO.Path.GetFileName(f) is MetricsName or WeightsName or AverageName or BestName || IsEvents(f)))
            {
                AtomicFile.Delete(file);
            }

            AtomicFile.WriteText(OptionsPath, manifest.ToJson() + "\n");
        }

        Manifest = manifest;
        HasBegun = true;
        _metrics.Clear();
    }

    /// <summary>Writes what the run goes on as.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void Adopt(RunManifest manifest)
    {
        Manifest = manifest;
        AtomicFile.WriteText(OptionsPath, manifest.ToJson() + "\n");
    }

    /// <summary>Adds an epoch's line to metrics.jsonl.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void Append(EpochReport report)
    {
        _metrics.Add(report);
        WriteMetrics();
    }

    /// <summary>Writes the weights after an epoch, with the manifest and what they were trained on in the header.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void WriteWeights(Module model, MovingAverage? average, EpochReport report, TrainingData data)
    {
        Dictionary<string, string> metadata = MetadataOf(model, report, data);
        StateDictionary.Save(model, WeightsPath, metadata);
        if (average is not null)
        {
            using IDisposable use = average.Use();
            StateDictionary.Save(model, AveragePath, metadata);
        }
    }

    /// <summary>Writes the weights of the best epoch so far, as <see cref="WriteWeights"/> does.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void WriteBest(Module model, EpochReport report, TrainingData data) =>
        StateDictionary.Save(model, BestPath, MetadataOf(model, report, data));

    private Dictionary<string, string> MetadataOf(Module model, EpochReport report, TrainingData data)
    {
        Dictionary<string, string> metadata = new()
        {
            ["format"] = "pt",
            ["epoch"] = report.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["options"] = Manifest.WithoutPlaces().ToJson(),
        };
        data.Describe(metadata);
        SavedModel.Describe(model, metadata);
        return metadata;
    }

    /// <summary>Drops the lines of epochs that a resumed run will go through again.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    internal void KeepEpochs(int count)
    {
        _metrics.RemoveAll(m => m.Epoch > count);
        WriteMetrics();
    }

    private static RunFolder Read(string path, OutputFolder? claim)
    {
        string optionsPath = System.IO.Path.Combine(path, OptionsName);
        if (!File.Exists(optionsPath))
        {
            // Killed while it began in a folder that was there: its checkpoint has the options, and at its beginning the epochs are an older run's.
            (RunManifest saved, TrainingState state) = Checkpoint.ReadHeader(System.IO.Path.Combine(path, CheckpointName));
            RunFolder begun = new(path, saved, claim) { HasBegun = true };
            begun.ReadMetrics(state.GlobalStep == 0 ? 0 : int.MaxValue);
            return begun;
        }

        RunManifest manifest = RunManifest.FromJson(ReadText(optionsPath), optionsPath);
        try
        {
            manifest.Check();
        }
        catch (EngineException e)
        {
            throw new EngineException($"'{optionsPath}' is damaged: {e.Message}", e);
        }

        RunFolder folder = new(path, manifest, claim) { HasBegun = true };
        folder.ReadMetrics(int.MaxValue);
        return folder;
    }

    private static string? Describe(string path)
    {
        if (!Directory.Exists(path) || !Directory.EnumerateFiles(path).Any(file => IsOurs(System.IO.Path.GetFileName(file))))
        {
            return null;
        }

        try
        {
            RunFolder earlier = Open(path);
            return earlier.ReadStepsInEpoch() is > 0 and int steps
                ? $"a run that was interrupted after step {steps} of epoch {earlier.Metrics.Count + 1}"
                : earlier.Metrics.Count == 0 ? "a run that has not finished an epoch"
                : earlier.Metrics[^1] is var last && last.Epoch < last.Epochs ? $"a run that has finished {last.Epoch} of {last.Epochs} epochs"
                : $"a finished run of {last.Epochs} epoch{(last.Epochs == 1 ? "" : "s")}";
        }
        catch (EngineException)
        {
            return "files of a run that cannot be read";
        }
    }

    private static bool IsOurs(string name) => name is OptionsName or MetricsName or CheckpointName or WeightsName or AverageName or BestName
        || IsEvents(name);

    private static bool IsEvents(string path) => System.IO.Path.GetFileName(path).StartsWith(EventsBeginning, StringComparison.Ordinal);

    private bool TryBeginAsAWhole(RunManifest manifest, Action<string> save)
    {
        if (_claim!.Prepare(IsOurs) is not { } folder)
        {
            return false;
        }

        try
        {
            save(System.IO.Path.Combine(folder, CheckpointName));
            AtomicFile.WriteText(System.IO.Path.Combine(folder, OptionsName), manifest.ToJson() + "\n");
        }
        catch (EngineException e)
        {
            // Nobody needs to know where it was put together.
            throw new EngineException(e.Message.Replace(folder, Path, StringComparison.Ordinal), e);
        }

        return _claim.TryPublish();
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
            throw new EngineException($"cannot read '{path}': {FileProblem.Of(path, e)}", e);
        }
    }

    // The first so many epochs.
    private void ReadMetrics(int most)
    {
        if (most == 0 || !File.Exists(MetricsPath))
        {
            return;
        }

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
