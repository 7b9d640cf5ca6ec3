using System.CommandLine;
using System.CommandLine.Invocation;

namespace Engine.Cli;

/// <summary>The engine command: where the process starts, and the one place where errors become a line and an exit code.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        using Interruption interruption = new();
        if (!Console.IsOutputRedirected)
        {
            Console.SetOut(new TerminalWriter(Console.Out));
        }

        if (!Console.IsErrorRedirected)
        {
            Console.SetError(new TerminalWriter(Console.Error));
        }

        return await RunAsync(args, Console.Out, Console.Error, !Console.IsOutputRedirected, interruption.Token).ConfigureAwait(false);
    }

    /// <summary>Runs the command.</summary>
    /// <param name="args">What the user typed after "engine".</param>
    /// <param name="output">Standard output.</param>
    /// <param name="error">Standard error.</param>
    /// <param name="isTerminal">Whether somebody watches the output, so that it may be redrawn.</param>
    /// <param name="cancellation">Asks for an orderly end.</param>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(
        string[] args, TextWriter output, TextWriter error, bool isTerminal = false, CancellationToken cancellation = default)
    {
        CommandOutput console = new(output, error, isTerminal);
        try
        {
            ParseResult arguments = new EngineCommand(console).Parse(args);
            if (arguments.Action is ParseErrorAction || UsageProblem.HasUnknownOption(arguments))
            {
                throw new UsageException(UsageProblem.Of(arguments));
            }

            InvocationConfiguration configuration = new()
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await arguments.InvokeAsync(configuration, cancellation).ConfigureAwait(false);
        }
        catch (UsageException e)
        {
            console.Fail(e.Message);
            return ExitCodes.Usage;
        }
        catch (OperationCanceledException)
        {
            console.Fail("interrupted");
            return ExitCodes.Interrupted;
        }
        catch (OutOfMemoryException)
        {
            console.Fail("out of memory: use a smaller batch or a smaller model");
            return ExitCodes.Failure;
        }
        catch (OverflowException)
        {
            console.Fail("too large: a tensor would have more elements than can be counted; use a smaller batch or a smaller model");
            return ExitCodes.Failure;
        }
        catch (Exception e) when (e is EngineException or IOException or UnauthorizedAccessException)
        {
            console.Fail(e.Message);
            return ExitCodes.Failure;
        }
    }
}
