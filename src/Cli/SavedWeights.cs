using System.CommandLine;
using Engine.Formats;
using Engine.Training;

namespace Engine.Cli;

/// <summary>How the commands that take saved weights open them.</summary>
internal static class SavedWeights
{
    /// <summary>--weights-key: where in the file the weights are.</summary>
    public static Option<string?> KeyOption() => OptionKinds.Text(
        "--weights-key", "KEY", "Key of the weights in a file that holds several sets, such as ema or app.model", shown: "found automatically")!;

    /// <summary>The network that saved weights are of.</summary>
    /// <param name="saved">The weights.</param>
    /// <param name="given">What the user says; null for nothing.</param>
    /// <exception cref="UsageException">Neither the user nor the file tells.</exception>
    public static string ModelOf(SavedModel saved, string? given) =>
        given ?? saved.Training?.Model ?? throw new UsageException($"'{saved.Path}' does not say which network it is for: give --model NAME");

    /// <summary>Says what is to be known of weights that were loaded.</summary>
    public static void Remark(SavedModel saved, CommandOutput output)
    {
        foreach (string remark in saved.Remarks)
        {
            output.Note($"note: {remark}");
        }
    }

    /// <summary>Points a user who resumes from a file of weights to what was meant.</summary>
    /// <param name="path">What --resume was given.</param>
    /// <exception cref="UsageException">It is a file.</exception>
    public static void CheckResume(string? path)
    {
        if (path is null || !File.Exists(path))
        {
            return;
        }

        string? folder = Path.GetDirectoryName(Path.GetFullPath(path));
        bool isRun = folder is not null && Path.GetExtension(path) == ".safetensors" && File.Exists(Path.Combine(folder, "options.json"));
        string run = Path.GetDirectoryName(path) is { Length: > 0 } given ? given : ".";
        throw new UsageException(isRun
            ? $"--resume takes a run's folder, but '{path}' is a file of one: give --resume {ShownName.Of(run)}"
            : $"--resume takes a run's folder, but '{path}' is a file: to start a new run from its weights, give --weights {ShownName.Of(path)}");
    }
}
