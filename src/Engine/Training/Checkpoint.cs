using System.Text.Json;
using Engine.Formats;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>
/// A run's checkpoint.safetensors: the model's tensors under model., the optimizer's states under their names (velocity.), moving averages under average., and
/// position,
/// sums, schedule, options and what the data set is like as texts in the header. Order and augmentation of the images follow from seed, epoch and index, so
/// that
/// no random state is kept.
/// </summary>
internal static class Checkpoint
{
    private const string ModelPrefix = $"{OwnCheckpoint.ModelKey}.";
    private const string AveragePrefix = "average.";
    private const string Version = "1";

    /// <summary>Writes a checkpoint, atomically.</summary>
    /// <exception cref="EngineException">The file cannot be written; the one before it is still there.</exception>
    public static void Save(
        string path, Module model, Optimizer optimizer, MovingAverage? average, TrainingState state, RunManifest manifest, TrainingData data)
    {
        Dictionary<string, string> header = new()
        {
            [OwnCheckpoint.MetadataKey] = Version,
            ["options"] = manifest.ToJson(),
            ["state"] = JsonSerializer.Serialize(state, TrainingJson.Default.TrainingState),
        };
        data.Describe(header);
        header[ImageFingerprint.MetadataKey] = $"{data.Fingerprint}";
        SafetensorsWriter.Write(
            path, [.. StateDictionary.Contents(model, ModelPrefix), .. optimizer.Contents(), .. average?.Contents(AveragePrefix) ?? []], header);
    }

    /// <summary>Puts a checkpoint's values into a model and an optimizer and returns where the run stood.</summary>
    /// <exception cref="EngineException">The file is damaged or is of another network; nothing has changed then.</exception>
    public static TrainingState Load(
        string path, Module model, Optimizer optimizer, MovingAverage? average, RunManifest manifest, TrainingData data, int stepsPerEpoch, long totalSteps)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Check(file);
        RunManifest saved = ReadManifest(file).ReadLike(manifest);
        if (saved.Model != manifest.Model)
        {
            throw new EngineException($"'{path}' is a checkpoint of {saved.Model}, not of {manifest.Model}; resume it with the network that it was made with");
        }

        // An image folder may have moved: which images it has is compared below.
        string place = DataDescription.WithoutPlace(saved.Data) == DataDescription.WithoutPlace(manifest.Data) ? manifest.Data : saved.Data;
        TrainingOptions longer = saved.Training with { Epochs = manifest.Training.Epochs, MaxSteps = manifest.Training.MaxSteps };
        if (manifest != saved with { Training = longer, Data = place })
        {
            throw new EngineException(
                $"'{path}' was made with other options; resume it with those of its run, of which only the number of epochs and steps may change");
        }

        data.Fingerprint.Check(path, file.Metadata);
        TrainingState state = ReadState(path, file.Metadata.GetValueOrDefault("state", ""));
        long position = ((long)state.Epoch * stepsPerEpoch) + state.Step;
        if (state.Epoch < 0 || state.Step < 0 || state.Step > stepsPerEpoch || (state.GlobalStep != position && state.GlobalStep != totalSteps))
        {
            throw new EngineException(
                $"'{path}' stands at step {state.GlobalStep}, which does not fit epochs of {stepsPerEpoch} step{(stepsPerEpoch == 1 ? "" : "s")}: the data "
                    + $"set has changed, or a run is extended whose last epoch was cut short");
        }

        if (state.GlobalStep > totalSteps)
        {
            throw new EngineException(
                $"'{path}' stands at step {state.GlobalStep}, but with these options the run ends after step {totalSteps}; resume it with more epochs");
        }

        PendingState weights = StateDictionary.Read(StateDictionary.Tensors(model), file, ModelPrefix, mayMiss: false);
        Action applyAverages = average?.ReadState(file, AveragePrefix) ?? (() => { });
        optimizer.ReadState(file, "")();
        applyAverages();
        weights.Apply();
        return state;
    }

    /// <summary>What a checkpoint's run is and where it stood; its tensors are not read.</summary>
    /// <exception cref="EngineException">The file is damaged or is no checkpoint.</exception>
    public static (RunManifest Manifest, TrainingState State) ReadHeader(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Check(file);
        return (ReadManifest(file), ReadState(path, file.Metadata.GetValueOrDefault("state", "")));
    }

    /// <summary>The first of a model's parameters and buffers that holds an infinity or a NaN; null where all are finite.</summary>
    public static string? FindNonFinite(Module model)
    {
        foreach ((string name, Tensor tensor, _) in StateDictionary.Tensors(model))
        {
            if (!tensor.Type.IsFloating())
            {
                continue;
            }

            Device device = tensor.Device;
            using Tensor count = Tensor.Create(device, Shape.Scalar, device.FloatType);
            device.Reduce(Reduction.NonFinite, tensor, count);
            if (count.Item() != 0)
            {
                return name;
            }
        }

        return null;
    }

    private static void Check(SafetensorsFile file)
    {
        if (file.Metadata.GetValueOrDefault(OwnCheckpoint.MetadataKey) != Version)
        {
            throw new EngineException($"'{file.Path}' is not a checkpoint of this program: its header does not say {OwnCheckpoint.MetadataKey} {Version}");
        }
    }

    private static RunManifest ReadManifest(SafetensorsFile file) => RunManifest.FromJson(file.Metadata.GetValueOrDefault("options", ""), file.Path);

    private static TrainingState ReadState(string path, string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, TrainingJson.Default.TrainingState) ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw new EngineException($"'{path}' is damaged: the state in its header is not valid", e);
        }
    }
}
