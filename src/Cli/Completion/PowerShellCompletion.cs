using System.Text;

namespace Engine.Cli.Completion;

/// <summary>The completion script for PowerShell.</summary>
internal static class PowerShellCompletion
{
    /// <summary>Writes the script. Where it has no words, PowerShell completes files by itself.</summary>
    public static string Write(CompletedCommand root)
    {
        StringBuilder text = new();
        text.Append("""
            # PowerShell completion for engine; load it with: engine completion pwsh | Out-String | Invoke-Expression
            Register-ArgumentCompleter -Native -CommandName engine -ScriptBlock {
                param($wordToComplete, $commandAst, $cursorPosition)
                # The words that can follow a command; of an option, those that it takes, and none for a file.
                $commands = @{

            """);
        foreach (CompletedCommand command in root.All)
        {
            IEnumerable<(string Word, string Description)> words =
            [
                .. command.Commands.Select(c => (c.Name, c.Description)),
                .. (command.Argument?.Words ?? []).Select(w => (w, w)),
                .. command.Options.Select(o => (o.Name, o.Description)),
            ];
            text.Append($"        {Quoted(command.Route)} = @({string.Join(", ", words.Select(w => $"@({Quoted(w.Word)}, {Quoted(w.Description)})"))})\n");
        }

        text.Append("    }\n    $values = @{\n");
        foreach (CompletedCommand command in root.All)
        {
            foreach (CompletedOption option in command.Options.Where(o => o.Value is not null))
            {
                text.Append($"        {Quoted($"{command.Route} {option.Name}")} = @({string.Join(", ", option.Value!.Words.Select(w => $"@({Quoted(w)}, {Quoted(w)})"))})\n");
            }
        }

        text.Append("""
                }
                $route = 'engine'
                $previous = ''
                foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
                    $word = $element.Extent.Text
                    if ($element.Extent.EndOffset -ge $cursorPosition) { break }
                    if ($commands.ContainsKey("$route $word")) { $route = "$route $word" }
                    $previous = $word
                }
                $known = if ($values.ContainsKey("$route $previous")) { $values["$route $previous"] } else { $commands[$route] }
                $known | Where-Object { $_ -and $_[0].StartsWith($wordToComplete) } | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])
                }
            }

            """);
        return text.ToString();
    }

    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
