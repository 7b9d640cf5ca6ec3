namespace Engine.Cli;

/// <summary>What the process ends with.</summary>
internal static class ExitCodes
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>Something failed at run time: a damaged file, a full disk, a check that found a difference.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong: an unknown option, model, data set, schedule or device.</summary>
    public const int Usage = 2;

    /// <summary>Ctrl-C, SIGTERM or SIGHUP: 128 + 2, as shells have it. Training has written a checkpoint.</summary>
    public const int Interrupted = 130;
}
