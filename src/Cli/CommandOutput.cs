using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>
/// Where a command writes. With --json standard output carries lines of JSON and nothing else, and what is meant for people goes to
/// standard error.
/// </summary>
internal sealed class CommandOutput
{
    // Wide enough that no table is broken in a log; a terminal tells its own width.
    private const int LogWidth = 160;
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly bool _isTerminal;

    public CommandOutput(TextWriter output, TextWriter error, bool isTerminal)
    {
        (_output, _error, _isTerminal) = (output, error, isTerminal);
        AnsiConsoleSettings settings = new() { Out = new AnsiConsoleOutput(output) };
        if (!isTerminal)
        {
            (settings.Ansi, settings.ColorSystem, settings.Interactive) = (AnsiSupport.No, ColorSystemSupport.NoColors, InteractionSupport.No);
        }

        Console = AnsiConsole.Create(settings);
        if (!isTerminal)
        {
            Console.Profile.Width = LogWidth;
        }
    }

    /// <summary>Whether the user asked for JSON.</summary>
    public bool IsJson { get; set; }

    /// <summary>Whether progress is drawn in place instead of line by line.</summary>
    public bool IsLive => _isTerminal && !IsJson;

    /// <summary>Draws on standard output; not for use with --json.</summary>
    public IAnsiConsole Console { get; }

    /// <summary>A line for people.</summary>
    public void Say(string text) => (IsJson ? _error : _output).WriteLine(Shown(text));

    /// <summary>A remark that no program should have to skip: always on standard error.</summary>
    public void Note(string text) => _error.WriteLine(Shown(text));

    /// <summary>A line of JSON on standard output.</summary>
    public void Json(JsonObject line) => Json(line.ToJsonString(Relaxed));

    /// <summary>A line of JSON on standard output.</summary>
    public void Json(string line)
    {
        _output.WriteLine(line);
        _output.Flush();
    }

    /// <summary>The one line that tells what went wrong.</summary>
    public void Fail(string message) => _error.WriteLine(Shown($"error: {message.ReplaceLineEndings(" ").Trim()}"));

    // Names of files, classes and servers are part of what is said, and a terminal obeys what is not text in them.
    private static string Shown(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i]) && !IsLayout(text, i))
            {
                return new string([.. text.Select((c, at) => char.IsControl(c) && !IsLayout(text, at) ? '?' : c)]);
            }
        }

        return text;
    }

    private static bool IsLayout(string text, int at) => text[at] is '\n' or '\t' || (text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n');

    /// <summary>A number as JSON has it, which knows neither infinities nor NaN: null for those.</summary>
    public static JsonValue? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
