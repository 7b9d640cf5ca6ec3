using Engine.Kernels;
using Engine.Training;

namespace Engine.Cli;

/// <summary>A run's folder; where the run comes to nothing, the folders that were made for it are taken away again.</summary>
internal sealed class RunFolderOwner : IDisposable
{
    // The folders that were made for this run, innermost first.
    private readonly IReadOnlyList<string> _made;

    /// <summary>The folder of a run that is resumed.</summary>
    public RunFolderOwner(RunFolder folder) : this(folder, []) { }

    private RunFolderOwner(RunFolder folder, IReadOnlyList<string> made) => (Folder, _made) = (folder, made);

    public RunFolder Folder { get; }

    /// <summary>Whether the new run takes the place of a finished one.</summary>
    public bool IsReplacing { get; private init; }

    /// <summary>Makes the folder of a new run.</summary>
    /// <param name="path">Where; null for the next free number in runs.</param>
    /// <param name="options">How the run trains.</param>
    /// <exception cref="EngineException">The folder cannot be written, or holds a run that is not finished.</exception>
    public static RunFolderOwner Create(string? path, TrainingOptions options)
    {
        path ??= NextFree(Path.Combine("runs", $"{options.Model}-{DataChoice.ShortName(options.Data)}"));
        bool isReplacing = File.Exists(Path.Combine(path, "options.json"));
        if (isReplacing)
        {
            CheckReplaceable(path);
        }

        List<string> made = [];
        for (string? folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)); folder is not null && !Path.Exists(folder); folder = Path.GetDirectoryName(folder))
        {
            made.Add(folder);
        }

        return new RunFolderOwner(RunFolder.Create(path, options), made) { IsReplacing = isReplacing };
    }

    /// <summary>Removes what a run left that failed before its first checkpoint.</summary>
    public void Dispose()
    {
        if (!File.Exists(Folder.CheckpointPath))
        {
            try
            {
                File.Delete(Path.Combine(Folder.Path, ConvolutionPlanFile.Name));

                // Those around the run's own folder may hold another run by now, and then stay.
                for (int i = 0; i < _made.Count; i++)
                {
                    Directory.Delete(_made[i], recursive: i == 0);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The error that led here is the one to report.
            }
        }
    }

    // Hours of training, or the part of an epoch that was interrupted, are not thrown away because a command was repeated.
    private static void CheckReplaceable(string path)
    {
        RunFolder earlier = RunFolder.Open(path);
        if (earlier.ReadStepsInEpoch() is > 0 and int steps)
        {
            throw new EngineException(
                $"'{path}' holds a run that was interrupted after step {steps} of epoch {earlier.Metrics.Count + 1}: go on with --resume {path}, or choose another --out");
        }

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
