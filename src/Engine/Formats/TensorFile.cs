using System.Buffers.Binary;

namespace Engine.Formats;

/// <summary>
/// A file of named tensors, opened for reading: safetensors, or what PyTorch's <c>torch.save</c> has made of a state dictionary. Opening it
/// checks all that describes the tensors, so that a damaged file is refused before anything is done with its content; the numbers are
/// read when asked for.
/// </summary>
public abstract class TensorFile : IDisposable
{
    private protected TensorFile(FileBytes bytes) => Bytes = bytes;

    /// <summary>The file's path, as it was given.</summary>
    public string Path => Bytes.Path;

    /// <summary>The format's name, for people: safetensors, PyTorch zip or PyTorch legacy.</summary>
    public abstract string Format { get; }

    /// <summary>The tensors, in the file's order.</summary>
    public abstract IEnumerable<StoredEntry> Entries { get; }

    /// <summary>What the file has in tensors' places that cannot be read: elements of other types, objects of classes.</summary>
    public virtual IReadOnlyList<UnreadEntry> Unread => [];

    /// <summary>Texts that the file holds besides, by name; only safetensors files have such.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    internal FileBytes Bytes { get; }

    /// <summary>
    /// Opens a file of any of the formats; the content tells which, not the name. Of a folder, it opens the weights that runs, transformers,
    /// accelerate and timm save in it; of an index of shards, the shards.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="key">
    /// Where the weights lie in it: a key of the dictionary that holds them, keys with dots between, or what all their names begin with; null for
    /// where they are to be expected.
    /// </param>
    /// <exception cref="EngineException">The file cannot be read, is damaged or is none of the formats; the message names the file.</exception>
    public static TensorFile Open(string path, string? key = null)
    {
        if (path.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || path.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            throw new EngineException(
                $"'{ShownName.Of(path)}' is an address, but weights are read from files: download it first, with 'curl -LO {ShownName.Of(path)}'");
        }

        path = Directory.Exists(path) ? WeightsFolder.Find(path) : path;
        FileBytes bytes = FileBytes.Open(path);
        TensorFile? file = null;
        try
        {
            file = Open(bytes, key);

            // A run's checkpoint has the optimizer's velocities beside the weights.
            key ??= file.Metadata.ContainsKey(OwnCheckpoint.MetadataKey) ? OwnCheckpoint.ModelKey : null;
            return key is null || file is PyTorchFile { HasKey: true } ? file : PartFile.Under(file, key);
        }
        catch
        {
            file?.Dispose();
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes or replaces a file, atomically, of the format that its name's end says: .safetensors, or for PyTorch .pth, .pt, .pth.tar, .bin, .ckpt
    /// or .th.
    /// </summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="contents">The tensors.</param>
    /// <param name="metadata">Texts by name, which only safetensors files keep; null for none.</param>
    /// <exception cref="EngineException">The name has another end, a tensor's name occurs twice, or the file cannot be written; nothing has changed
    /// then.</exception>
    public static void Write(string path, IReadOnlyList<StoredTensor> contents, IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (WeightsFormats.IsPyTorch(path))
        {
            PyTorchWriter.Write(path, contents);
        }
        else
        {
            SafetensorsWriter.Write(path, contents, metadata);
        }
    }

    /// <summary>Finds an entry by name; null where there is none.</summary>
    public abstract StoredEntry? Find(string name);

    /// <summary>Reads an entry's elements, little endian, in row-major order.</summary>
    /// <exception cref="EngineException">The entry is too large for an array, is damaged, or the file cannot be read.</exception>
    public byte[] Read(StoredEntry entry)
    {
        Check(entry);
        using ByteWindow window = Map(entry, 0, (int)entry.ElementCount);
        return window.Span.ToArray();
    }

    /// <summary>
    /// An entry as a tensor to be written to another file, under another name and with other numbers where wanted; this file must be open still then.
    /// </summary>
    /// <param name="name">The name in the other file.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="type">What real numbers become; null for what they are. Integers stay what they are.</param>
    /// <param name="cancellation">Ends the writing between two tensors.</param>
    public StoredTensor Content(string name, StoredEntry entry, StoredType? type = null, CancellationToken cancellation = default)
    {
        StoredType to = type is { } given && entry.Type.IsFloating() ? given : entry.Type;
        return new StoredTensor(name, to, entry.Extents, () =>
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] elements = Read(entry);
            if (to == entry.Type)
            {
                return elements;
            }

            byte[] converted = new byte[checked(entry.ElementCount * to.Size())];
            ElementConversion.Convert(elements, entry.Type, converted, to);
            return converted;
        });
    }

    /// <summary>Closes the file.</summary>
    public virtual void Dispose() => Bytes.Dispose();

    /// <summary>Checks that an entry can be read, and its checksum where the format has one.</summary>
    /// <exception cref="EngineException">It is too large for an array, is damaged, or the file cannot be read.</exception>
    internal virtual void Check(StoredEntry entry)
    {
        if (entry.ByteCount > Array.MaxLength)
        {
            throw new EngineException($"cannot read '{Path}': entry '{entry.Name}' has {entry.ByteCount:N0} bytes, more than fit an array");
        }
    }

    /// <summary>
    /// Some of an entry's elements, little endian, in row-major order, without a copy where the file has them so; after <see cref="Check"/>.
    /// </summary>
    /// <param name="entry">The entry.</param>
    /// <param name="first">The first element.</param>
    /// <param name="count">How many.</param>
    internal abstract ByteWindow Map(StoredEntry entry, long first, int count);

    // A zip file begins with an entry (or, without any, with its end); a pickle since protocol 2 with 0x80 and the protocol, and before that with
    // the magic number in digits; a safetensors file with eight bytes and the header's brace. The brace is asked for first, because a header's
    // length may begin with 0x80 too.
    private static TensorFile Open(FileBytes bytes, string? key)
    {
        byte[] start = bytes.Read(0, (int)Math.Min(bytes.Length, 512));
        if (ForeignFiles.Describe(bytes.Path, start) is { } foreign)
        {
            throw new EngineException($"'{bytes.Path}' {foreign}");
        }

        return start switch
        {
            [(byte)'{', ..] when bytes.Path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) => ShardIndex.Open(bytes),
            [(byte)'P', (byte)'K', 3, 4, ..] or [(byte)'P', (byte)'K', 5, 6, ..] => PyTorchFile.Open(bytes, isZip: true, key),
            [_, _, _, _, _, _, _, _, (byte)'{', ..] => SafetensorsFile.Open(bytes),
            [0x80, <= 5, ..] => PyTorchFile.Open(bytes, isZip: false, key),
            _ when start.AsSpan().StartsWith("L119547037146038801333356L\n"u8) =>
                PyTorchFile.Open(bytes, isZip: false, key),
            _ when bytes.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) => SafetensorsFile.Open(bytes),
            _ => throw new EngineException(
                $"'{bytes.Path}' is neither a safetensors file nor one of PyTorch's torch.save: it begins with "
                    + $"{(start.Length == 0 ? "nothing" : Convert.ToHexString(start.AsSpan(0, Math.Min(start.Length, 8))))}"),
        };
    }
}
