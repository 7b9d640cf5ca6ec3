using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Kernels.Interop;

/// <summary>
/// Where the system's loader on Linux finds a library that is asked for by its bare name (ld.so(8)): the folders of LD_LIBRARY_PATH,
/// the cache that ldconfig writes, the standard folders. Known beforehand, the file can be looked at before it is loaded.
/// </summary>
internal static class LoaderPaths
{
    private const string CacheFile = "/etc/ld.so.cache";

    private static readonly Lazy<IReadOnlyDictionary<string, IReadOnlyList<string>>> Cache = new(() => ReadCache(CacheFile));
    private static readonly string[] StandardFolders = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    /// <summary>The files of a name, the one that the loader takes first; empty where it has none, and on other systems.</summary>
    internal static IEnumerable<string> Find(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            return [];
        }

        string[] chosen = (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split([':', ';'], StringSplitOptions.RemoveEmptyEntries);
        return In(chosen, name).Concat(Cache.Value.GetValueOrDefault(name) ?? []).Concat(In(StandardFolders, name)).Distinct();
    }

    /// <summary>The files of a name among folders.</summary>
    internal static IEnumerable<string> In(IEnumerable<string> folders, string name) => folders.Select(folder => Path.Combine(folder, name)).Where(IsThere);

    /// <summary>Whether a name is there at all, be it a file, a folder, or a link to nowhere.</summary>
    internal static bool IsThere(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    /// <summary>
    /// ldconfig's cache, in the format that glibc has written since 2.1 (elf/cache.c, dl-cache.h): a header of 48 bytes, then entries of
    /// 24 bytes with the offsets of name and path. Before 2.32 an older table may stand before it. Empty when there is none.
    /// </summary>
    internal static IReadOnlyDictionary<string, IReadOnlyList<string>> ReadCache(string path)
    {
        const int header = 48, entry = 24;

        // The low byte says glibc (3), the next one the kind of machine (sysdeps/generic/ldconfig.h).
        int own = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x0a03 : 0x0303;
        Dictionary<string, List<string>> found = [];
        try
        {
            ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
            int start = bytes.IndexOf("glibc-ld.so.cache1.1"u8);
            ReadOnlySpan<byte> table = start < 0 ? [] : bytes[start..];
            uint count = table.Length < header ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(table[20..]);
            for (int i = 0; i < count && header + ((i + 1) * entry) <= table.Length; i++)
            {
                ReadOnlySpan<byte> line = table[(header + (i * entry))..];
                if ((BinaryPrimitives.ReadInt32LittleEndian(line) & 0xffff) == own)
                {
                    string name = Text(
                        table, BinaryPrimitives.ReadUInt32LittleEndian(line[4..])), file = Text(table, BinaryPrimitives.ReadUInt32LittleEndian(line[8..]));
                    if (!found.TryGetValue(name, out List<string>? files))
                    {
                        found[name] = files = [];
                    }

                    files.Add(file);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No cache, as on distributions that keep libraries elsewhere: the loader does without as well.
        }

        return found.ToDictionary(pair => pair.Key, IReadOnlyList<string> (pair) => [.. pair.Value.Where(IsThere)]);
    }

    private static string Text(ReadOnlySpan<byte> table, uint at)
    {
        ReadOnlySpan<byte> rest = at < table.Length ? table[(int)at..] : [];
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
