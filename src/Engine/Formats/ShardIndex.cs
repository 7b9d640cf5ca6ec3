using System.Text.Json;
using System.Text.RegularExpressions;

namespace Engine.Formats;

/// <summary>
/// Opens weights that are spread over several files, by the index that names each tensor's file: <c>model.safetensors.index.json</c> or
/// <c>pytorch_model.bin.index.json</c>, as transformers and accelerate write them.
/// </summary>
internal static partial class ShardIndex
{
    private const int MaxBytes = 16 << 20;
    private const int MaxShards = 2000;

    /// <summary>Opens all files of an index.</summary>
    /// <param name="bytes">The index; the caller closes it where this fails.</param>
    /// <exception cref="EngineException">It is no such index, or a file of it is missing or damaged.</exception>
    public static TensorFile Open(FileBytes bytes)
    {
        Dictionary<string, string> places = Read(bytes);
        string[] shards = [.. places.Values.Distinct()];
        if (shards.Length > MaxShards)
        {
            throw new EngineException($"'{bytes.Path}' names {shards.Length:N0} files, more than the {MaxShards:N0} that are opened");
        }

        string folder = Path.GetDirectoryName(bytes.Path) ?? "";
        foreach (string shard in shards)
        {
            if (!File.Exists(Path.Combine(folder, shard)))
            {
                throw new EngineException($"'{bytes.Path}' needs '{ShownName.Of(shard)}' beside it, but there is no such file");
            }
        }

        List<TensorFile> files = [];
        try
        {
            Dictionary<string, TensorFile> byName = [];
            foreach (string shard in shards)
            {
                TensorFile file = TensorFile.Open(Path.Combine(folder, shard));
                files.Add(file);
                byName.Add(shard, file);
            }

            List<(string, StoredEntry, TensorFile)> entries = [];
            List<UnreadEntry> unread = [];
            foreach ((string name, string shard) in places)
            {
                if (byName[shard].Find(name) is { } entry)
                {
                    entries.Add((name, entry, byName[shard]));
                }
                else
                {
                    unread.Add(byName[shard].Unread.FirstOrDefault(u => u.Name == name)
                        ?? throw new EngineException($"'{bytes.Path}' says that '{ShownName.Of(shard)}' has {ShownName.Of(name)}, but it does not"));
                }
            }

            return new PartFile(bytes, files, $"{files[0].Format}, {files.Count:N0} {(files.Count == 1 ? "file" : "files")}", entries, unread);
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            throw;
        }
    }

    /// <summary>Whether a file is called as one of several: model-00001-of-00003.safetensors.</summary>
    public static bool IsShard(string path) => ShardName().IsMatch(Path.GetFileName(path));

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.\w+$", RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();

    private static Dictionary<string, string> Read(FileBytes bytes)
    {
        if (bytes.Length > MaxBytes)
        {
            throw Invalid(bytes, $"has {bytes.Length:N0} bytes, more than an index has");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes.Read(0, (int)bytes.Length));
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
                || map.ValueKind != JsonValueKind.Object)
            {
                throw Invalid(bytes, "is JSON, but no index of weights: it has no weight_map");
            }

            Dictionary<string, string> places = new(StringComparer.Ordinal);
            foreach (JsonProperty property in map.EnumerateObject())
            {
                string? shard = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() : null;

                // A file beside the index, and no other; an index of indexes could go in circles.
                if (shard is null || !WeightsFormats.IsWeightsName(shard) || shard.AsSpan().IndexOfAny('/', '\\', '\0') >= 0)
                {
                    throw Invalid(bytes, $"gives {ShownName.Of(property.Name)} a place that is no name of weights beside it: "
                        + $"{ShownName.Of(shard ?? property.Value.ValueKind.ToString())}");
                }

                places[property.Name] = shard;
            }

            return places.Count > 0 ? places : throw Invalid(bytes, "names no tensors");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Invalid(bytes, "is not valid JSON");
        }
    }

    private static EngineException Invalid(FileBytes bytes, string reason) => new($"'{bytes.Path}' {reason}");
}
