using System.CommandLine;
using Engine.Cli.Completion;

namespace Engine.Cli;

/// <summary>engine completion: a script that lets a shell complete the command's words.</summary>
internal sealed class CompletionCommand : Command
{
    private static readonly string[] Shells = ["bash", "zsh", "fish", "pwsh"];
    private readonly Argument<string> _shell = new("SHELL") { Description = "Shell that the script is for", HelpName = string.Join('|', Shells) };

    public CompletionCommand(RootCommand root) : base("completion", "Print a script for the shell that completes commands, options and their values.")
    {
        _shell.CompletionSources.Add(Shells);
        Add(_shell);
        SetAction(arguments =>
        {
            string shell = arguments.GetValue(_shell)!;
            CompletedCommand commands = CompletedCommand.Of(root);
            arguments.InvocationConfiguration.Output.Write(shell switch
            {
                "bash" => BashCompletion.Write(commands),
                "zsh" => ZshCompletion.Write(commands),
                "fish" => FishCompletion.Write(commands),
                "pwsh" => PowerShellCompletion.Write(commands),
                _ => throw new UsageException($"there is no shell '{shell}'{Suggestion.Phrase(shell, Shells, ".")} There are {string.Join(", ", Shells)}"),
            });
            return ExitCodes.Success;
        });
    }
}
