using System.Text.Json.Serialization;

namespace Engine.Tables;

/// <summary>How an encoding becomes JSON, made at compile time so that it works in trimmed and ahead-of-time compiled programs.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(TableEncoding))]
internal sealed partial class TableJson : JsonSerializerContext;
