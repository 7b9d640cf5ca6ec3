using System.CommandLine;
using Engine.Data;
using Engine.Formats;
using Engine.Models;
using Engine.Training;
using Engine.Vision;

namespace Engine.Cli;

/// <summary>How the commands that take saved weights open them.</summary>
internal static class SavedWeights
{
    /// <summary>--weights-key: where in the file the weights are.</summary>
    public static Option<string?> KeyOption() => OptionKinds.Text(
        "--weights-key", "KEY", "Key of the weights in a file that holds several sets, such as ema or app.model", shown: "found automatically")!;

    /// <summary>The data set that saved weights were trained on. Weights name an image folder without its place, which the options of their run have.</summary>
    /// <param name="saved">The weights.</param>
    /// <exception cref="UsageException">The file does not say, or an image folder is not known by its place.</exception>
    public static string DataOf(SavedModel saved)
    {
        string name = saved.Manifest?.Data ?? throw new UsageException($"'{saved.Path}' does not say which data it was trained on: give --data NAME");
        if (!FolderSet.IsFolder(name))
        {
            return DataSets.All.Any(s => s.Name == name) ? name : throw new EngineException(
                $"'{saved.Path}' was trained on '{name}', which is no data set of this version: give --data NAME");
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(saved.Path))!;
        string? place = Path.Exists(Path.Combine(folder, "options.json")) ? RunFolder.Open(folder).Manifest.Data : null;
        string? found = ((string?[])[place, name]).FirstOrDefault(
            n => n is not null && DataDescription.WithoutPlace(n) == DataDescription.WithoutPlace(name) && IsPlace(n));
        return found ?? throw new UsageException(
            $"'{saved.Path}' was trained on the image folder '{DataDescription.WithoutPlace(name)[FolderSet.Prefix.Length..]}', which was not found: give "
                + $"--data {FolderSet.Prefix}DIR");
    }

    /// <summary>Checks the data set of a run that is resumed, where the command line does not name another.</summary>
    /// <param name="path">The run's folder.</param>
    /// <param name="name">The data set that the run has.</param>
    /// <param name="given">What --data says; null for nothing.</param>
    /// <exception cref="EngineException">There is no such data set.</exception>
    public static void CheckData(string path, string name, string? given)
    {
        if (given is null && FolderSet.IsFolder(name) && !IsPlace(name))
        {
            throw new EngineException(
                $"the run in '{path}' was trained on the image folder '{name[FolderSet.Prefix.Length..]}', which was not found: give --data "
                    + $"{FolderSet.Prefix}DIR to say where it is now");
        }

        if (given is null && !FolderSet.IsFolder(name) && DataSets.All.All(s => s.Name != name))
        {
            throw new EngineException($"the run in '{path}' was trained on '{name}', which is no data set of this version");
        }
    }

    private static bool IsPlace(string name) => Path.IsPathRooted(name[FolderSet.Prefix.Length..]) && Directory.Exists(name[FolderSet.Prefix.Length..]);

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
