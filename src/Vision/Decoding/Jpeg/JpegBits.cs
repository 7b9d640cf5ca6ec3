namespace Engine.Vision;

/// <summary>The bits of a scan, most significant first, without the zeros that follow each 0xFF; after a marker or the file's end there are zeros.</summary>
internal ref struct JpegBits(ReadOnlySpan<byte> file, int start)
{
    private readonly ReadOnlySpan<byte> _file = file;
    private ulong _bits;
    private int _count;
    private int _padding;

    /// <summary>Where the next byte is read: at a marker, once one was met.</summary>
    public int At { get; private set; } = start;

    /// <summary>Whether the file ended inside the scan.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>Whether bits were asked for that the scan does not have.</summary>
    public readonly bool IsExhausted => _padding > _count;

    /// <summary>The next sixteen bits, which stay.</summary>
    public int Peek16()
    {
        if (_count < 16)
        {
            Fill();
        }

        return (int)(_bits >> (_count - 16)) & 0xFFFF;
    }

    /// <summary>Passes over bits that were peeked at.</summary>
    public void Skip(int count) => _count -= count;

    /// <summary>Reads up to sixteen bits.</summary>
    public int Read(int count)
    {
        int value = Peek16() >> (16 - count);
        _count -= count;
        return value;
    }

    /// <summary>Reads a value of so many bits, whose first tells the sign (ITU T.81, F.2.2.1, EXTEND).</summary>
    public int ReadSigned(int count)
    {
        int value = Read(count);
        return count > 0 && value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
    }

    /// <summary>Goes on behind the next restart marker; where another marker comes first, the scan has ended.</summary>
    public void Restart()
    {
        (_bits, _count, _padding) = (0, 0, 0);
        while (At + 1 < _file.Length)
        {
            byte marker = _file[At + 1];
            if (_file[At] != 0xFF || marker is 0 or 0xFF)
            {
                At++;
                continue;
            }

            At += marker is >= 0xD0 and <= 0xD7 ? 2 : 0;
            return;
        }
    }

    private void Fill()
    {
        while (_count <= 48)
        {
            int value = Next();
            _padding = value < 0 ? _padding + 8 : 0;
            _bits = (_bits << 8) | (uint)Math.Max(value, 0);
            _count += 8;
        }
    }

    // A byte, or -1 at a marker or the end.
    private int Next()
    {
        while (At < _file.Length)
        {
            byte value = _file[At];
            if (value != 0xFF)
            {
                At++;
                return value;
            }

            // Any number of 0xFF may come before a marker; one with a zero is itself.
            int after = At + 1;
            while (after < _file.Length && _file[after] == 0xFF)
            {
                after++;
            }

            if (after >= _file.Length)
            {
                break;
            }

            if (_file[after] != 0)
            {
                return -1;
            }

            At = after + 1;
            return 0xFF;
        }

        IsTruncated = true;
        return -1;
    }
}
