namespace Engine.Formats;

/// <summary>A training's checkpoint of this program, where the weights in it are asked for as if they were a file of their own.</summary>
internal static class OwnCheckpoint
{
    /// <summary>The text in the header by which it is known.</summary>
    public const string MetadataKey = "engine_checkpoint";

    /// <summary>What stands before the names of the model's tensors.</summary>
    public const string ModelPrefix = "model.";

    /// <summary>The entries of a file that are a model's: of a checkpoint without the optimizer's, whose names do not begin as the model's do.</summary>
    public static IEnumerable<StoredEntry> ModelEntries(TensorFile file) =>
        file.Metadata.ContainsKey(MetadataKey) ? file.Entries.Where(e => e.Name.StartsWith(ModelPrefix, StringComparison.Ordinal)) : file.Entries;

    /// <summary>What a checkpoint puts before a model's names; empty for other files.</summary>
    public static string PrefixOf(TensorFile file) => file.Metadata.ContainsKey(MetadataKey) ? ModelPrefix : "";
}
