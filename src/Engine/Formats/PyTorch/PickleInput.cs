using System.Buffers.Binary;
using System.Text;

namespace Engine.Formats.PyTorch;

/// <summary>Reads a pickle's bytes one after another, through a small buffer, and never more of them than are allowed.</summary>
internal sealed class PickleInput
{
    // The longest line of a text protocol: a name or a number.
    private const int MaxLine = 1 << 16;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly FileBytes _bytes;
    private readonly byte[] _buffer = new byte[1 << 14];
    private readonly long _start;
    private readonly long _limit;
    private long _bufferStart;
    private int _bufferCount;
    private int _next;

    /// <param name="bytes">Where they lie.</param>
    /// <param name="start">The first one.</param>
    /// <param name="maxBytes">How many may be read at most.</param>
    public PickleInput(FileBytes bytes, long start, long maxBytes)
    {
        _bytes = bytes;
        _bufferStart = _start = start;
        _limit = start + Math.Min(maxBytes, bytes.Length - start);
    }

    /// <summary>The place in the file of the byte that comes next.</summary>
    public long Position => _bufferStart + _next;

    /// <summary>How many bytes may still come.</summary>
    public long Remaining => _limit - Position;

    /// <summary>The next byte.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public byte Byte()
    {
        if (_next == _bufferCount)
        {
            Fill();
        }

        return _buffer[_next++];
    }

    /// <summary>The next two bytes, as an unsigned integer.</summary>
    public int UInt16() => Byte() | (Byte() << 8);

    /// <summary>The next four bytes, as a signed integer.</summary>
    public int Int32() => UInt16() | (UInt16() << 16);

    /// <summary>The next eight bytes, as a signed integer.</summary>
    public long Int64() => (uint)Int32() | ((long)Int32() << 32);

    /// <summary>The next eight bytes, as a number, most significant byte first.</summary>
    public double BigEndianDouble() => BinaryPrimitives.ReadDoubleBigEndian(Bytes(8));

    /// <summary>The next bytes.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public byte[] Bytes(long count)
    {
        if ((ulong)count > (ulong)Remaining)
        {
            throw Ended();
        }

        byte[] bytes = new byte[count];
        for (int done = 0; done < bytes.Length;)
        {
            if (_next == _bufferCount)
            {
                Fill();
            }

            int taken = Math.Min(bytes.Length - done, _bufferCount - _next);
            _buffer.AsSpan(_next, taken).CopyTo(bytes.AsSpan(done));
            _next += taken;
            done += taken;
        }

        return bytes;
    }

    /// <summary>The next bytes, as a text in UTF-8.</summary>
    /// <exception cref="InvalidDataException">There are fewer, or they are no such text.</exception>
    public string Text(long count) => Decode(Bytes(count));

    /// <summary>The next bytes, as a text of Python 2, which knew only bytes.</summary>
    public string Python2Text(long count) => Decode2(Bytes(count));

    /// <summary>The bytes up to the next line end, as a text in UTF-8.</summary>
    /// <exception cref="InvalidDataException">None comes soon, or they are no such text.</exception>
    public string Line() => Decode(LineBytes());

    /// <summary>The bytes up to the next line end, each as a character.</summary>
    /// <exception cref="InvalidDataException">None comes soon.</exception>
    public string Latin1Line() => Encoding.Latin1.GetString(LineBytes());

    private byte[] LineBytes()
    {
        List<byte> line = [];
        for (byte next = Byte(); next != '\n'; next = Byte())
        {
            line.Add(line.Count < MaxLine ? next : throw new InvalidDataException($"a line of its pickle has more than {MaxLine:N0} bytes"));
        }

        return [.. line];
    }

    /// <summary>Goes on some bytes further.</summary>
    private void Fill()
    {
        _bufferStart += _bufferCount;
        _next = 0;
        _bufferCount = (int)Math.Min(_buffer.Length, _limit - _bufferStart);
        if (_bufferCount <= 0)
        {
            _bufferCount = 0;
            throw Ended();
        }

        _bytes.Read(_bufferStart, _buffer.AsSpan(0, _bufferCount));
    }

    private static string Decode(byte[] bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return HasSurrogates(bytes)
                ? Encoding.UTF8.GetString(bytes)
                : throw new InvalidDataException("a text of its pickle is not valid UTF-8");
        }
    }

    // Python writes half of a surrogate pair, as it has for a file name's byte that is no UTF-8, as three bytes of its own.
    private static bool HasSurrogates(ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i + 2 < bytes.Length; i++)
        {
            if (bytes[i] == 0xED && bytes[i + 1] is >= 0xA0 and <= 0xBF)
            {
                return true;
            }
        }

        return false;
    }

    private static string Decode2(byte[] bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }

    private InvalidDataException Ended() => new(_limit < _bytes.Length
        ? $"its pickle has more than the {_limit - _start >> 20} MiB that are read"
        : "its pickle ends in the middle; the file is truncated");
}
