using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text;

namespace Engine.Cli;

/// <summary>engine man: the manual page engine(1), made from the commands themselves.</summary>
internal sealed class ManCommand : Command
{
    public ManCommand(RootCommand root) : base("man", "Print the manual page, to be saved as engine.1.") => SetAction(arguments =>
    {
        arguments.InvocationConfiguration.Output.Write(Page(root));
        return ExitCodes.Success;
    });

    private static string Page(RootCommand root)
    {
        string version = typeof(ManCommand).Assembly.GetName().Version!.ToString(3);
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $".TH ENGINE 1 \"{DateTime.UtcNow:yyyy-MM-dd}\" \"engine {version}\" \"User Commands\"\n");
        page.Append(".SH NAME\nengine \\- train, evaluate, verify and measure residual networks\n");
        page.Append(".SH SYNOPSIS\n.B engine\n.I command\n.RI [ options ]\n");
        page.Append(".SH DESCRIPTION\n");
        Line(
            page,
            "A tensor engine that trains residual networks on a CPU or a GPU. Each command has --help with examples, and most have --json for other programs.");
        page.Append(".SH COMMANDS\n");
        foreach (Command command in Leaves(root))
        {
            Section(page, command);
        }

        page.Append(".SH EXIT STATUS\n");
        Item(page, "0", "Success.");
        Item(page, "1", "Something failed at run time: a damaged file, a full disk, a check that found a difference.");
        Item(page, "2", "The command line is wrong: an unknown command, option, network, data set or device, or a value out of range.");
        Item(page, "130", "Interrupted by Ctrl-C, SIGTERM or SIGHUP; training has written a checkpoint.");
        return page.ToString();
    }

    private static IEnumerable<Command> Leaves(Command command) => command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);

    private static void Section(StringBuilder page, Command command)
    {
        page.Append($".SS {Escaped(UsageProblem.PathOf(command))}");
        foreach (Argument argument in command.Arguments)
        {
            string name = (argument.HelpName ?? argument.Name) + (argument.Arity.MaximumNumberOfValues > 1 ? " ..." : "");
            page.Append(Escaped(argument.Arity.MinimumNumberOfValues == 0 ? $" [{name}]" : $" {name}"));
        }

        page.Append('\n');
        Line(page, command.Description!);
        foreach (Argument argument in command.Arguments)
        {
            Item(page, argument.HelpName ?? argument.Name, $"{argument.Description}.");
        }

        foreach (Option option in command.Options.Where(o => o is not HelpOption))
        {
            string value = option.HelpName is { } name ? $" {name}" : "";
            string standard = option.HasDefaultValue && option.ValueType != typeof(bool) && option.GetDefaultValue() is { } given ? $" [default: {given}]" : "";
            Item(page, option.Name + value, $"{option.Description}{standard}.");
        }

        page.Append(".PP\nExamples:\n.PP\n.nf\n");
        foreach (string example in EngineCommand.ExamplesOf(command))
        {
            Line(page, $"    {example}");
        }

        page.Append(".fi\n");
    }

    private static void Item(StringBuilder page, string tag, string text)
    {
        page.Append($".TP\n.B {Escaped(tag)}\n");
        Line(page, text);
    }

    private static void Line(StringBuilder page, string text) => page.Append(Escaped(text)).Append('\n');

    // A dash is a minus sign on the command line; a dot or an apostrophe at a line's beginning would be a request.
    private static string Escaped(string text)
    {
        string escaped = text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("'", "\\(aq", StringComparison.Ordinal);
        return escaped.StartsWith('.') ? $"\\&{escaped}" : escaped;
    }
}
