using System.Text;

namespace Engine.Cli.Completion;

/// <summary>The completion script for bash.</summary>
internal static class BashCompletion
{
    /// <summary>Writes the script.</summary>
    public static string Write(CompletedCommand root)
    {
        StringBuilder text = new();
        text.Append($$"""
            # bash completion for engine; load it with: source <(engine completion bash)
            _engine() {
                local at=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} route=engine words= kind=word prev word
                # bash makes words of = and : as well.
                case $cur in = | :) cur=; at=$((at + 1)) ;; esac
                prev=${COMP_WORDS[at-1]}
                case $prev in
                    =) prev=${COMP_WORDS[at-2]} ;;
                    :) prev=${COMP_WORDS[at-2]}: ;;
                esac
                for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                    case "$route $word" in
                        {{Pattern(root.All.Skip(1).Select(c => c.Route))}}) route="$route $word" ;;
                    esac
                done
                case "$route $prev" in
                    *" folder:") kind=folder ;;

            """);
        var valued = root.All.SelectMany(c => c.Options.Where(o => o.Value is not null).Select(o => (Place: $"{c.Route} {o.Name}", Value: o.Value!)));
        foreach (var group in valued.GroupBy(v => (v.Value.Kind, Words: string.Join(' ', v.Value.Words))))
        {
            text.Append($"        {Pattern(group.Select(v => v.Place))}) {Assignment(group.Key.Kind, group.Key.Words)} ;;\n");
        }

        text.Append("""
                    *)
                        case $route in

            """);
        foreach (CompletedCommand command in root.All)
        {
            // A file is completed unless an option has been begun.
            bool isFile = command.Argument is { Kind: not ValueKind.Word };
            string options = $"words='{string.Join(' ', command.Words)}'";
            text.Append(isFile
                ? $"                '{command.Route}') case $cur in -*) {options} ;; *) {Assignment(command.Argument!.Kind, "")} ;; esac ;;\n"
                : $"                '{command.Route}') {options} ;;\n");
        }

        text.Append("""
                        esac
                        ;;
                esac
                case $kind in
                    file) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
                    folder) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null ;;
                    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur") ;;
                esac
                # What follows folder: belongs to it.
                [ "${COMPREPLY[*]}" != folder: ] || compopt -o nospace 2>/dev/null
            }
            complete -F _engine engine

            """);
        return text.ToString();
    }

    private static string Pattern(IEnumerable<string> routes) => string.Join(" | ", routes.Select(r => $"'{r}'"));

    private static string Assignment(ValueKind kind, string words) =>
        string.Join("; ", ((string?[])[kind == ValueKind.Word ? null : $"kind={kind.ToString().ToLowerInvariant()}", words.Length == 0
            ? null : $"words='{words}'"]).OfType<string>())
        is { Length: > 0 } text ? text : ":";
}
