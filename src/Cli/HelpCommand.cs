using System.CommandLine;
using System.CommandLine.Completions;

namespace Engine.Cli;

/// <summary>engine help: the same as --help.</summary>
internal sealed class HelpCommand : Command
{
    private readonly Argument<string[]> _path = new("COMMAND")
    {
        Description = "Command, such as train or data get; without one, all commands "
        + "are listed",
        Arity = ArgumentArity.ZeroOrMore,
        HelpName = "COMMAND"
    };

    public HelpCommand(RootCommand root) : base("help", "Show help for a command.")
    {
        _path.CompletionSources.Add(_ => root.Subcommands.Select(c => new CompletionItem(c.Name)));
        Add(_path);
        SetAction(arguments =>
        {
            Command command = root;
            string[] path = arguments.GetValue(_path) ?? [];
            foreach (string word in path)
            {
                command = command.Subcommands.FirstOrDefault(c => c.Name == word)
                    ?? throw new UsageException(
                        command.Subcommands.Count > 0 ? UsageProblem.UnknownCommand(word, command) : $"{UsageProblem.PathOf(command)} has no command '{word}'");
            }

            return root.Parse([.. path, "--help"]).Invoke(arguments.InvocationConfiguration);
        });
    }
}
