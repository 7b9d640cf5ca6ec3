using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;

namespace Engine.Cli.Completion;

/// <summary>What a value on the command line names.</summary>
internal enum ValueKind
{
    /// <summary>One of some words, or a text or number that cannot be completed.</summary>
    Word,

    /// <summary>A file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,
}

/// <summary>What can stand in a value's place.</summary>
/// <param name="Shown">How the help calls it, such as NAME or FILE.</param>
/// <param name="Kind">What it names.</param>
/// <param name="Words">The words that it can be; empty for anything.</param>
internal sealed record CompletedValue(string Shown, ValueKind Kind, IReadOnlyList<string> Words);

/// <summary>An option of a command.</summary>
/// <param name="Name">With its dashes.</param>
/// <param name="Description">One line.</param>
/// <param name="Value">What it takes; null for a flag.</param>
internal sealed record CompletedOption(string Name, string Description, CompletedValue? Value);

/// <summary>A command.</summary>
/// <param name="Route">What is typed to run it, such as "engine data get".</param>
/// <param name="Description">One line.</param>
/// <param name="Commands">The commands below it.</param>
/// <param name="Options">Its options.</param>
/// <param name="Argument">The first value that it takes without an option; null for none.</param>
internal sealed record CompletedCommand(
    string Route, string Description, IReadOnlyList<CompletedCommand> Commands, IReadOnlyList<CompletedOption> Options, CompletedValue? Argument)
{
    /// <summary>The last word of the route.</summary>
    public string Name => Route[(Route.LastIndexOf(' ') + 1)..];

    /// <summary>This command and all below it.</summary>
    public IEnumerable<CompletedCommand> All => Commands.SelectMany(c => c.All).Prepend(this);

    /// <summary>The words that can follow it: commands, values without an option, options.</summary>
    public IEnumerable<string> Words => [.. Commands.Select(c => c.Name), .. Argument?.Words ?? [], .. Options.Select(o => o.Name)];

    /// <summary>Reads a command as the command line defines it.</summary>
    public static CompletedCommand Of(Command command) => new(
        UsageProblem.PathOf(command),
        command.Description ?? "",
        [.. command.Subcommands.Where(c => !c.Hidden).Select(Of)],
        [.. command.Options.Where(o => !o.Hidden && o is not HelpOption).Select(Of), new CompletedOption("--help", "Show help", null)],
        command.Arguments.Count == 0 ? null : Value(
            command.Arguments[0].HelpName ?? command.Arguments[0].Name, command.Arguments[0].GetCompletions(CompletionContext.Empty)));

    private static CompletedOption Of(Option option) => new(
        option.Name,
        option.Description ?? "",
        option.Arity.MaximumNumberOfValues == 0 || option.ValueType == typeof(bool) || option.ValueType == typeof(bool?)
            ? null
            : Value(option.HelpName ?? "VALUE", option.GetCompletions(CompletionContext.Empty)));

    private static CompletedValue Value(string shown, IEnumerable<CompletionItem> items) => new(
        shown,
        shown.Contains("FILE", StringComparison.Ordinal)
            || shown is "IN" or "OUT" or "OUT.onnx" or "IMAGE" ? ValueKind.File : shown is "DIR" ? ValueKind.Folder : ValueKind.Word,
        [.. items.Select(i => i.Label)]);
}
