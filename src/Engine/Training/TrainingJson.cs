using System.Text.Json.Serialization;

namespace Engine.Training;

/// <summary>How options, reports and states become JSON, made at compile time so that it works in trimmed and ahead-of-time compiled programs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(TrainingOptions))]
[JsonSerializable(typeof(RunManifest))]
[JsonSerializable(typeof(EpochReport))]
[JsonSerializable(typeof(DataDescription))]
[JsonSerializable(typeof(SampleDescription))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(TrainingState))]
[JsonSerializable(typeof(ConfusionDocument))]
[JsonSerializable(typeof(ClassificationDocument))]
[JsonSerializable(typeof(MultiLabelDocument))]
[JsonSerializable(typeof(RegressionDocument))]
internal sealed partial class TrainingJson : JsonSerializerContext;
