using System.Diagnostics;

namespace Engine.Bench.Machine;

/// <summary>The checkout that the benchmarks belong to.</summary>
/// <param name="Root">Its folder.</param>
internal sealed record Repository(string Root)
{
    /// <summary>The first folder with Engine.sln, from the current one and then from the program's own upwards.</summary>
    /// <exception cref="EngineException">There is none.</exception>
    public static Repository Find() =>
        Above(Environment.CurrentDirectory) ?? Above(AppContext.BaseDirectory)
        ?? throw new EngineException($"no folder above {Environment.CurrentDirectory} has Engine.sln: run the command inside the repository");

    /// <summary>The commit that is checked out, with a plus where files differ from it; "unknown" outside of git.</summary>
    public string Commit()
    {
        string commit = Git("rev-parse", "--short", "HEAD");
        return commit.Length == 0 ? "unknown" : commit + (Git("status", "--porcelain", "--untracked-files=no").Length > 0 ? "+" : "");
    }

    private static Repository? Above(string folder)
    {
        for (DirectoryInfo? at = new(folder); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Engine.sln")))
            {
                return new Repository(at.FullName);
            }
        }

        return null;
    }

    private string Git(params string[] arguments)
    {
        try
        {
            using Process git = Process.Start(
                new ProcessStartInfo("git", ["-C", Root, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            string output = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? output : "";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "";
        }
    }
}
