namespace Engine.Cli;

/// <summary>The command line asks for something that does not exist or does not go together.</summary>
internal sealed class UsageException : EngineException
{
    /// <summary>Makes an error from its one-line message.</summary>
    public UsageException(string message) : base(message) { }

    private UsageException(EngineException cause) : base(cause.Message, cause) { }

    /// <summary>Looks up what an option names; where the library does not know it, the user's command is at fault.</summary>
    public static T Check<T>(Func<T> lookUp)
    {
        try
        {
            return lookUp();
        }
        catch (EngineException e) when (e is not UsageException)
        {
            throw new UsageException(e);
        }
    }
}
