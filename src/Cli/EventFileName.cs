using System.Globalization;
using Engine.TensorBoard;

namespace Engine.Cli;

/// <summary>The names of a run's event files. TensorBoard takes them in the order of their names, so that the time stands first.</summary>
internal static class EventFileName
{
    private const string Beginning = $"events.out.{EventWriter.NameMark}.";

    // Of 13 digits, in the year 2286.
    private const long LastTime = 9_999_999_999_999;

    /// <summary>A name that comes after all others in a folder, also where the clock has been set back since they were made.</summary>
    /// <param name="files">The folder's files.</param>
    /// <param name="now">What time it is.</param>
    public static string Next(IEnumerable<string> files, DateTimeOffset now)
    {
        long latest = files.Max(file => (long?)TimeOf(Path.GetFileName(file))) ?? 0;
        return string.Create(CultureInfo.InvariantCulture, $"{Beginning}{Math.Max(now.ToUnixTimeMilliseconds(), latest + 1):D13}.engine");
    }

    private static long TimeOf(string name)
    {
        if (!name.StartsWith(Beginning, StringComparison.Ordinal))
        {
            return 0;
        }

        string digits = name[Beginning.Length..].Split('.')[0];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long time) && time < LastTime ? time : 0;
    }
}
