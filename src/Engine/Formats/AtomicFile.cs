using System.Diagnostics;

namespace Engine.Formats;

/// <summary>
/// Writes files that are either all there or not there at all: into a temporary file in the same folder, flushed to the disk, then
/// renamed over the old one. After a crash, a full disk or an error in between, the old file is as it was.
/// </summary>
public static class AtomicFile
{
    /// <summary>What the temporary file's name adds to the file's own. A leftover of a killed process is overwritten by the next write.</summary>
    public const string TemporarySuffix = ".partial";

    /// <summary>Makes or replaces a file.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the content to the stream that it is given.</param>
    /// <exception cref="EngineException">The folder is missing or cannot be written, or the disk is full. Nothing has changed.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = path + TemporarySuffix;
        bool isCreated = false;
        try
        {
            using (FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                isCreated = true;
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            if (isCreated)
            {
                TryDelete(temporary);
            }

            // .NET reports a file beyond what the file system or the process' limits allow (EFBIG) as an argument out of range.
            if (e is IOException or UnauthorizedAccessException || (e is ArgumentOutOfRangeException && IsThrownByTheSystemCall(e)))
            {
                throw CannotWrite(path, e);
            }

            throw;
        }
    }

    // Not Exception.TargetSite, which trimming (eng/bundle) may leave without its method.
    private static bool IsThrownByTheSystemCall(Exception e) =>
        new StackTrace(e).GetFrame(0) is StackFrame frame && DiagnosticMethodInfo.Create(frame)?.DeclaringTypeName == typeof(RandomAccess).FullName;

    /// <summary>Makes or replaces a text file, in UTF-8.</summary>
    /// <exception cref="EngineException">The folder is missing or cannot be written, or the disk is full. Nothing has changed.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Removes a file, where there is one.</summary>
    /// <exception cref="EngineException">It cannot be removed.</exception>
    public static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot remove '{path}': {Reason(e, path)}", e);
        }
    }

    /// <summary>Makes a folder, with those above it, and makes sure that files can be made in it.</summary>
    /// <exception cref="EngineException">It cannot be made or cannot be written.</exception>
    public static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            string probe = Path.Combine(path, ".probe" + TemporarySuffix);
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot write to folder '{path}': {Reason(e, path)}; choose another one", e);
        }
    }

    internal static EngineException CannotWrite(string path, Exception e) =>
        new($"cannot write '{path}': {Reason(e, path)}; nothing was changed", e);

    // The system's own words, on one line, without the temporary file's path that .NET appends.
    private static string Reason(Exception e, string path)
    {
        string reason = e switch
        {
            DirectoryNotFoundException => "its folder does not exist",
            UnauthorizedAccessException => "access is denied",
            ArgumentOutOfRangeException => "the file is larger than the file system or the process' limit allows",
            _ => e.Message,
        };
        int end = reason.IndexOf($" : '{Path.GetFullPath(path)}", StringComparison.Ordinal);
        return (end < 0 ? reason : reason[..end]).ReplaceLineEndings(" ").TrimEnd('.', ' ');
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that led here is the one to report.
        }
    }
}
