namespace Engine.Formats;

/// <summary>How a training's checkpoint of this program is known, and where in it the model lies.</summary>
internal static class OwnCheckpoint
{
    /// <summary>The text in the header by which it is known.</summary>
    public const string MetadataKey = "engine_checkpoint";

    /// <summary>What the names of the model's tensors begin with, before a dot.</summary>
    public const string ModelKey = "model";
}
