using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>
/// Writes a zip file of files that are not compressed, each starting at a multiple of 64 bytes, so that programs can map them; as
/// <c>torch.save</c> does, with the 64-bit extension where a place needs it.
/// </summary>
/// <param name="stream">Where it goes; is only written to, from front to back.</param>
/// <param name="start">The place in the file of the first byte that is written.</param>
internal sealed class ZipWriter(Stream stream, long start = 0)
{
    private const int Alignment = 64;

    // The first day that a zip file can name: the same content makes the same file on every day.
    private const ushort Date = (1 << 5) | 1;

    // Names are UTF-8.
    private const ushort Flags = 1 << 11;
    private const ushort Version = 20;
    private const ushort Version64 = 45;

    // PyTorch's own name for what only fills space.
    private const ushort PaddingField = 'F' | ('B' << 8);
    private readonly ArrayBufferWriter<byte> _directory = new();
    private long _at = start;
    private long _count;

    /// <summary>Adds a file.</summary>
    /// <param name="name">Its path, unique in the zip file.</param>
    /// <param name="content">Its bytes.</param>
    public void Add(string name, ReadOnlySpan<byte> content)
    {
        byte[] path = Encoding.UTF8.GetBytes(name);
        uint checksum = Crc32.Append(0, content);
        long headerStart = _at;
        int filled = (int)((headerStart + 30 + path.Length + 4) % Alignment);
        byte[] padding = new byte[4 + (filled == 0 ? 0 : Alignment - filled)];
        BinaryPrimitives.WriteUInt16LittleEndian(padding, PaddingField);
        BinaryPrimitives.WriteUInt16LittleEndian(padding.AsSpan(2), (ushort)(padding.Length - 4));

        ArrayBufferWriter<byte> header = new();
        Put32(header, 0x04034B50);
        PutDescription(header, Version, checksum, content.Length, path.Length, padding.Length);
        header.Write(path);
        header.Write(padding);
        Emit(header.WrittenSpan);
        Emit(content);

        bool isFar = headerStart >= uint.MaxValue;
        Put32(_directory, 0x02014B50);
        Put16(_directory, Version64);
        PutDescription(_directory, isFar ? Version64 : Version, checksum, content.Length, path.Length, isFar ? 12 : 0);
        _directory.Write(new byte[10]);
        Put32(_directory, isFar ? uint.MaxValue : (uint)headerStart);
        _directory.Write(path);
        if (isFar)
        {
            Put16(_directory, 1);
            Put16(_directory, 8);
            Put64(_directory, headerStart);
        }

        _count++;
    }

    /// <summary>Writes the directory, after the last file.</summary>
    public void Finish()
    {
        long directoryStart = _at;
        Emit(_directory.WrittenSpan);
        long recordStart = _at;
        ArrayBufferWriter<byte> end = new();
        Put32(end, 0x06064B50);
        Put64(end, 44);
        Put16(end, Version64);
        Put16(end, Version64);
        Put64(end, 0);
        Put64(end, _count);
        Put64(end, _count);
        Put64(end, _directory.WrittenCount);
        Put64(end, directoryStart);

        Put32(end, 0x07064B50);
        Put32(end, 0);
        Put64(end, recordStart);
        Put32(end, 1);

        ushort count = (ushort)Math.Min(_count, ushort.MaxValue);
        Put32(end, 0x06054B50);
        Put32(end, 0);
        Put16(end, count);
        Put16(end, count);
        Put32(end, (uint)_directory.WrittenCount);
        Put32(end, (uint)Math.Min(directoryStart, uint.MaxValue));
        Put16(end, 0);
        Emit(end.WrittenSpan);
    }

    // What a file's own header and the directory have alike. No content is longer than an array, and so than 32 bits.
    private static void PutDescription(ArrayBufferWriter<byte> to, ushort version, uint checksum, int length, int nameLength, int extraLength)
    {
        Put16(to, version);
        Put16(to, Flags);
        Put16(to, 0);
        Put16(to, 0);
        Put16(to, Date);
        Put32(to, checksum);
        Put32(to, (uint)length);
        Put32(to, (uint)length);
        Put16(to, checked((ushort)nameLength));
        Put16(to, (ushort)extraLength);
    }

    private static void Put16(ArrayBufferWriter<byte> to, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to.GetSpan(2), value);
        to.Advance(2);
    }

    private static void Put32(ArrayBufferWriter<byte> to, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to.GetSpan(4), value);
        to.Advance(4);
    }

    private static void Put64(ArrayBufferWriter<byte> to, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to.GetSpan(8), value);
        to.Advance(8);
    }

    private void Emit(ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        _at += bytes.Length;
    }
}
