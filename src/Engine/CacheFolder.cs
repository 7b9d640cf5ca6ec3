namespace Engine;

/// <summary>The engine's folder in the user's cache: downloads, compiled kernels and whatever else can be made again.</summary>
public static class CacheFolder
{
    /// <summary>
    /// engine in the user's cache: $XDG_CACHE_HOME or ~/.cache; on Windows the local application data. It need not exist yet.
    /// </summary>
    /// <param name="variable">The environment's variables.</param>
    public static string Resolve(Func<string, string?> variable)
    {
        // The XDG specification says that a relative path is to be ignored.
        if (variable("XDG_CACHE_HOME") is { } cache && Path.IsPathRooted(cache))
        {
            return Path.Combine(cache, "engine");
        }

        return OperatingSystem.IsWindows()
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "engine")
            : Path.Combine(variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "engine");
    }
}
