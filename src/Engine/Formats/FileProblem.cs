namespace Engine.Formats;

/// <summary>Why a file or a folder could not be read or written, in a few words for a message that names it.</summary>
public static class FileProblem
{
    private const string Decompressor = "System.IO.Compression";

    /// <summary>The reason why a file could not be used.</summary>
    /// <param name="path">The file.</param>
    /// <param name="e">What was thrown.</param>
    public static string Of(string path, Exception e) =>
        e is UnauthorizedAccessException && Directory.Exists(path) ? "it is a folder, but must be a file" : Of(e);

    /// <summary>The reason why a folder, or something that is not named here, could not be used.</summary>
    /// <param name="e">What was thrown.</param>
    public static string Of(Exception e) => e switch
    {
        FileNotFoundException => "there is no such file",
        DirectoryNotFoundException => "there is no such folder",
        UnauthorizedAccessException => "access is denied",

        // .NET calls damaged data an unsupported compression method.
        InvalidDataException when e.Source == Decompressor => "its compressed data is not valid",
        _ => WithoutPath(e.Message),
    };

    // The system's own words on one line, without the path that .NET appends.
    private static string WithoutPath(string text)
    {
        int end = text.IndexOf(" : '", StringComparison.Ordinal);
        return (end < 0 ? text : text[..end]).ReplaceLineEndings(" ").TrimEnd('.', ' ');
    }
}
