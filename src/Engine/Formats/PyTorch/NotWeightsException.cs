namespace Engine.Formats.PyTorch;

/// <summary>A file that is in order, but is not what is asked for; its message goes on after the file's name.</summary>
/// <param name="message">What the file is or has, and what to do: "is a TorchScript program ...".</param>
internal sealed class NotWeightsException(string message) : Exception(message);
