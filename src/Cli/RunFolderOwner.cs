using Engine.Training;

namespace Engine.Cli;

/// <summary>A run's folder; where the run comes to nothing, the folder that was made for it is taken away again.</summary>
internal sealed class RunFolderOwner(RunFolder folder, bool isNew = false) : IDisposable
{
    public RunFolder Folder { get; } = folder;

    /// <summary>Makes the folder of a new run.</summary>
    /// <param name="path">Where; null for the next free number in runs.</param>
    /// <param name="options">How the run trains.</param>
    /// <param name="output">Is told when an older run is replaced.</param>
    /// <exception cref="EngineException">The folder cannot be written, or holds a run that is not finished.</exception>
    public static RunFolderOwner Create(string? path, TrainingOptions options, CommandOutput output)
    {
        path ??= NextFree(Path.Combine("runs", $"{options.Model}-{options.Data}"));
        bool isNew = !Directory.Exists(path);
        if (File.Exists(Path.Combine(path, "options.json")))
        {
            CheckReplaceable(path);
            output.Note($"the earlier run in {path} is replaced");
        }

        return new RunFolderOwner(RunFolder.Create(path, options), isNew);
    }

    /// <summary>Removes what a run left that failed before its first checkpoint.</summary>
    public void Dispose()
    {
        if (isNew && !File.Exists(Folder.CheckpointPath))
        {
            try
            {
                Directory.Delete(Folder.Path, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The error that led here is the one to report.
            }
        }
    }

    // Hours of training are not thrown away because a command was repeated.
    private static void CheckReplaceable(string path)
    {
        RunFolder earlier = RunFolder.Open(path);
        if (earlier.Metrics.Count > 0 && earlier.Metrics[^1] is { } last && last.Epoch < last.Epochs)
        {
            throw new EngineException(
                $"'{path}' holds a run that has finished {last.Epoch} of {last.Epochs} epochs: go on with --resume {path}, or choose another --out");
        }
    }

    private static string NextFree(string prefix)
    {
        int number = 1;
        while (Path.Exists($"{prefix}-{number}"))
        {
            number++;
        }

        return $"{prefix}-{number}";
    }
}
