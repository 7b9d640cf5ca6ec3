namespace Engine.Formats;

/// <summary>One tensor as a safetensors file's header describes it.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">What each element is.</param>
/// <param name="Extents">Its extents, outermost first; none for a single number.</param>
/// <param name="Start">The first byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, IReadOnlyList<long> Extents, long Start, long End)
{
    /// <summary>The number of elements.</summary>
    public long ElementCount => Extents.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>The extents in brackets, such as [16, 3, 3, 3].</summary>
    public string ShapeText => $"[{string.Join(", ", Extents)}]";
}

/// <summary>One tensor to be written to a safetensors file.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">What each element is.</param>
/// <param name="Extents">Its extents, outermost first; none for a single number.</param>
/// <param name="Bytes">Makes the elements, little endian, in row-major order; called once, when their turn comes.</param>
public sealed record SafetensorsContent(string Name, SafetensorsType Type, IReadOnlyList<long> Extents, Func<byte[]> Bytes)
{
    /// <summary>How many bytes <see cref="Bytes"/> has to make.</summary>
    public long ByteCount => Extents.Aggregate((long)Type.Size(), (product, extent) => product * extent);
}
