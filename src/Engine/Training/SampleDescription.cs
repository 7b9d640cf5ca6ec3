using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Engine.Data;

namespace Engine.Training;

/// <summary>
/// What must be known of the samples that a network was trained on to use it: weights carry it in their header, so that a file is whole: what goes in and how
/// it is scaled, what comes out and what it is called.
/// </summary>
public sealed record SampleDescription
{
    /// <summary>The name of the entry in a file's header.</summary>
    public const string MetadataKey = "samples";

    /// <summary>What the set was called.</summary>
    public required string Name { get; init; }

    /// <summary>What was learned.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<SampleTask>))]
    public required SampleTask Task { get; init; }

    /// <summary>The shape of one sample's features.</summary>
    public required int[] Shape { get; init; }

    /// <summary>The names of the features along their last axis; empty where they have none.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>The names of the classes, by label; or of the labels or values.</summary>
    public required IReadOnlyList<string> Targets { get; init; }

    /// <summary><see cref="FeatureScaling.Mean"/> of the features.</summary>
    public required double[] Mean { get; init; }

    /// <summary><see cref="FeatureScaling.Deviation"/> of the features.</summary>
    public required double[] Deviation { get; init; }

    /// <summary><see cref="FeatureScaling.Mean"/> of the values; null where the targets are classes or labels.</summary>
    public double[]? ValueMean { get; init; }

    /// <summary><see cref="FeatureScaling.Deviation"/> of the values; null where the targets are classes or labels.</summary>
    public double[]? ValueDeviation { get; init; }

    /// <summary>Which samples these are; known where the set itself is.</summary>
    [JsonIgnore]
    internal ImageFingerprint? Fingerprint { get; init; }

    /// <summary>How features are scaled.</summary>
    [JsonIgnore]
    public FeatureScaling Scaling => FeatureScaling.Constant(Mean, Deviation);

    /// <summary>How values are scaled; null where the targets are classes or labels.</summary>
    [JsonIgnore]
    public FeatureScaling? ValueScaling => ValueMean is null || ValueDeviation is null ? null : FeatureScaling.Constant(ValueMean, ValueDeviation);

    /// <summary>What the network was trained for, which says what its outputs mean.</summary>
    [JsonIgnore]
    public LearningTask Learning => LearningTask.Of(Task, Targets.Count, ValueScaling);

    /// <summary>How many numbers one sample's features are.</summary>
    [JsonIgnore]
    public int FeatureLength => Shape.Aggregate(1, (product, extent) => checked(product * extent));

    /// <summary>
    /// A hash of all that training depends on: the numbers of both parts, their names and their scaling. Weights carry it, so that the rows that were held out
    /// can be told from others; null in files that were written by hand.
    /// </summary>
    public string? Hash { get; init; }

    /// <summary>Describes a data set.</summary>
    /// <param name="data">The set.</param>
    /// <param name="features">How its features are scaled.</param>
    /// <param name="values">How its values are scaled; null where there are none.</param>
    public static SampleDescription Of(SampleDataset data, FeatureScaling features, FeatureScaling? values)
    {
        SampleDescription description = Without(data, features, values);
        string train = description.HashOf(data.Train), test = description.HashOf(data.Test);
        return description with
        {
            Hash = $"{train} {test}",
            Fingerprint = new ImageFingerprint(data.Train.Count, train, data.Test.Count, test) { Noun = "samples" },
        };
    }

    private static SampleDescription Without(SampleDataset data, FeatureScaling features, FeatureScaling? values) => new()
    {
        Name = data.Name,
        Task = data.Task,
        Shape = data.Train.FeatureShape.ToArray(),
        Features = data.Train.FeatureNames,
        Targets = data.Train.TargetNames,
        Mean = features.Mean.ToArray(),
        Deviation = features.Deviation.ToArray(),
        ValueMean = values?.Mean.ToArray(),
        ValueDeviation = values?.Deviation.ToArray(),
    };

    /// <summary>The description in a file's header; null where there is none, or a text of another program's under its name.</summary>
    /// <exception cref="EngineException">It is damaged.</exception>
    public static SampleDescription? Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(MetadataKey, out string? json) || !MetadataJson.IsObjectWith(json, "task", "shape", "targets", "mean", "deviation"))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(json, SampleJson.Default.SampleDescription) is { IsSound: true } read
                ? read
                : throw new EngineException("the weights' description of their samples does not fit together");
        }
        catch (JsonException e)
        {
            throw new EngineException("the weights' description of their samples is not valid JSON", e);
        }
    }

    /// <summary>The description as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SampleJson.Default.SampleDescription);

    private bool IsSound => Shape.Length is >= 1 and <= 3 && Shape.All(extent => extent >= 1)
        && Shape.Aggregate(1L, (product, extent) => Math.Min(product * extent, int.MaxValue + 1L)) <= int.MaxValue
        && Targets.Count >= 1 && Targets.All(t => t is not null) && Enum.IsDefined(Task)
        && (Features.Count == 0 || Features.Count == Shape[^1]) && Features.All(f => f is not null)
        && FeatureScaling.IsSound(Mean, Deviation, Shape[^1])
        && (Task == SampleTask.Regression
            ? ValueMean is null == ValueDeviation is null && (ValueMean is null || FeatureScaling.IsSound(ValueMean, ValueDeviation!, Targets.Count))
            : ValueMean is null && ValueDeviation is null);

    // The set's name is not part of it, as a folder's place is not of images'.
    private string HashOf(Samples samples)
    {
        Sha256 hash = new();
        hash.AppendData(MemoryMarshal.AsBytes((this with { Name = "" }).ToJson().AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(samples.Features.Span));
        hash.AppendData(MemoryMarshal.AsBytes(samples.Labels));
        hash.AppendData(MemoryMarshal.AsBytes(samples.Values));
        hash.AppendData(MemoryMarshal.AsBytes(samples.Weights.Span));
        return Convert.ToHexStringLower(hash.Finish())[..ImageFingerprint.HashLength];
    }
}
