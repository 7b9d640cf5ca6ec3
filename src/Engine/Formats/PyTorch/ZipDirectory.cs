using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>One file inside a zip file.</summary>
/// <param name="Name">Its path.</param>
/// <param name="Start">Where its bytes begin in the zip file.</param>
/// <param name="StoredLength">How many bytes it takes there.</param>
/// <param name="Length">How many it has.</param>
/// <param name="Checksum">The CRC-32 of those; 0 where none was computed, as after <c>torch.serialization.set_crc32_options(False)</c>.</param>
/// <param name="IsDeflated">Whether it is compressed.</param>
internal sealed record ZipEntry(string Name, long Start, long StoredLength, long Length, uint Checksum, bool IsDeflated)
{
    /// <summary>Whether some bytes' checksum is the one that is stored, or none is.</summary>
    public bool IsGood(uint checksum) => Checksum == 0 || checksum == Checksum;
}

/// <summary>
/// The directory of a zip file (PKWARE's APPNOTE 6.3), with the 64-bit extension: checked as a whole before anything is read, so that no
/// entry reaches out of the file or into another one, and that unpacking stays within bounds.
/// </summary>
internal sealed class ZipDirectory
{
    /// <summary>How many bytes an unpacked file may have beyond the zip file's own length.</summary>
    public const long Allowance = 32 << 20;

    private const uint EndSignature = 0x06054B50;
    private const uint End64Signature = 0x06064B50;
    private const uint Locator64Signature = 0x07064B50;
    private const uint EntrySignature = 0x02014B50;
    private const uint LocalSignature = 0x04034B50;
    private const int EndBytes = 22;
    private const int End64Bytes = 56;
    private const int Locator64Bytes = 20;
    private const int EntryBytes = 46;
    private const int LocalBytes = 30;
    private const int MaxDirectoryBytes = 16 << 20;
    private const ushort Encrypted = 1;
    private readonly FileBytes _bytes;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    private ZipDirectory(FileBytes bytes) => _bytes = bytes;

    /// <summary>All entries, by path.</summary>
    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    /// <summary>Reads and checks a zip file's directory.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or claims more than the file can hold.</exception>
    public static ZipDirectory Read(FileBytes bytes)
    {
        ZipDirectory zip = new(bytes);
        (long start, long length, long count) = zip.FindDirectory();
        zip.ReadEntries(start, length, count);
        return zip;
    }

    /// <summary>Reads a file, unpacked, and checks its checksum.</summary>
    /// <param name="entry">The file.</param>
    /// <param name="maxBytes">The most that it may have.</param>
    /// <exception cref="InvalidDataException">It has more, or is damaged.</exception>
    public byte[] ReadAll(ZipEntry entry, long maxBytes)
    {
        if (entry.Length > Math.Min(maxBytes, Array.MaxLength))
        {
            throw new InvalidDataException($"{ShownName.Of(entry.Name)} has {entry.Length:N0} bytes, more than the {maxBytes:N0} that are read");
        }

        byte[] bytes = entry.IsDeflated ? Inflate(entry) : _bytes.Read(entry.Start, (int)entry.Length);
        return entry.IsGood(Crc32.Append(0, bytes)) ? bytes : throw WrongChecksum(entry);
    }

    /// <summary>Checks the checksum of a file that is not compressed, without keeping it in memory.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public void Check(ZipEntry entry)
    {
        const int piece = 1 << 24;
        uint checksum = 0;
        if (entry.Checksum == 0)
        {
            return;
        }

        for (long done = 0; done < entry.Length; done += piece)
        {
            using ByteWindow window = _bytes.Map(entry.Start + done, (int)Math.Min(piece, entry.Length - done));
            checksum = Crc32.Append(checksum, window.Span);
        }

        if (!entry.IsGood(checksum))
        {
            throw WrongChecksum(entry);
        }
    }

    private static InvalidDataException WrongChecksum(ZipEntry entry) =>
        new($"the checksum of {ShownName.Of(entry.Name)} is not that of its bytes; the file is damaged");

