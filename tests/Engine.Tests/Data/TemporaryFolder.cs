namespace Engine.Tests.Data;

/// <summary>A folder of its own for a test, deleted with all that is in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("engine-tests-").FullName;

    public string Path { get; }

    public string this[string fileName] => System.IO.Path.Combine(Path, fileName);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
