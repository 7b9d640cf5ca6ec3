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

    /// <summary>Texts that the file holds besides, by name; only safetensors files have such.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    private protected FileBytes Bytes { get; }

    /// <summary>Opens a file of any of the formats; the content tells which, not the name.</summary>
    /// <exception cref="EngineException">The file cannot be read, is damaged or is none of the formats; the message names the file.</exception>
    public static TensorFile Open(string path)
    {
        FileBytes bytes = FileBytes.Open(path);
        try
        {
            return SafetensorsFile.Open(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>Finds an entry by name; null where there is none.</summary>
    public abstract StoredEntry? Find(string name);

    /// <summary>Reads an entry's elements, little endian, in row-major order.</summary>
    /// <exception cref="EngineException">The entry is too large for an array, is damaged, or the file cannot be read.</exception>
    public byte[] Read(StoredEntry entry)
    {
        Check(entry);
        using ByteWindow window = Map(entry);
        return window.Span.ToArray();
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => Bytes.Dispose();

    /// <summary>Checks that an entry can be read, and its checksum where the format has one.</summary>
    /// <exception cref="EngineException">It is too large for an array, is damaged, or the file cannot be read.</exception>
    internal virtual void Check(StoredEntry entry)
    {
        if (entry.ByteCount > Array.MaxLength)
        {
            throw new EngineException($"cannot read '{Path}': entry '{entry.Name}' has {entry.ByteCount:N0} bytes, more than fit an array");
        }
    }

    /// <summary>An entry's elements, little endian, in row-major order, without a copy where the file has them so; after <see cref="Check"/>.</summary>
    internal abstract ByteWindow Map(StoredEntry entry);
}
