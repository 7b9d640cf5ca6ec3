using System.CommandLine;

namespace Engine.Cli;

/// <summary>One of the engine command's subcommands; takes --json, and its help has examples.</summary>
internal abstract class Subcommand : Command
{
    private readonly CommandOutput _output;
    private readonly Option<bool> _json = new("--json") { Description = "Print only JSON lines on standard output" };

    /// <param name="output">Where it writes.</param>
    /// <param name="name">What the user types.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="examples">Whole command lines.</param>
    protected Subcommand(CommandOutput output, string name, string description, params IReadOnlyList<string> examples) : base(name, description)
    {
        (_output, Examples) = (output, examples);
        SetAction(InvokeAsync);
    }

    /// <summary>Command lines that show what it is for.</summary>
    public IReadOnlyList<string> Examples { get; }

    /// <summary>Adds the options that this subcommand takes, and --json last.</summary>
    protected void AddOptions(params IEnumerable<Option> options)
    {
        foreach (Option option in options)
        {
            Add(option);
        }

        Add(_json);
    }

    /// <summary>Does the work.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    protected abstract Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation);

    private Task<int> InvokeAsync(ParseResult arguments, CancellationToken cancellation)
    {
        _output.IsJson = arguments.GetValue(_json);
        return RunAsync(arguments, _output, cancellation);
    }
}
