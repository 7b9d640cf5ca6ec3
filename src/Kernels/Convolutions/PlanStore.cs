using System.Globalization;
using Engine.Formats;

namespace Engine.Kernels.Convolutions;

/// <summary>
/// Where plans are kept and found again: first in files that the program names (a run's own, one made elsewhere), then in the cache
/// folder, which has a file for each plan. What is found or chosen is added to all of them, so that each is complete by itself.
/// </summary>
/// <param name="note">Is told what is wrong with a file, once for each kind of trouble.</param>
internal sealed class PlanStore(Action<string, string> note)
{
    private readonly List<(string Path, ConvolutionPlanFile File, bool IsKept)> _files = [];
    private readonly HashSet<string> _unwritten = [];
    private readonly ConvolutionPlanFile _used = new();

    private static string CacheFolder => Path.Combine(EngineCache.Folder, "plans");

    /// <summary>
    /// Reads a file, which is looked at before those named earlier, and writes it whenever a plan is added, where it is to be kept up to date.
    /// </summary>
    internal void Use(string path, bool isKept)
    {
        ConvolutionPlanFile file = ConvolutionPlanFile.Read(path);
        Complain(file);
        _files.Insert(0, (path, file, isKept));
    }

    /// <summary>The plan that was kept for the same GPU, version, precision, way and convolution; null where there is none.</summary>
    internal ConvolutionPlanEntry? Find(ConvolutionPlanEntry wanted)
    {
        foreach ((string _, ConvolutionPlanFile file, bool _) in _files)
        {
            if (file.Find(wanted.Identity) is { } entry)
            {
                return entry;
            }
        }

        ConvolutionPlanFile cached = ConvolutionPlanFile.Read(CachePath(wanted));
        Complain(cached);
        return cached.Find(wanted.Identity);
    }

    /// <summary>
    /// Keeps a plan everywhere. Of two processes that search at the same time the one that is done first counts: the other gets its plan
    /// returned.
    /// </summary>
    /// <param name="entry">The plan.</param>
    /// <param name="isRestored">Whether it was found here, so that it counts whatever else is kept.</param>
    /// <param name="replaces">Whether what was kept is of no use.</param>
    internal ConvolutionPlanEntry Keep(ConvolutionPlanEntry entry, bool isRestored, bool replaces)
    {
        ConvolutionPlanEntry kept = AddToCache(entry, replaces);
        kept = isRestored ? entry : kept;
        _used.Add(kept);
        foreach ((string path, ConvolutionPlanFile file, bool isKept) in _files)
        {
            if (file.Find(kept.Identity)?.MakesTheSame(kept) != true)
            {
                file.Add(kept);
                if (isKept)
                {
                    _unwritten.Add(path);
                }
            }
        }

        Flush();
        return kept;
    }

    /// <summary>Writes the files that are kept up to date and are not. A run's folder may come into being after its first plans.</summary>
    internal void Flush()
    {
        foreach ((string path, ConvolutionPlanFile file, bool _) in _files.Where(entry => _unwritten.Contains(entry.Path)))
        {
            if (Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            {
                _unwritten.Remove(path);
                Try(() => file.Write(path), "a file of plans cannot be written");
            }
        }
    }

    /// <summary>Writes all plans in use to a file.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    internal void Save(string path)
    {
        // What the file holds for other GPUs, versions and convolutions stays.
        ConvolutionPlanFile file = ConvolutionPlanFile.Read(path);
        foreach (ConvolutionPlanEntry entry in _used.Entries)
        {
            file.Add(entry);
        }

        file.Write(path);
    }

    private static string CachePath(ConvolutionPlanEntry entry) =>
        Path.Combine(CacheFolder, string.Create(CultureInfo.InvariantCulture, $"{KernelLibrary.HashOf(entry.Identity):x16}.json"));

    private void Complain(ConvolutionPlanFile file)
    {
        if (file.Problem is { } problem)
        {
            note("plans damaged", $"{problem}: the convolutions that it has no plan for are searched again");
        }
    }

    private ConvolutionPlanEntry AddToCache(ConvolutionPlanEntry entry, bool replaces)
    {
        string path = CachePath(entry);
        if (!replaces && ConvolutionPlanFile.Read(path).Find(entry.Identity) is { } kept)
        {
            return kept;
        }

        ConvolutionPlanFile file = new();
        file.Add(entry);
        Try(
            () =>
            {
                Directory.CreateDirectory(CacheFolder);

                // Written aside and then moved to a name that must be free: only one of two processes succeeds.
                string aside = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
                file.Write(aside);
                try
                {
                    File.Move(aside, path, overwrite: replaces);
                }
                catch (IOException)
                {
                    if (ConvolutionPlanFile.Read(path).Find(entry.Identity) is { } other)
                    {
                        entry = other;
                        File.Delete(aside);
                    }
                    else
                    {
                        // A damaged file.
                        File.Move(aside, path, overwrite: true);
                    }
                }
            },
            "a plan cannot be kept");
        return entry;
    }

    // A disk that is full or cannot be written costs a search at the next start, and no more.
    private void Try(Action action, string kind)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is EngineException or IOException or UnauthorizedAccessException)
        {
            note(kind, $"convolution plans are not kept: {e.Message.ReplaceLineEndings(" ")}");
        }
    }
}
