namespace Engine.Formats;

/// <summary>One tensor of a file that is open for reading, whatever the format.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">What each element is.</param>
/// <param name="Extents">Its extents, outermost first; none for a single number.</param>
public abstract record StoredEntry(string Name, StoredType Type, IReadOnlyList<long> Extents)
{
    /// <summary>The number of elements.</summary>
    public long ElementCount => Extents.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>The bytes that the elements take without gaps.</summary>
    public long ByteCount => ElementCount * Type.Size();

    /// <summary>The extents in brackets, such as [16, 3, 3, 3].</summary>
    public string ShapeText => $"[{string.Join(", ", Extents)}]";
}

/// <summary>Something that a file has in a tensor's place, but that cannot be read as one.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Kind">What it is: a type of elements such as F8_E4M3, or a class.</param>
/// <param name="IsWeight">Whether it is to be taken for a weight, so that a model without it does not have all of the file.</param>
public sealed record UnreadEntry(string Name, string Kind, bool IsWeight)
{
    /// <summary>What to do about it, as the end of a message; empty where nothing is known.</summary>
    public string Remedy => ForeignFiles.Remedy([Kind]);
}

/// <summary>One tensor as a safetensors file's header describes it.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">What each element is.</param>
/// <param name="Extents">Its extents, outermost first; none for a single number.</param>
/// <param name="Start">The first byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, StoredType Type, IReadOnlyList<long> Extents, long Start, long End)
    : StoredEntry(Name, Type, Extents);

/// <summary>One tensor to be written to a file, whatever the format.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">What each element is.</param>
/// <param name="Extents">Its extents, outermost first; none for a single number.</param>
/// <param name="Bytes">Makes the elements, little endian, in row-major order; called once, when their turn comes.</param>
public sealed record StoredTensor(string Name, StoredType Type, IReadOnlyList<long> Extents, Func<byte[]> Bytes)
{
    /// <summary>How many bytes <see cref="Bytes"/> has to make.</summary>
    public long ByteCount => Extents.Aggregate((long)Type.Size(), (product, extent) => product * extent);

    /// <summary>The elements, checked to be as many as the shape says.</summary>
    /// <exception cref="EngineException">They are not.</exception>
    internal byte[] CheckedBytes()
    {
        byte[] bytes = Bytes();
        return bytes.Length == ByteCount
            ? bytes
            : throw new EngineException($"entry '{Name}' has {ByteCount} bytes by its shape, but {bytes.Length} were given");
    }
}
