namespace Fuzz.Tests;

/// <summary>A folder of this process, in memory where the system has such, for readers that want files.</summary>
internal static class Scratch
{
    private static readonly string Folder = Make();

    /// <summary>The path of a file in the folder.</summary>
    public static string Path(string name) => System.IO.Path.Combine(Folder, name);

    /// <summary>Writes a file in the folder, in a folder of its own where the name has one.</summary>
    public static string Write(string name, ReadOnlySpan<byte> content)
    {
        string path = Path(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Write(content);
        return path;
    }

    private static string Make()
    {
        const string memory = "/dev/shm";
        string folder = System.IO.Path.Combine(Directory.Exists(memory) ? memory : System.IO.Path.GetTempPath(), $"engine-fuzz-{Environment.ProcessId}");
        Directory.CreateDirectory(folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }
}
