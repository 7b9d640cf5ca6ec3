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
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(TrainingState))]
internal sealed partial class TrainingJson : JsonSerializerContext;

/// <summary>Descriptions of samples; apart from the others, so that a native program that has only images goes without.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(SampleDescription))]
internal sealed partial class SampleJson : JsonSerializerContext;

/// <summary>Reports; apart from the others, so that a native program that prints none goes without.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ConfusionDocument))]
[JsonSerializable(typeof(ClassificationDocument))]
[JsonSerializable(typeof(MultiLabelDocument))]
[JsonSerializable(typeof(RegressionDocument))]
internal sealed partial class ReportJson : JsonSerializerContext;
