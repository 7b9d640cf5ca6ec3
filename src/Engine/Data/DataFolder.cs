namespace Engine.Data;

/// <summary>Where data sets are kept.</summary>
public static class DataFolder
{
    /// <summary>The variable that names another folder to keep data sets in.</summary>
    public const string Variable = "ENGINE_DATA";

    /// <summary>
    /// The folder that downloads go to, with a folder in it for each set: the one that ENGINE_DATA names, or engine/data in the
    /// user's cache ($XDG_CACHE_HOME or ~/.cache; on Windows the local application data). It need not exist yet.
    /// </summary>
    public static string Cache => Resolve(Environment.GetEnvironmentVariable);

    /// <summary>A set's own folder in <see cref="Cache"/>.</summary>
    public static string For(string name) => Path.Combine(Cache, name);

    /// <summary>The cache folder under given variables.</summary>
    internal static string Resolve(Func<string, string?> variable)
    {
        if (variable(Variable) is { Length: > 0 } chosen)
        {
            return Path.GetFullPath(chosen);
        }

        // The XDG specification says that a relative path is to be ignored.
        if (variable("XDG_CACHE_HOME") is { } cache && Path.IsPathRooted(cache))
        {
            return Path.Combine(cache, "engine", "data");
        }

        return OperatingSystem.IsWindows()
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "engine", "data")
            : Path.Combine(variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "engine", "data");
    }
}
