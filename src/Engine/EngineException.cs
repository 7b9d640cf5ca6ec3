namespace Engine;

/// <summary>
/// An error that the caller can act on: its message is one line that names the thing, what was expected and what to do.
/// </summary>
public class EngineException : Exception
{
    private const int MostCharacters = 4000;

    /// <summary>Makes an error from its one-line message.</summary>
    public EngineException(string message) : base(OneLine(message)) { }

    /// <summary>Makes an error from its one-line message and the error that caused it.</summary>
    public EngineException(string message, Exception inner) : base(OneLine(message), inner) { }

    // What a message quotes of a damaged file may be of any length and have line breaks and control characters in it; its ends say most.
    private static string OneLine(string message)
    {
        if (message.Length > MostCharacters)
        {
            message = $"{message.AsSpan(0, MostCharacters / 2)} ... {message.AsSpan(message.Length - (MostCharacters / 2))}";
        }

        return message.Any(IsBreak)
            ? string.Create(message.Length, message, (line, text) =>
            {
                for (int i = 0; i < line.Length; i++)
                {
                    line[i] = IsBreak(text[i]) ? ' ' : text[i];
                }
            })
            : message;
    }

    private static bool IsBreak(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
}
