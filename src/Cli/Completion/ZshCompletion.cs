using System.Text;

namespace Engine.Cli.Completion;

/// <summary>The completion script for zsh.</summary>
internal static class ZshCompletion
{
    /// <summary>Writes the script.</summary>
    public static string Write(CompletedCommand root)
    {
        StringBuilder text = new();
        text.Append("""
            #compdef engine
            # zsh completion for engine: save it as _engine in a folder of $fpath, or load it with: source <(engine completion zsh)

            """);
        foreach (CompletedCommand command in root.All)
        {
            text.Append($"\n{Function(command)}() {{\n");
            if (command.Commands.Count > 0)
            {
                text.Append("    local line state\n    _arguments -C \\\n");
                AppendOptions(text, command);
                text.Append("        '1: :->command' \\\n        '*::argument:->rest'\n");
                text.Append("    case $state in\n        command) _values command \\\n");
                text.Append(string.Join(" \\\n", command.Commands.Select(c => $"            '{c.Name}[{Escaped(c.Description)}]'")));
                text.Append(" ;;\n        rest)\n            case $line[1] in\n");
                foreach (CompletedCommand below in command.Commands)
                {
                    text.Append($"                {below.Name}) {Function(below)} ;;\n");
                }

                text.Append("            esac\n            ;;\n    esac\n");
            }
            else
            {
                text.Append("    _arguments \\\n");
                AppendOptions(text, command);
                text.Append(command.Argument is { } argument ? $"        '*:{Escaped(argument.Shown)}:{Values(argument)}'\n" : "        '*: :'\n");
            }

            text.Append("}\n");
        }

        text.Append("""

            if [ "$funcstack[1]" = _engine ]; then
                _engine "$@"
            else
                compdef _engine engine
            fi

            """);
        return text.ToString();
    }

    private static void AppendOptions(StringBuilder text, CompletedCommand command)
    {
        foreach (CompletedOption option in command.Options)
        {
            string value = option.Value is { } taken ? $":{Escaped(taken.Shown)}:{Values(taken)}" : "";
            text.Append($"        '{option.Name}[{Escaped(option.Description)}]{value}' \\\n");
        }
    }

    private static string Function(CompletedCommand command) => $"_{command.Route.Replace(' ', '_')}";

    private static string Values(CompletedValue value) => value.Kind switch
    {
        ValueKind.File => "_files",
        ValueKind.Folder => "_files -/",
        _ => value.Words.Count == 0 ? " " : $"({string.Join(' ', value.Words.Select(w => w.Replace(":", "\\:", StringComparison.Ordinal)))})",
    };

    // What _arguments would read as its own signs, within single quotes.
    private static string Escaped(string text)
    {
        StringBuilder escaped = new();
        foreach (char c in text)
        {
            escaped.Append(c switch { '\'' => "'\\''", ':' or '[' or ']' or '\\' => $"\\{c}", _ => $"{c}" });
        }

        return escaped.ToString();
    }
}
