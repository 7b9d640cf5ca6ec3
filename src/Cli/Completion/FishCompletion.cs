using System.Text;

namespace Engine.Cli.Completion;

/// <summary>The completion script for fish.</summary>
internal static class FishCompletion
{
    /// <summary>Writes the script.</summary>
    public static string Write(CompletedCommand root)
    {
        StringBuilder text = new();
        text.Append($$"""
            # fish completion for engine: save it as ~/.config/fish/completions/engine.fish, or load it with: engine completion fish | source
            function __engine_at --argument-names wanted
                set -l route engine
                set -l words (commandline -opc)
                for word in $words[2..-1]
                    if contains -- "$route $word" {{string.Join(' ', root.All.Skip(1).Select(c => $"'{c.Route}'"))}}
                        set route "$route $word"
                    end
                end
                test "$route" = "$wanted"
            end
            complete -c engine -f

            """);
        foreach (CompletedCommand command in root.All)
        {
            string at = $"complete -c engine -n {Quoted($"__engine_at '{command.Route}'")}";
            foreach (CompletedCommand below in command.Commands)
            {
                text.Append($"{at} -a {below.Name} -d {Quoted(below.Description)}\n");
            }

            if (command.Argument is { } argument)
            {
                text.Append(argument.Kind switch
                {
                    ValueKind.File => $"{at} -F\n",
                    ValueKind.Folder => $"{at} -a '(__fish_complete_directories)'\n",
                    _ => argument.Words.Count == 0 ? "" : $"{at} -a {Quoted(string.Join(' ', argument.Words))}\n",
                });
            }

            foreach (CompletedOption option in command.Options)
            {
                string value = option.Value switch
                {
                    null => "",
                    { Kind: ValueKind.File } taken => $" -r -F{Words(taken)}",
                    { Kind: ValueKind.Folder } => " -x -a '(__fish_complete_directories)'",
                    { } taken => $" -x{Words(taken)}",
                };
                text.Append($"{at} -l {option.Name.TrimStart('-')}{value} -d {Quoted(option.Description)}\n");
            }
        }

        return text.ToString();
    }

    private static string Words(CompletedValue value) => value.Words.Count == 0 ? "" : $" -a {Quoted(string.Join(' ', value.Words))}";

    private static string Quoted(string text) => $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
