using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Formats;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>A rate that a GPU reaches, and how that is known.</summary>
/// <param name="Value">Bytes or floating-point operations a second.</param>
/// <param name="Source">Measured, or from the data sheet and by which share.</param>
public readonly record struct GpuRate(double Value, string Source);

/// <summary>
/// A GPU in figures, for planning and predicting without it: what cuDNN needs to know of it (the JSON of its DEVICEPROP descriptor),
/// and what it reaches, copying memory and multiplying.
/// </summary>
public sealed class GpuDescription
{
    private static readonly string[] BuiltInNames = ["h100", "a100", "b200", "rtx4090"];

    // A name that occurs twice would throw when it is looked up.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly JsonObject _device;

    internal GpuDescription(string name, string source, JsonObject device, GpuRates? rates)
    {
        // Read from its text, as a file is: numbers that a program put in have other types than parsed ones.
        _device = JsonNode.Parse(device.ToJsonString())!.AsObject();
        (Name, Source) = (name, source);
        Properties = DevicePropertyJson.Read(_device);
        Rates = rates ?? GpuRates.Derive(Properties, DevicePropertyJson.ClockOf(_device));
    }

    /// <summary>The names of the GPUs that need no file.</summary>
    public static IReadOnlyList<string> BuiltIn => BuiltInNames;

    /// <summary>How a user names it.</summary>
    public string Name { get; }

    /// <summary>From where the description is: the driver, published figures.</summary>
    public string Source { get; }

    /// <summary>What the driver says, or would say, of it.</summary>
    public CudaDeviceProperties Properties { get; }

    /// <summary>What it reaches.</summary>
    public GpuRates Rates { get; }

    /// <summary>The text that cuDNN's DEVICEPROP descriptor takes in the GPU's place.</summary>
    public string DeviceProperties => _device.ToJsonString();

    /// <summary>The description of a built-in name, or from a file that <see cref="ToJson"/>'s text was written to.</summary>
    /// <exception cref="EngineException">There is neither, or the file is no description; the message names what is missing.</exception>
    public static GpuDescription Find(string nameOrFile)
    {
        if (BuiltInNames.Contains(nameOrFile))
        {
            using Stream stream = typeof(GpuDescription).Assembly.GetManifestResourceStream($"gpus/{nameOrFile}.json")
                ?? throw new EngineException($"the assembly Engine.Kernels was built without gpus/{nameOrFile}.json");
            return Parse(JsonNode.Parse(stream), nameOrFile);
        }

        if (Directory.Exists(nameOrFile))
        {
            throw new EngineException($"{nameOrFile} is not the description of a GPU: it is a folder, but must be a file");
        }

        if (!File.Exists(nameOrFile))
        {
            throw new EngineException(
                $"there is no GPU '{nameOrFile}'{Suggestion.Phrase(nameOrFile, BuiltInNames, ".")} Use {string.Join(", ", BuiltInNames)}, or a file with a "
                    + "description ('engine doctor --json' prints one of a GPU at hand, as gpu)");
        }

        try
        {
            return Parse(JsonNode.Parse(File.ReadAllText(nameOrFile), documentOptions: Strict), nameOrFile);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new EngineException(
                $"{nameOrFile} is not the description of a GPU: {(e is JsonException ? e.Message.Split('\n')[0] : FileProblem.Of(nameOrFile, e))}", e);
        }
    }

    /// <summary>
    /// The description of a GPU at hand. Its rates are those of the built-in description of the same name, where there is one;
    /// otherwise they are derived from clocks, bus and architecture.
    /// </summary>
    /// <param name="deviceId">Its number, from 0.</param>
    /// <exception cref="EngineException">There is no such GPU, or the driver fails.</exception>
    public static GpuDescription Of(int deviceId)
    {
        JsonObject device = DevicePropertyJson.Write(deviceId);
        string name = (string)device["deviceName"]!;
        GpuRates? rates = BuiltInNames.Select(Find).FirstOrDefault(gpu => gpu.Properties.Name == name)?.Rates;
        return new GpuDescription(name, "the driver of this machine", device, rates);
    }

    /// <summary>As <see cref="Of"/>; null where the driver tells too little of the GPU.</summary>
    public static GpuDescription? TryOf(int deviceId)
    {
        try
        {
            return Of(deviceId);
        }
        catch (EngineException)
        {
            return null;
        }
    }

    /// <summary>All of it: name, source, rates, and device, which is cuDNN's JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["source"] = Source,
        ["rates"] = Rates.ToJson(),
        ["device"] = _device.DeepClone(),
    };

    /// <summary>Its name.</summary>
    public override string ToString() => Name;

    private static GpuDescription Parse(JsonNode? json, string origin)
    {
        // What doctor prints has the description inside.
        json = json is JsonObject report && report["gpu"] is JsonObject inner ? inner : json;
        if (json is not JsonObject description || description["device"] is not JsonObject device)
        {
            throw new EngineException($"{origin} is not the description of a GPU: it has no object 'device'");
        }

        try
        {
            string name = description["name"] is { } text ? (string)text! : Path.GetFileNameWithoutExtension(origin);
            string source = description["source"] is { } told ? (string)told! : origin;
            GpuRates? rates = description["rates"] is JsonObject figures ? GpuRates.Read(figures) : null;
            return new GpuDescription(name, source, (JsonObject)device.DeepClone(), rates);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or OverflowException or EngineException)
        {
            throw new EngineException($"{origin} is not the description of a GPU: {e.Message.Split('\n')[0]}", e);
        }
    }
}
