using System.Buffers.Binary;
using System.IO.Compression;

namespace Cli.Tests;

/// <summary>Writes PNG files of one gray.</summary>
internal static class FlatPng
{
    /// <summary>A whole file.</summary>
    public static byte[] Make(int width, int height, byte gray)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8;
        byte[] rows = new byte[height * (width + 1)];
        Array.Fill(rows, gray);
        for (int y = 0; y < height; y++)
        {
            rows[y * (width + 1)] = 0;
        }

        MemoryStream packed = new();
        using (ZLibStream stream = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(rows);
        }

        return [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> body)
    {
        byte[] chunk = new byte[body.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, body.Length);
        kind.CopyTo(chunk.AsSpan(4));
        body.CopyTo(chunk.AsSpan(8));
        uint crc = uint.MaxValue;
        foreach (byte b in chunk.AsSpan(4, body.Length + 4))
        {
            crc ^= b;
            for (int k = 0; k < 8; k++)
            {
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            }
        }

        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(body.Length + 8), ~crc);
        return chunk;
    }
}
