namespace Engine.TensorBoard;

/// <summary>The CRC-32 of Castagnoli's polynomial (0x1EDC6F41, reflected), and the masked form that TFRecord files have.</summary>
internal static class Crc32C
{
    private static readonly uint[] Table = MakeTable();

    /// <summary>
    /// The checksum of some bytes, rotated and moved by a constant, so that the checksum of data that contains checksums is a good one
    /// too (tensorflow/core/lib/hash/crc32c.h).
    /// </summary>
    public static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = Of(bytes);
        return unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8u);
    }

    /// <summary>The plain checksum.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ 0x82f63b78u;
            }

            table[i] = value;
        }

        return table;
    }
}
