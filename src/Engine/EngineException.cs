namespace Engine;

/// <summary>
/// An error that the caller can act on: its message is one line that names the thing, what was expected and what to do.
/// </summary>
public class EngineException : Exception
{
    /// <summary>Makes an error from its one-line message.</summary>
    public EngineException(string message) : base(message) { }

    /// <summary>Makes an error from its one-line message and the error that caused it.</summary>
    public EngineException(string message, Exception inner) : base(message, inner) { }
}
