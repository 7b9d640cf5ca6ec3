using System.Buffers.Binary;
using System.Collections.Concurrent;
using Engine.Data;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>
/// Decodes all images of folders, on all processors, so that a damaged one is found before hours have been spent. Those that were whole are
/// remembered by path, length and time of writing, and not decoded again.
/// </summary>
/// <param name="rememberedPath">The file that remembers; null for none. Where it cannot be read or written, everything is decoded anew.</param>
public sealed class ImageCheck(string? rememberedPath)
{
    // What another version of the decoders would refuse is not remembered by this one: raise it where they become stricter.
    private const byte Version = 1;
    private static readonly byte[] Mark = [.. "ENGINEOK"u8];

    /// <summary>Where the images of a set are remembered: a small file for each, in the folder that data sets are kept in.</summary>
    /// <param name="setName">The set's name, with the folder's whole path.</param>
    public static string RememberedPath(string setName) => Path.Combine(
        DataFolder.Cache, "checked-images", Convert.ToHexStringLower(Sha256.HashData(RawNames.Bytes(setName)))[..32]);

    /// <summary>Looks at all images.</summary>
    /// <param name="sources">The folders.</param>
    /// <param name="progress">Told now and then how many images are done, of how many; by one thread at a time. Null for nobody.</param>
    /// <param name="cancellation">Stops it; what has been found whole is remembered.</param>
    /// <exception cref="EngineException">A library that decodes images is missing.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public ImageCheckResult Run(IReadOnlyList<FolderSource> sources, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        string[] paths = [.. sources.SelectMany(s => s.Paths).Distinct(StringComparer.Ordinal)];
        HashSet<UInt128> remembered = Recall();
        ConcurrentBag<UInt128> whole = [];
        ConcurrentBag<(int Index, string Message)> bad = [], warnings = [];
        ConcurrentBag<ImageReader> readers = [];
        int done = 0, decoded = 0;
        object gate = new();
        try
        {
            Parallel.For(0, paths.Length, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
            {
                UInt128 key = KeyOf(paths[i]);
                bool isWhole = remembered.Contains(key);
                if (!isWhole)
                {
                    Interlocked.Increment(ref decoded);
                    isWhole = Decode(paths[i], readers, text => bad.Add((i, text)), text => warnings.Add((i, text)));
                }

                if (isWhole)
                {
                    whole.Add(key);
                }

                lock (gate)
                {
                    progress?.Invoke(++done, paths.Length);
                }
            });
        }
        finally
        {
            foreach (ImageReader reader in readers)
            {
                reader.Dispose();
            }

            if (decoded > 0)
            {
                Remember(whole);
            }
        }

        return new ImageCheckResult(
            paths.Length, decoded, [.. bad.OrderBy(b => b.Index).Select(b => b.Message)], [.. warnings.OrderBy(w => w.Index).Select(w => w.Message)]);
    }

    // Whether the image is whole, and nothing is to be said of it.
    private static bool Decode(string path, ConcurrentBag<ImageReader> readers, Action<string> bad, Action<string> warn)
    {
        if (!readers.TryTake(out ImageReader? reader))
        {
            reader = new ImageReader();
        }

        try
        {
            reader.Read(path);
            if (reader.Warning is { } warning)
            {
                warn(warning);
            }

            return reader.Warning is null;
        }
        catch (EngineException e)
        {
            bad(e.Message);
            return false;
        }
        finally
        {
            readers.Add(reader);
        }
    }

    private static UInt128 KeyOf(string path)
    {
        FileFacts facts = FileFacts.Of(path);
        byte[] name = RawNames.Bytes(path);
        byte[] text = new byte[name.Length + 17];
        text[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(text.AsSpan(1), facts.Length);
        BinaryPrimitives.WriteInt64LittleEndian(text.AsSpan(9), facts.Modified);
        name.CopyTo(text, 17);
        return BinaryPrimitives.ReadUInt128LittleEndian(Sha256.HashData(text));
    }

    private HashSet<UInt128> Recall()
    {
        try
        {
            HashSet<UInt128> keys = [];
            ReadOnlySpan<byte> content = rememberedPath is not null && File.Exists(rememberedPath) ? File.ReadAllBytes(rememberedPath) : [];
            if (content.StartsWith(Mark))
            {
                for (content = content[Mark.Length..]; content.Length >= 16; content = content[16..])
                {
                    keys.Add(BinaryPrimitives.ReadUInt128LittleEndian(content));
                }
            }

            return keys;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private void Remember(IReadOnlyCollection<UInt128> keys)
    {
        if (rememberedPath is null)
        {
            return;
        }

        byte[] content = new byte[Mark.Length + (16 * keys.Count)];
        Mark.CopyTo(content, 0);
        int at = Mark.Length;
        foreach (UInt128 key in keys)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(content.AsSpan(at), key);
            at += 16;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(rememberedPath)!);
            AtomicFile.Write(rememberedPath, stream => stream.Write(content));
        }
        catch (Exception e) when (e is EngineException or IOException or UnauthorizedAccessException)
        {
            // The images are looked at again the next time.
        }
    }
}

/// <summary>What <see cref="ImageCheck"/> found.</summary>
/// <param name="Total">How many images there are.</param>
/// <param name="Decoded">How many of them were decoded, as they were not remembered.</param>
/// <param name="Errors">A line for each image that cannot be read, in the order of the folders.</param>
/// <param name="Warnings">A line for each image that is read though something in its file is wrong.</param>
public sealed record ImageCheckResult(int Total, int Decoded, IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings)
{
    private const int MostShown = 2;

    /// <summary>Throws if an image cannot be read.</summary>
    /// <exception cref="EngineException">One line with the first of them, and how many more there are.</exception>
    public void ThrowIfBad()
    {
        if (Errors.Count > 0)
        {
            string more = Errors.Count > MostShown ? $"; and {Errors.Count - MostShown:N0} more" : "";
            throw new EngineException(
                $"{string.Join("; ", Errors.Take(MostShown))}{more}: {Errors.Count:N0} of {Total:N0} image{(Total == 1 ? "" : "s")} must be repaired or "
                    + "removed before training");
        }
    }
}
