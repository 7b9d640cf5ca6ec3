using System.Text.Json.Nodes;

namespace Engine.Training;

/// <summary>
/// What a library beyond the engine keeps of a run, as entries of its own in the run's manifest: how a network was put together, how image files were cropped.
/// </summary>
/// <typeparam name="TSelf">The type itself.</typeparam>
public interface IRunPart<TSelf>
    where TSelf : IRunPart<TSelf>
{
    /// <summary>Reads the part's entries. One that is missing has its default; entries of others are left alone.</summary>
    /// <exception cref="EngineException">An entry is none of its values; the message names it and what is expected.</exception>
    static abstract TSelf ReadFrom(JsonObject manifest);

    /// <summary>Adds the part's entries, such that <see cref="ReadFrom"/> gives an equal part.</summary>
    void WriteTo(JsonObject manifest);
}
