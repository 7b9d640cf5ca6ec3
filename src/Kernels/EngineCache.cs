namespace Engine.Kernels;

/// <summary>The folder of what is made once and read from then on: compiled kernels and convolution plans.</summary>
internal static class EngineCache
{
    /// <summary>The folder that ENGINE_CACHE names; unset, engine below the user's cache folder.</summary>
    internal static string Folder
    {
        get
        {
            string? folder = Environment.GetEnvironmentVariable(KernelLibrary.CacheVariable);
            if (!string.IsNullOrEmpty(folder))
            {
                return folder;
            }

            string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            return string.IsNullOrEmpty(cache)
                ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "engine")
                : Path.Combine(cache, "engine");
        }
    }
}
