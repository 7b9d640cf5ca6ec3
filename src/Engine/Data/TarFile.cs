using System.Text;

namespace Engine.Data;

/// <summary>
/// Reads a tar archive from front to back, as much of it as data sets need: the files' names, lengths and content. .NET's own reader takes extended
/// headers of any length into memory, and throws what it likes at sparse files and at lengths that overflow; here nothing is read whole but headers
/// of a few kilobytes, and all that is unpacked is counted.
/// </summary>
/// <param name="stream">The archive, unpacked.</param>
/// <param name="most">The most bytes that are read of it, headers and what is skipped included.</param>
internal sealed class TarFile(Stream stream, long most)
{
    private const int BlockBytes = 512;

    // Of a name, or of PAX attributes, of which a name and a length are taken; the official archives have none.
    private const int MostHeaderBytes = 1 << 16;
    private readonly byte[] _block = new byte[BlockBytes];
    private long _read;
    private long _left;
    private int _padding;

    /// <summary>The name of the file that was come to, with its folders.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The length of its content.</summary>
    public long Length { get; private set; }

    /// <summary>Its content, to be read before the next file is come to.</summary>
    public Stream Content => new ContentStream(this);

    /// <summary>Goes on to the next regular file.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">The archive is damaged, truncated, or larger than it may be.</exception>
    public bool Next()
    {
        string? longName = null;
        long? longLength = null;
        while (true)
        {
            Skip(_left + _padding);
            (_left, _padding) = (0, 0);
            if (!ReadBlock() || _block.AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                return false;
            }

            CheckSum();
            byte type = _block[156];
            long length = longLength ?? Number(_block.AsSpan(124, 12), "length");
            if (length > most)
            {
                throw new InvalidDataException($"'{Formats.ShownName.Of(longName ?? OwnName())}' has {length:N0} bytes, but all of it may unpack to no more than {most:N0}");
            }

            (Name, Length, longLength) = (longName ?? OwnName(), length, null);
            (_left, _padding) = (length, (int)((BlockBytes - (length % BlockBytes)) % BlockBytes));
            switch (type)
            {
                case 0 or (byte)'0' or (byte)'7':
                    return true;
                case (byte)'L':
                    longName = Text(ReadHeader());
                    break;
                case (byte)'x':
                    (longName, longLength) = Attributes(ReadHeader(), longName);
                    break;
                case (byte)'S':
                    throw new InvalidDataException($"'{Formats.ShownName.Of(Name)}' is stored with holes (a sparse file), which is not supported");
                default:
                    // Folders, links and attributes of the whole archive: what they hold is passed over.
                    longName = type is (byte)'g' or (byte)'K' ? longName : null;
                    break;
            }
        }
    }

    private static InvalidDataException Damaged(string what) => new($"its {what} is damaged");

    // Octal digits, or, where the first bit is set, a number in base 256 (GNU's).
    private static long Number(ReadOnlySpan<byte> field, string what)
    {
        long value = 0;
        if ((field[0] & 0x80) != 0)
        {
            if ((field[0] & 0x7F) != 0)
            {
                throw Damaged(what);
            }

            foreach (byte b in field[1..])
            {
                value = value <= long.MaxValue >> 8 ? (value << 8) | b : throw Damaged(what);
            }

            return value;
        }

        field = field.TrimStart((byte)' ');
        int end = field.IndexOfAny((byte)' ', (byte)0);
        foreach (byte b in end < 0 ? field : field[..end])
        {
            value = b is >= (byte)'0' and <= (byte)'7' ? (value * 8) + (b - '0') : throw Damaged(what);
        }

        return value;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes[..(bytes.IndexOf((byte)0) is >= 0 and int end ? end : bytes.Length)]);

    // Lines of "LENGTH KEY=VALUE\n", the length that of the whole line.
    private static (string? Name, long? Length) Attributes(ReadOnlySpan<byte> lines, string? name)
    {
        long? length = null;
        while (!lines.IsEmpty)
        {
            int blank = lines.IndexOf((byte)' ');
            if (blank < 1 || !int.TryParse(lines[..blank], out int count) || count <= blank + 1 || count > lines.Length)
            {
                throw Damaged("extended header");
            }

            ReadOnlySpan<byte> line = lines[(blank + 1)..(count - 1)];
            lines = lines[count..];
            if (line.StartsWith("path="u8))
            {
                name = Encoding.UTF8.GetString(line[5..]);
            }
            else if (line.StartsWith("size="u8))
            {
                length = long.TryParse(line[5..], System.Globalization.NumberStyles.None, null, out long size) ? size : throw Damaged("extended header");
            }
            else if (line.StartsWith("GNU.sparse."u8))
            {
                throw new InvalidDataException("a file is stored with holes (a sparse file), which is not supported");
            }
        }

        return (name, length);
    }

    private string OwnName()
    {
        string name = Text(_block.AsSpan(0, 100));
        bool isUstar = _block.AsSpan(257, 6).SequenceEqual("ustar\0"u8);
        return isUstar && _block[345] != 0 ? Text(_block.AsSpan(345, 155)) + "/" + name : name;
    }

    private void CheckSum()
    {
        long stated = Number(_block.AsSpan(148, 8), "header");
        long sum = 8 * ' ';
        for (int i = 0; i < BlockBytes; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : _block[i];
        }

        if (sum != stated)
        {
            throw Damaged("header");
        }
    }

    private byte[] ReadHeader()
    {
        if (_left > MostHeaderBytes)
        {
            throw new InvalidDataException($"an extended header has {_left:N0} bytes, but at most {MostHeaderBytes:N0} are read");
        }

        byte[] header = new byte[_left];
        Content.ReadExactly(header);
        return header;
    }

    // False at the very end.
    private bool ReadBlock()
    {
        int count = Read(_block);
        return count == BlockBytes || (count == 0 ? false : throw new EndOfStreamException("it ends within a header"));
    }

    private int Read(Span<byte> bytes)
    {
        int count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        _read += count;
        return _read <= most ? count : throw new InvalidDataException($"it unpacks to more than {most:N0} bytes");
    }

    private void Skip(long count)
    {
        if (count > most - _read)
        {
            throw new InvalidDataException($"it unpacks to more than {most:N0} bytes");
        }

        byte[] buffer = new byte[(int)Math.Min(count, 1 << 16)];
        for (; count > 0;)
        {
            int part = (int)Math.Min(count, buffer.Length);
            if (Read(buffer.AsSpan(0, part)) < part)
            {
                throw new EndOfStreamException("it ends within a file");
            }

            count -= part;
        }
    }

    private sealed class ContentStream(TarFile archive) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            int part = (int)Math.Min(buffer.Length, archive._left);
            if (part == 0)
            {
                return 0;
            }

            int count = archive.Read(buffer[..part]);
            archive._left -= count;
            return count == part ? count : throw new EndOfStreamException("it ends within a file");
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
