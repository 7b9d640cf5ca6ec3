namespace Engine.Kernels;

/// <summary>The folder of what is made once and read from then on: compiled kernels and convolution plans.</summary>
internal static class EngineCache
{
    /// <summary>The folder that ENGINE_CACHE names; unset, the engine's below the user's cache folder.</summary>
    internal static string Folder => Environment.GetEnvironmentVariable(KernelLibrary.CacheVariable) is { Length: > 0 } chosen
        ? chosen
        : CacheFolder.Resolve(Environment.GetEnvironmentVariable);
}
