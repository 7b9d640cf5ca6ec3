using System.Buffers.Binary;

namespace Engine.Data;

/// <summary>
/// Reads the IDX files of MNIST and Fashion-MNIST: two zero bytes, the element type (8 for unsigned bytes), the number of
/// dimensions, each extent as a big-endian 32-bit integer, then the elements.
/// </summary>
internal static class IdxReader
{
    /// <summary>Reads a whole file, gzipped or not.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">The greatest extents that its header may give: those of the whole set, of which some files hold a part.</param>
    /// <param name="set">What errors call the set.</param>
    /// <exception cref="EngineException">The file is not an IDX file of so many dimensions, is larger than the set, or its length is not what its header says.</exception>
    public static (int[] Extents, byte[] Content) Read(string path, ReadOnlySpan<int> most, string set)
    {
        int dimensions = most.Length;
        using DataFile file = DataFile.Open(path);
        string headerNeed = $"an IDX header of {4 + (4 * dimensions)} bytes";
        Span<byte> word = stackalloc byte[4];
        file.Fill(word, headerNeed);
        int magic = BinaryPrimitives.ReadInt32BigEndian(word);
        if (magic != (0x0800 | dimensions))
        {
            throw new EngineException(
                $"{path} starts with 0x{magic:X8}; expected 0x{0x0800 | dimensions:X8}, an IDX file of bytes with {dimensions} {(dimensions == 1 ? "dimension" : "dimensions")}");
        }

        int[] extents = new int[dimensions];
        long count = 1;
        for (int i = 0; i < dimensions; i++)
        {
            file.Fill(word, headerNeed);
            extents[i] = BinaryPrimitives.ReadInt32BigEndian(word);
            if (extents[i] < 1)
            {
                throw new EngineException($"{path} has extent {extents[i]:N0} in its header; expected at least 1");
            }
        }

        // Nothing that is larger than what is known is read, however much a file may unpack to.
        for (int i = 0; i < dimensions; i++)
        {
            if (extents[i] > most[i])
            {
                throw new EngineException(
                    $"{path} is no file of {set}: its header says {string.Join(" x ", extents)}; expected at most {string.Join(" x ", most.ToArray())}");
            }

            count *= extents[i];
        }

        string need = $"{4 + (4 * dimensions) + count:N0} bytes for {string.Join(" x ", extents)} elements";
        if (count > file.GreatestLength)
        {
            throw new EngineException($"{path} is truncated: it is too short for the expected {need}");
        }

        byte[] content = GC.AllocateUninitializedArray<byte>((int)count);
        file.Fill(content, need);
        file.CheckEnd(need);
        return (extents, content);
    }
}
