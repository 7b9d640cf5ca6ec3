using System.Text.Json;

namespace Engine.Kernels.Tests;

/// <summary>A function as a header declares it.</summary>
internal sealed record NativePrototype(string Returns, string[] Parameters, string[] Kinds);

/// <summary>A structure's field: where it lies, and how many bytes it takes.</summary>
internal sealed record NativeField(string Name, int Offset, int Size);

/// <summary>A structure as a header declares it.</summary>
internal sealed record NativeStructure(int Size, NativeField[] Fields);

/// <summary>What NVIDIA's headers and libraries say, from Facts/headers.</summary>
internal static class NativeFacts
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Facts", "headers");

    /// <summary>Library (libcuda), function, prototype.</summary>
    internal static Dictionary<string, Dictionary<string, NativePrototype>> Prototypes { get; } = ReadPrototypes();

    /// <summary>The names in cuda.h that stand for another symbol.</summary>
    internal static Dictionary<string, string> Macros { get; } =
        JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(Folder, "cuda-13-macros.json")))!;

    /// <summary>Enumeration, name, value.</summary>
    internal static Dictionary<string, Dictionary<string, long>> Enumerations { get; } = [];

    /// <summary>Structures by name.</summary>
    internal static Dictionary<string, NativeStructure> Structures { get; } = ReadHeaders();

    /// <summary>The names that a library exports, such as libcuda; null where it is not known.</summary>
    internal static HashSet<string>? Exports(string library) =>
        Directory.EnumerateFiles(Path.Combine(Folder, "exports"), $"{library}.so.*.txt").FirstOrDefault() is { } file ? [.. File.ReadLines(file)] : null;

    private static Dictionary<string, Dictionary<string, NativePrototype>> ReadPrototypes()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "prototypes.json")));
        return document.RootElement.EnumerateObject().ToDictionary(
            library => library.Name,
            library => library.Value.EnumerateObject().ToDictionary(
                function => function.Name,
                function => new NativePrototype(
                    function.Value.GetProperty("returns").GetString()!, Texts(
                        function.Value.GetProperty("parameters")), Texts(function.Value.GetProperty("kinds")))));

        static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(text => text.GetString()!)];
    }

    private static Dictionary<string, NativeStructure> ReadHeaders()
    {
        Dictionary<string, NativeStructure> structures = [];
        foreach (string file in (string[])["cuda-13.json", "cublas-13.json", "cudnn-9.19.json", "nccl.json"])
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, file)));
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                if (entry.Name == "structs")
                {
                    foreach (JsonProperty structure in entry.Value.EnumerateObject())
                    {
                        structures[structure.Name] = new NativeStructure(
                            structure.Value.GetProperty("size").GetInt32(),
                            [.. structure.Value.GetProperty("offsets").EnumerateObject().Select(field => new NativeField(
                                field.Name, field.Value[0].GetInt32(), field.Value[1].GetInt32()))]);
                    }
                }
                else if (entry.Value.ValueKind == JsonValueKind.Object && entry.Value.EnumerateObject().All(
                    value => value.Value.ValueKind == JsonValueKind.Number))
                {
                    Enumerations[entry.Name] = entry.Value.EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetInt64());
                }
            }
        }

        return structures;
    }
}
