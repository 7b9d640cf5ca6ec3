using Engine.Formats;
using Engine.Tables;

namespace Engine.Cli;

/// <summary>Tables as --data names them: table:FILE.csv.</summary>
internal static class TableData
{
    /// <summary>What the name of a table begins with.</summary>
    public const string Prefix = "table:";

    /// <summary>Whether a data set's name is that of a table.</summary>
    public static bool IsTable(string? name) => name is not null && name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The file of a table's name.</summary>
    public static string FileOf(string name) => name[Prefix.Length..];

    /// <summary>The name with the file's whole path, so that it means the same everywhere; ~ stands for the home folder.</summary>
    /// <exception cref="UsageException">There is no such file.</exception>
    public static string Resolve(string name)
    {
        string file = FileOf(name);
        if (file.StartsWith("~/", StringComparison.Ordinal) && !File.Exists(file))
        {
            file = Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), file[1..]);
        }

        return file.Length > 0 && Path.Exists(file)
            ? Prefix + Path.GetFullPath(file)
            : throw new UsageException($"there is no table '{ShownName.Whole(file)}'; expected {Prefix}FILE.csv, a file of comma-separated values");
    }

    /// <summary>Opens a table whose name was resolved.</summary>
    /// <exception cref="EngineException">It cannot be read.</exception>
    public static Table Open(string name) => Table.Open(FileOf(name));
}