    private byte[] Inflate(ZipEntry entry)
    {
        byte[] bytes = new byte[entry.Length];
        using Stream packed = _bytes.Stream(entry.Start, entry.StoredLength);
        using DeflateStream unpacked = new(packed, CompressionMode.Decompress);
        try
        {
            if (unpacked.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length && unpacked.ReadByte() < 0)
            {
                return bytes;
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            // .NET says of damaged bytes that their compression is not supported.
            throw new InvalidDataException($"{ShownName.Of(entry.Name)} cannot be unpacked; the file is damaged", e);
        }

        throw new InvalidDataException($"{ShownName.Of(entry.Name)} does not unpack to the {entry.Length:N0} bytes that the directory tells");
    }

    private (long Start, long Length, long Count) FindDirectory()
    {
        // The end record is the file's last, but for a comment.
        int tailLength = (int)Math.Min(_bytes.Length, EndBytes + ushort.MaxValue);
        long tailStart = _bytes.Length - tailLength;
        ReadOnlySpan<byte> tail = _bytes.Read(tailStart, tailLength);
        int at = tailLength - EndBytes;
        while (at >= 0 && !(UInt32(tail, at) == EndSignature && at + EndBytes + UInt16(tail, at + 20) == tailLength))
        {
            at--;
        }

        if (at < 0)
        {
            throw new InvalidDataException("it has no zip directory at its end; the file is truncated");
        }

        long count = UInt16(tail, at + 10), length = UInt32(tail, at + 12), start = UInt32(tail, at + 16);
        long end = tailStart + at;
        if (end >= Locator64Bytes && UInt32(_bytes.Read(end - Locator64Bytes, 4), 0) == Locator64Signature)
        {
            long recordStart = Int64(_bytes.Read(end - Locator64Bytes + 8, 8), 0);
            if (recordStart < 0 || recordStart > end - Locator64Bytes - End64Bytes)
            {
                throw new InvalidDataException("its zip directory lies outside of the file");
            }

            byte[] record = _bytes.Read(recordStart, End64Bytes);
            if (UInt32(record, 0) != End64Signature)
            {
                throw new InvalidDataException("its zip directory is not where the file's end tells");
            }

            (count, length, start, end) = (Int64(record, 32), Int64(record, 40), Int64(record, 48), recordStart);
        }

        return start >= 0 && length >= 0 && count >= 0 && start <= end && length <= end - start
            ? (start, length, count)
            : throw new InvalidDataException("its zip directory lies outside of the file");
    }

    private void ReadEntries(long start, long length, long count)
    {
        if (length > MaxDirectoryBytes || count > length / EntryBytes)
        {
            throw new InvalidDataException($"its zip directory claims {count:N0} entries in {length:N0} bytes");
        }

        byte[] directory = _bytes.Read(start, (int)length);
        List<(long Start, long End, string Name)> ranges = [];
        Int128 total = 0;
        int at = 0;
        for (long i = 0; i < count; i++)
        {
            (ZipEntry entry, long localStart) = ReadEntry(directory, ref at, start);
            if (!_entries.TryAdd(entry.Name, entry))
            {
                throw new InvalidDataException($"{ShownName.Of(entry.Name)} occurs twice");
            }

            ranges.Add((localStart, entry.Start + entry.StoredLength, entry.Name));
            total += entry.Length;
        }

        if (total > ((Int128)4 * _bytes.Length) + Allowance || _entries.Values.Any(e => e.Length > _bytes.Length + Allowance))
        {
            throw new InvalidDataException($"its {_bytes.Length:N0} bytes claim to unpack to {total:N0}, more than any checkpoint would");
        }

        ranges.Sort();
        for (int i = 1; i < ranges.Count; i++)
        {
            if (ranges[i].Start < ranges[i - 1].End)
            {
                throw new InvalidDataException($"{ShownName.Of(ranges[i].Name)} overlaps {ShownName.Of(ranges[i - 1].Name)}");
            }
        }
    }

    private (ZipEntry Entry, long LocalStart) ReadEntry(byte[] directory, ref int at, long directoryStart)
    {
        if (directory.Length - at < EntryBytes || UInt32(directory, at) != EntrySignature)
        {
            throw new InvalidDataException("its zip directory is damaged");
        }

        ReadOnlySpan<byte> record = directory.AsSpan(at, EntryBytes);
        int nameLength = UInt16(record, 28), extraLength = UInt16(record, 30), commentLength = UInt16(record, 32);
        if (directory.Length - at - EntryBytes < nameLength + extraLength + commentLength)
        {
            throw new InvalidDataException("its zip directory is damaged");
        }

        ReadOnlySpan<byte> name = directory.AsSpan(at + EntryBytes, nameLength);
        ReadOnlySpan<byte> extra = directory.AsSpan(at + EntryBytes + nameLength, extraLength);
        at += EntryBytes + nameLength + extraLength + commentLength;
        string text = Encoding.UTF8.GetString(name);
        int method = UInt16(record, 10);
        if ((UInt16(record, 8) & Encrypted) != 0 || method is not (0 or 8))
        {
            throw new InvalidDataException($"{ShownName.Of(text)} is encrypted or compressed in a way (method {method}) that PyTorch does not use");
        }

        (long length, long storedLength, long localStart) = Sizes(record, extra);
        long available = directoryStart - LocalBytes - nameLength;
        if (length < 0 || storedLength < 0 || localStart < 0 || localStart > available || (method == 0 && length != storedLength))
        {
            throw new InvalidDataException($"{ShownName.Of(text)} lies outside of the file or has two lengths");
        }

        byte[] local = _bytes.Read(localStart, LocalBytes + nameLength);
        if (UInt32(local, 0) != LocalSignature || UInt16(local, 8) != method || UInt16(local, 26) != nameLength
            || !local.AsSpan(LocalBytes).SequenceEqual(name))
        {
            throw new InvalidDataException($"{ShownName.Of(text)} is not where the zip directory tells");
        }

        long start = localStart + LocalBytes + nameLength + UInt16(local, 28);
        return start <= directoryStart && storedLength <= directoryStart - start
            ? (new ZipEntry(text, start, storedLength, length, UInt32(record, 16), method == 8), localStart)
            : throw new InvalidDataException($"{ShownName.Of(text)} reaches out of the file");
    }

    // Lengths and places of 32 bits, or where they are all ones, those of 64 bits in the extra field 1.
    private static (long Length, long StoredLength, long LocalStart) Sizes(ReadOnlySpan<byte> record, ReadOnlySpan<byte> extra)
    {
        Span<long> values = [UInt32(record, 24), UInt32(record, 20), UInt32(record, 42)];
        while (extra.Length >= 4)
        {
            int size = UInt16(extra, 2);
            if (size > extra.Length - 4)
            {
                break;
            }

            if (UInt16(extra, 0) == 1)
            {
                ReadOnlySpan<byte> wide = extra.Slice(4, size);
                foreach (ref long value in values)
                {
                    if (value == uint.MaxValue && wide.Length >= 8)
                    {
                        value = Int64(wide, 0);
                        wide = wide[8..];
                    }
                }

                break;
            }

            extra = extra[(4 + size)..];
        }

        return (values[0], values[1], values[2]);
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Int64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
