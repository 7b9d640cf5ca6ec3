namespace Tests.Shared;

/// <summary>A folder of a test's own, removed afterwards with all that is in it.</summary>
public sealed class TemporaryFolder : IDisposable
{
    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("engine-tests-").FullName;

    /// <summary>The path of a file in it, which need not exist.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a shell script that can be run.</summary>
    public string Script(string name, string text)
    {
        string path = this[name];
        File.WriteAllText(path, "#!/bin/sh\n" + text + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }

    /// <summary>Removes it.</summary>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
