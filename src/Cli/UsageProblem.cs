using System.CommandLine;
using System.CommandLine.Parsing;

namespace Engine.Cli;

/// <summary>Says in one line what is wrong with a command line, and what was probably meant.</summary>
internal static class UsageProblem
{
    /// <summary>The line for a command line that could not be parsed.</summary>
    public static string Of(ParseResult arguments)
    {
        Command command = arguments.CommandResult.Command;
        return $"{string.Join("; ", Problems(arguments, command).Distinct())} (see {PathOf(command)} --help)";
    }

    /// <summary>What is typed to run a command, such as "engine data get".</summary>
    public static string PathOf(Command command) => string.Join(' ', Names(command).Append("engine").Reverse());

    /// <summary>What is wrong with a word in a command's place.</summary>
    public static string UnknownCommand(string word, Command parent) =>
        $"there is no command '{(parent is RootCommand ? "" : $"{parent.Name} ")}{word}'"
        + Suggestion.Phrase(
            word, parent.Subcommands.Select(c => c.Name), otherwise: $"; there are {string.Join(", ", parent.Subcommands.Select(c => c.Name))}");

    /// <summary>Whether an option that does not exist was taken for an argument, such as a file's name. After --, it is one.</summary>
    public static bool HasUnknownOption(ParseResult arguments) => UnknownOption(arguments) is not null;

    private static string? UnknownOption(ParseResult arguments) => arguments.Tokens.Any(t => t.Type == TokenType.DoubleDash) ? null
        : arguments.CommandResult.Command.Arguments.SelectMany(
            a => arguments.GetResult(a)?.Tokens ?? []).Select(t => t.Value).FirstOrDefault(w => w.Length > 1 && w[0] == '-');

    private static IEnumerable<string> Problems(ParseResult arguments, Command command)
    {
        foreach (ParseError error in arguments.Errors)
        {
            switch (error.SymbolResult)
            {
                case OptionResult { IdentifierToken: null }:
                    break;
                case OptionResult { Tokens.Count: 0, Option.Arity.MinimumNumberOfValues: > 0 } option:
                    yield return $"{option.Option.Name} needs a value{(option.Option.HelpName is { } value ? $": {value}" : "")}";
                    break;
                case ArgumentResult { Parent: OptionResult }:
                case OptionResult:
                    yield return error.Message.TrimEnd('.', ' ');
                    break;
            }
        }

        if ((UnknownOption(arguments) ?? arguments.UnmatchedTokens.FirstOrDefault()) is { } word)
        {
            yield return Unknown(word, command);
            yield break;
        }

        if (command.Subcommands.Count > 0)
        {
            yield return $"{PathOf(command)} needs a command: {Words.Alternatives(command.Subcommands.Select(c => c.Name))}";
            yield break;
        }

        foreach (Argument argument in command.Arguments.Where(a => a.Arity.MinimumNumberOfValues > 0 && arguments.GetResult(a) is not { Tokens.Count: > 0 }))
        {
            yield return $"{argument.Name} is missing{(argument.HelpName is { } values ? $": {values}" : "")}";
        }

        foreach (Option option in command.Options.Where(o => o.Required && arguments.GetResult(o) is not { Implicit: false }))
        {
            yield return $"{option.Name} is missing";
        }
    }

    // A word that is an option's name without its dashes is one, too.
    private static string Unknown(string word, Command command)
    {
        string[] options = [.. command.Options.Select(o => o.Name)];
        return word.StartsWith('-')
            ? $"there is no option '{word.Split('=')[0]}'{Suggestion.Phrase(word.Split('=')[0], options)}"
            : command.Subcommands.Count > 0
            ? UnknownCommand(word, command)
            : $"{PathOf(command)} does not take '{word}'{(options.Contains($"--{word}") ? $"; did you mean '--{word}'?" : "")}";
    }

    private static IEnumerable<string> Names(Command command)
    {
        for (Command? c = command; c is not null and not RootCommand; c = c.Parents.OfType<Command>().FirstOrDefault())
        {
            yield return c.Name;
        }
    }
}
