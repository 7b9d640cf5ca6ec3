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
    internal static string Resolve(Func<string, string?> variable) =>
        variable(Variable) is { Length: > 0 } chosen ? Path.GetFullPath(chosen) : Path.Combine(CacheFolder.Resolve(variable), "data");
}
