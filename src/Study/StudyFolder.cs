using Engine.Formats;

namespace Engine.Study;

/// <summary>
/// The files of a study, each replaced as a whole: study.json, curves.csv, layers.csv, branches.csv, report.html, charts/*.svg and
/// tensorboard/NETWORK/events.out.*.
/// </summary>
public static class StudyFolder
{
    /// <summary>Whether a folder holds a study.</summary>
    public static bool IsIn(string path) => File.Exists(Path.Combine(path, "study.json")) || File.Exists(Path.Combine(path, "report.html"));

    /// <summary>
    /// Writes a run's files into a folder that nobody else writes; they come there, and in an older study's place, all at once where the file system can do so.
    /// </summary>
    /// <param name="run">A run that has ended, or that nothing is added to meanwhile.</param>
    /// <param name="folder">The folder.</param>
    /// <exception cref="EngineException">The folder or a file cannot be written.</exception>
    public static void Write(StudyRun run, OutputFolder folder)
    {
        if (folder.Prepare(
            name => name is "study.json" or "curves.csv" or "layers.csv" or "branches.csv" or "report.html" or "charts" or "tensorboard") is not { } staging)
        {
            Write(run, folder.Path);
            return;
        }

        try
        {
            Write(run, staging);
        }
        catch (EngineException e)
        {
            // Nobody needs to know where it was put together.
            throw new EngineException(e.Message.Replace(staging, folder.Path, StringComparison.Ordinal), e);
        }

        if (!folder.TryPublish())
        {
            Write(run, folder.Path);
        }
    }

    /// <summary>Writes a run's files; the folder is made if need be.</summary>
    /// <param name="run">A run that has ended, or that nothing is added to meanwhile.</param>
    /// <param name="path">The folder.</param>
    /// <exception cref="EngineException">The folder or a file cannot be written.</exception>
    public static void Write(StudyRun run, string path)
    {
        AtomicFile.CreateFolder(path);
        AtomicFile.WriteText(Path.Combine(path, "study.json"), StudyJson.Write(run) + "\n");
        AtomicFile.WriteText(Path.Combine(path, "curves.csv"), StudyCsv.Curves(run));
        AtomicFile.WriteText(Path.Combine(path, "layers.csv"), StudyCsv.Layers(run));
        AtomicFile.WriteText(Path.Combine(path, "branches.csv"), StudyCsv.Branches(run));
        AtomicFile.WriteText(Path.Combine(path, "report.html"), StudyReport.Html(run));
        StudyCharts.Write(run, Path.Combine(path, "charts"));
        StudyEventFiles.Write(run, Path.Combine(path, "tensorboard"));
    }
}
