namespace Engine.Kernels.Tests;

/// <summary>A folder for compiled kernels and convolution plans that only one test sees, in the place of ENGINE_CACHE's.</summary>
internal sealed class TemporaryCache : IDisposable
{
    private readonly string? _before = Environment.GetEnvironmentVariable(KernelLibrary.CacheVariable);

    internal TemporaryCache()
    {
        Folder = Directory.CreateTempSubdirectory("engine-cache").FullName;
        Environment.SetEnvironmentVariable(KernelLibrary.CacheVariable, Folder);
    }

    internal string Folder { get; }

    internal string[] PlanFiles => Directory.Exists(Path.Combine(Folder, "plans")) ? Directory.GetFiles(Path.Combine(Folder, "plans")) : [];

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(KernelLibrary.CacheVariable, _before);
        Directory.Delete(Folder, recursive: true);
    }
}
