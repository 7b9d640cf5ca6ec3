using System.Diagnostics;

namespace Engine.Formats;

/// <summary>
/// Writes files that are either all there or not there at all: into a temporary file in the same folder, flushed to the disk, then
/// renamed over the old one, and the folder flushed too. After a crash, a full disk, a failing one or an error in between, the old file is as it was.
/// </summary>
public static class AtomicFile
{
    /// <summary>What the temporary file's name adds to the file's own. A leftover of a killed process is removed by the next write.</summary>
    public const string TemporarySuffix = ".partial";

    /// <summary>Makes or replaces a file. Where the path is a symbolic link, the file that it leads to is meant, and the link stays.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content to the stream that it is given.</param>
    /// <exception cref="EngineException">
    /// The folder is missing or cannot be written, the disk is full or fails, or a folder, a device, a pipe or a socket has the name. Nothing has
    /// changed, unless the message says that the file is in place.
    /// </exception>
    public static void Write(string path, Action<Stream> write)
    {
        string target;
        try
        {
            target = TargetOf(path);
            using TemporaryFile temporary = TemporaryFile.Create(target);
            write(temporary.Stream);
            temporary.Commit();
        }
        catch (Exception e) when (IsOfTheSystem(e))
        {
            throw CannotWrite(path, e);
        }

        try
        {
            Disk.SyncFolder(Path.GetDirectoryName(target)!);
        }
        catch (IOException e)
        {
            throw new EngineException($"cannot make sure that '{path}' stays on the disk: {Reason(e)}; the new file is in place", e);
        }
    }

    /// <summary>Makes sure that no folder, device, pipe or socket has a name, for a message before the work rather than after it.</summary>
    /// <param name="path">The file that is to be written.</param>
    /// <exception cref="EngineException">One has.</exception>
    public static void CheckTarget(string path)
    {
        try
        {
            TargetOf(path);
        }
        catch (Exception e) when (IsOfTheSystem(e))
        {
            throw CannotWrite(path, e);
        }
    }

    /// <summary>Makes sure that a file which was written piece by piece is on the disk as far as it goes.</summary>
    /// <param name="stream">The file, open for writing.</param>
    /// <exception cref="EngineException">It is not known to be there.</exception>
    public static void Sync(FileStream stream)
    {
        try
        {
            stream.Flush();
            Disk.Sync(stream.SafeFileHandle, stream.Name);
        }
        catch (Exception e) when (IsOfTheSystem(e))
        {
            throw new EngineException($"cannot write '{stream.Name}': {Reason(e)}", e);
        }
    }

    // Links are followed to their end; what is there must be a regular file, or nothing yet.
    private static string TargetOf(string path)
    {
        string target = Path.GetFullPath(path);
        FileKind kind = FileIdentity.Of(target, followLinks: true).Kind;
        if (kind is not FileKind.Regular and not FileKind.Missing)
        {
            throw new IOException($"it is a {kind.ToString().ToLowerInvariant()}, but must be a file, or a name that is free");
        }

        return FileIdentity.Of(target, followLinks: false).Kind == FileKind.Link
            ? File.ResolveLinkTarget(target, returnFinalTarget: true)!.FullName
            : target;
    }

    // .NET reports a file beyond what the file system or the process' limits allow (EFBIG) as an argument out of range.
    private static bool IsOfTheSystem(Exception e) =>
        e is IOException or UnauthorizedAccessException || (e is ArgumentOutOfRangeException && IsThrownByTheSystemCall(e));

    // Not Exception.TargetSite, which trimming (eng/bundle) may leave without its method.
    private static bool IsThrownByTheSystemCall(Exception e) =>
        new StackTrace(e).GetFrame(0) is StackFrame frame && DiagnosticMethodInfo.Create(frame)?.DeclaringTypeName == typeof(RandomAccess).FullName;

    /// <summary>Makes or replaces a text file, in UTF-8.</summary>
    /// <exception cref="EngineException">The folder is missing or cannot be written, or the disk is full. Nothing has changed.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Removes a file, where there is one. That it is gone is on the disk with the next file that is written in its folder.</summary>
    /// <exception cref="EngineException">It cannot be removed.</exception>
    public static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot remove '{path}': {Reason(e)}", e);
        }
    }

    /// <summary>Makes a folder, with those above it, and makes sure that files can be made in it.</summary>
    /// <exception cref="EngineException">It cannot be made or cannot be written.</exception>
    public static void CreateFolder(string path) => CreateFolder(path, path);

    /// <summary>Makes a folder that takes another's place later.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="shown">The folder that it is made for, for the message.</param>
    /// <exception cref="EngineException">It cannot be made or cannot be written.</exception>
    internal static void CreateFolder(string path, string shown)
    {
        try
        {
            MakeFolder(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
            string probe = Path.Combine(path, $".probe-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}{TemporarySuffix}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWriteTo(shown, e);
        }
    }

    internal static EngineException CannotWriteTo(string folder, Exception e) =>
        new($"cannot write to folder '{folder}': {Reason(e)}; choose another one", e);

    // Each folder's entry in the one above it has to reach the disk as well.
    private static void MakeFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        string? above = Path.GetDirectoryName(path);
        if (above is not null)
        {
            MakeFolder(above);
        }

        Directory.CreateDirectory(path);
        if (above is not null)
        {
            Disk.SyncFolder(above);
        }
    }

    /// <summary>The error of a file that cannot be written, on one line.</summary>
    /// <param name="path">The file.</param>
    /// <param name="e">What went wrong.</param>
    /// <param name="state">How things stand now.</param>
    public static EngineException CannotWrite(string path, Exception e, string state = "nothing was changed") =>
        new($"cannot write '{path}': {Reason(e)}; {state}", e);

    // The system's own words, on one line, without the temporary file's path that .NET appends.
    private static string Reason(Exception e)
    {
        string reason = e switch
        {
            DirectoryNotFoundException => "its folder does not exist",
            UnauthorizedAccessException => "access is denied",
            ArgumentOutOfRangeException => "the file is larger than the file system or the process' limit allows",
            _ => e.Message,
        };
        int end = reason.IndexOf(" : '", StringComparison.Ordinal);
        return (end < 0 ? reason : reason[..end]).ReplaceLineEndings(" ").TrimEnd('.', ' ');
    }
}
