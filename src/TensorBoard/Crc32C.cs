using System.IO.Hashing;

namespace Engine.TensorBoard;

/// <summary>The CRC-32 of Castagnoli's polynomial in the masked form that TFRecord files have.</summary>
internal static class Crc32C
{
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
    public static uint Of(ReadOnlySpan<byte> bytes) => Crc32.HashToUInt32(Crc32ParameterSet.Crc32C, bytes);
}
