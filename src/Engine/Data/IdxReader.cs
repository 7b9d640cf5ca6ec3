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
    /// <param name="dimensions">How many extents its header must give.</param>
    /// <exception cref="EngineException">The file is not an IDX file of so many dimensions, or its length is not what its header says.</exception>
    public static (int[] Extents, byte[] Content) Read(string path, int dimensions)
    {
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
            if (extents[i] < 1 || (count *= extents[i]) > int.MaxValue)
            {
                throw new EngineException($"{path} has extent {extents[i]:N0} in its header; expected at least 1, and 2^31 - 1 bytes in all at most");
            }
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
