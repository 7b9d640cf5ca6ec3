namespace Tests.Shared;

/// <summary>The folder of the sources that a test was built from.</summary>
public static class Sources
{
    /// <summary>Its path.</summary>
    public static string Folder { get; } = Find();

    private static string Find()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Engine.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("no Engine.sln above " + AppContext.BaseDirectory);
        }

        return folder;
    }
}
