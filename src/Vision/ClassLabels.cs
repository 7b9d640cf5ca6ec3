using System.Globalization;
using System.Text.Json;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>Reads the names of a network's classes from the files in which they are handed around.</summary>
public static class ClassLabels
{
    private const long MostBytes = 1 << 24;

    /// <summary>
    /// Reads a file: a name on each line; or JSON, which is a list of names, or tells each class's name by its number, as Keras'
    /// imagenet_class_index.json ({"0": ["n01440764", "tench"], ...}) and the id2label of a configuration of transformers do, or its number by its name.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The names by class.</returns>
    /// <exception cref="EngineException">The file cannot be read, or has no name for a class; the message names it.</exception>
    public static string[] Read(string path)
    {
        string text;
        try
        {
            FileFacts facts = FileFacts.Of(path);
            if ((facts.Problem ?? (facts.Length > MostBytes ? "it is larger than 16 MiB" : null)) is { } problem)
            {
                throw new EngineException($"the labels '{ShownName.Of(path)}' cannot be read: {problem}");
            }

            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the labels '{ShownName.Of(path)}' cannot be read: {FileProblem.Of(path, e)}", e);
        }

        if (text.AsSpan().TrimStart() is not ['{' or '[', ..])
        {
            return [.. text.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()).Reverse().SkipWhile(line => line.Length == 0).Reverse()];
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return FromJson(document.RootElement) ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw new EngineException(
                $"the labels '{ShownName.Of(path)}' are not understood: expected a name on each line, or JSON such as [\"tench\", ...], {{\"0\": \"tench\", "
                    + $"...}} or {{\"0\": [\"n01440764\", \"tench\"], ...}} with all classes from 0 on", e);
        }
    }

    private static string[]? FromJson(JsonElement root)
    {
        if (root.ValueKind == JsonValueKind.Array)
        {
            string?[] list = [.. root.EnumerateArray().Select(Name)];
            return Array.IndexOf(list, null) >= 0 ? null : [.. list.Select(n => n!)];
        }

        if (root.TryGetProperty("id2label", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object)
        {
            root = inner;
        }

        JsonProperty[] entries = [.. root.EnumerateObject()];
        string?[] names = new string?[entries.Length];
        foreach (JsonProperty entry in entries)
        {
            (string number, string? name) = entry.Value.ValueKind == JsonValueKind.Number
                ? (entry.Value.GetRawText(), entry.Name)
                : (entry.Name, Name(entry.Value));
            if (!int.TryParse(
                number, NumberStyles.None, CultureInfo.InvariantCulture, out int label) || label >= names.Length || names[label] is not null || name is null)
            {
                return null;
            }

            names[label] = name;
        }

        return [.. names.Select(n => n!)];
    }

    // Of an identifier and a name, the name.
    private static string? Name(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array when value.GetArrayLength() > 0 && value[value.GetArrayLength() - 1].ValueKind == JsonValueKind.String =>
            value[value.GetArrayLength() - 1].GetString(),
        _ => null,
    };
}
