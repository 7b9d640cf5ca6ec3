using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>
/// Decodes baseline and progressive JPEG files (ITU T.81) without a native library, in libjpeg-turbo's integers: what it decodes whole has the pixels of
/// <see cref="JpegDecoder"/> with TurboJPEG. Memory is kept from one image to the next; for one thread at a time.
/// </summary>
internal sealed class ManagedJpeg
{
    // The blocks that a unit of a scan of several components may have (B.2.3).
    private const int MostBlocks = 10;

    private readonly ushort[]?[] _steps = new ushort[4][];
    private readonly JpegHuffmanTable?[] _direct = new JpegHuffmanTable[4], _alternating = new JpegHuffmanTable[4];
    private JpegComponent[] _components = [];
    private byte[] _samples = [], _coefficients = [], _rows = [];
    private (int Across, int Down) _most;
    private int _restartInterval, _adobeTransform;
    private bool _isJfif, _isProgressive, _isTruncated;

    /// <summary>Decodes a file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="header">What was found in it.</param>
    /// <param name="target">Takes red, green and blue, or of four components the inks.</param>
    /// <exception cref="InvalidDataException">It is damaged or truncated, or coded in another way.</exception>
    public void Decode(ReadOnlySpan<byte> file, JpegHeader header, Span<byte> target)
    {
        Array.Clear(_steps);
        Array.Clear(_direct);
        Array.Clear(_alternating);
        (_components, _restartInterval, _adobeTransform, _isJfif, _isTruncated) = ([], 0, -1, false, false);
        _isProgressive = header.Marker == 0xC2;
        int at = 2;
        bool hasScan = false;
        while (Next(file, ref at) is var marker and not 0xD9)
        {
            if (marker is 0x01 or (>= 0xD0 and <= 0xD8))
            {
                continue;
            }

            int length = at + 2 <= file.Length ? BinaryPrimitives.ReadUInt16BigEndian(file[at..]) : 0;
            if (length < 2 || at + length > file.Length)
            {
                throw new InvalidDataException("it is truncated or damaged between its scans");
            }

            ReadOnlySpan<byte> segment = file[(at + 2)..(at + length)];
            at += length;
            switch (marker)
            {
                case 0xC4: ReadHuffmanTables(segment); break;
                case 0xDB: ReadQuantization(segment); break;
                case 0xDD: _restartInterval = segment.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(segment) : throw Damaged("restart interval"); break;
                case 0xE0: _isJfif |= segment.StartsWith("JFIF\0"u8); break;
                case 0xEE when segment.StartsWith("Adobe"u8) && segment.Length >= 12: _adobeTransform = segment[11]; break;
                case 0xDA:
                    at = ReadScan(file, segment, at);
                    hasScan = true;
                    break;
                case >= 0xC0 and <= 0xCF and not 0xC8 and not 0xCC: ReadFrame(segment, header, marker); break;
            }
        }

        if (_isTruncated || !hasScan)
        {
            throw new InvalidDataException(_isTruncated ? "it is truncated (Premature end of JPEG file)" : "it has no scan");
        }

        if (_isProgressive)
        {
            TransformAll();
        }

        Convert(header, target);
    }

    // The next marker, behind it; the end of the image where the file ends.
    private byte Next(ReadOnlySpan<byte> file, ref int at)
    {
        for (; at + 1 < file.Length; at++)
        {
            if (file[at] == 0xFF && file[at + 1] is not (0 or 0xFF))
            {
                at += 2;
                return file[at - 1];
            }
        }

        _isTruncated = true;
        return 0xD9;
    }

    private void ReadFrame(ReadOnlySpan<byte> segment, JpegHeader header, byte marker)
    {
        if (marker is not (0xC0 or 0xC1 or 0xC2))
        {
            throw new InvalidDataException(
                marker is 0xC9 or 0xCA ? "it is coded arithmetically, which needs the library TurboJPEG"
                    : $"its coding (SOF type 0x{marker:x2}) is not supported");
        }

        if (_components.Length > 0 || segment.Length < 6 + (3 * header.Components))
        {
            throw Damaged("frame header");
        }

        _most = (1, 1);
        for (int i = 0; i < header.Components; i++)
        {
            int factors = segment[7 + (3 * i)];
            _most = (Math.Max(_most.Across, factors >> 4), Math.Max(_most.Down, factors & 15));
        }

        JpegComponent[] components = new JpegComponent[header.Components];
        int samples = 0;
        for (int i = 0; i < components.Length; i++)
        {
            ReadOnlySpan<byte> part = segment.Slice(6 + (3 * i), 3);
            components[i] = new JpegComponent(part[0], part[1] >> 4, part[1] & 15, part[2], (header.Width, header.Height), _most) { Start = samples };
            samples = checked(samples + components[i].Count);
        }

        _components = components;
        ImageMemory.Ensure(ref _samples, samples);

        // What no scan brings is gray.
        _samples.AsSpan(0, samples).Fill(128);
        if (_isProgressive)
        {
            ImageMemory.Ensure(ref _coefficients, checked(2 * samples));
            _coefficients.AsSpan(0, 2 * samples).Clear();
        }
    }

    private void ReadQuantization(ReadOnlySpan<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            int bytes = segment[0] >> 4 == 0 ? 1 : 2, number = segment[0] & 15;
            if (number > 3 || segment.Length < 1 + (64 * bytes))
            {
                throw Damaged("quantization table");
            }

            ushort[] steps = new ushort[64];
            for (int k = 0; k < 64; k++)
            {
                steps[JpegScan.Zigzag[k]] = bytes == 1 ? segment[1 + k] : BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + (2 * k))..]);
            }

            _steps[number] = steps;
            segment = segment[(1 + (64 * bytes))..];
        }
    }

    private void ReadHuffmanTables(ReadOnlySpan<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            int kind = segment[0] >> 4, number = segment[0] & 15, count = 0;
            for (int i = 1; i <= 16 && i < segment.Length; i++)
            {
                count += segment[i];
            }

            if (kind > 1 || number > 3 || count > 256 || segment.Length < 17 + count)
            {
                throw Damaged("Huffman table");
            }

            (kind == 0 ? _direct : _alternating)[number] = new JpegHuffmanTable(segment[1..17], segment[17..(17 + count)]);
            segment = segment[(17 + count)..];
        }
    }

    // Returns where the scan ends.
    private int ReadScan(ReadOnlySpan<byte> file, ReadOnlySpan<byte> segment, int start)
    {
        int count = segment.IsEmpty ? 0 : segment[0];
        if (_components.Length == 0 || count is < 1 or > 4 || segment.Length < 4 + (2 * count))
        {
            throw Damaged("scan header");
        }

        ReadOnlySpan<byte> tail = segment[(1 + (2 * count))..];
        JpegScan scan = new(new JpegComponent[count], tail[0], tail[1], tail[2] >> 4, tail[2] & 15);
        if (_isProgressive && (scan.First == 0 ? scan.Last != 0 : count > 1 || scan.Last < scan.First || scan.Last > 63)
            || _isProgressive && (scan.Low > 13 || (scan.High != 0 && scan.Low != scan.High - 1)))
        {
            throw Damaged("progression");
        }

        int blocks = 0;
        for (int i = 0; i < count; i++)
        {
            byte id = segment[1 + (2 * i)], tables = segment[2 + (2 * i)];
            JpegComponent component = Array.Find(_components, c => c.Id == id && Array.IndexOf(scan.Components, c) < 0) ?? throw Damaged("scan header");
            scan.Components[i] = component;
            component.Steps ??= (component.Table < 4 ? _steps[component.Table] : null) ?? throw Undefined("quantization", component.Table);
            component.Direct = Table(_direct, tables >> 4);
            component.Alternating = Table(_alternating, tables & 15);
            bool needsDirect = !_isProgressive || (scan.First == 0 && scan.High == 0), needsAlternating = !_isProgressive || scan.First > 0;
            if ((needsDirect && component.Direct is null) || (needsAlternating && component.Alternating is null))
            {
                throw Undefined("Huffman", needsDirect && component.Direct is null ? tables >> 4 : tables & 15);
            }

            blocks += component.Horizontal * component.Vertical;
        }

        if (count > 1 && blocks > MostBlocks)
        {
            throw Damaged("sampling");
        }

        return ReadBlocks(file, scan, start);
    }

    private int ReadBlocks(ReadOnlySpan<byte> file, JpegScan scan, int start)
    {
        JpegComponent first = scan.Components[0];
        bool isAlone = scan.Components.Length == 1;
        int across = isAlone ? (first.Width + 7) / 8 : first.BlocksAcross / first.Horizontal;
        int down = isAlone ? (first.Height + 7) / 8 : first.BlocksDown / first.Vertical;
        JpegBits bits = new(file, start);
        Span<short> block = stackalloc short[64];
        int run = 0, left = _restartInterval;
        Array.ForEach(scan.Components, c => c.Previous = 0);
        for (int unit = 0; unit < across * down; unit++)
        {
            if (_restartInterval > 0 && left-- == 0)
            {
                bits.Restart();
                (run, left) = (0, _restartInterval - 1);
                Array.ForEach(scan.Components, c => c.Previous = 0);
            }

            if (bits.IsExhausted)
            {
                // What is missing stays as it is until the next restart.
                if (_restartInterval == 0)
                {
                    break;
                }

                continue;
            }

            (int row, int column) = Math.DivRem(unit, across);
            foreach (JpegComponent component in scan.Components)
            {
                (int wide, int high) = isAlone ? (1, 1) : (component.Horizontal, component.Vertical);
                for (int y = row * high; y < (row + 1) * high; y++)
                {
                    for (int x = column * wide; x < (column + 1) * wide; x++)
                    {
                        if (_isProgressive)
                        {
                            scan.ReadPart(ref bits, component, ref run, Coefficients(component, x, y));
                            continue;
                        }

                        block.Clear();
                        JpegScan.ReadWhole(ref bits, component, block);
                        Transform(component, x, y, block);
                    }
                }
            }
        }

        _isTruncated |= bits.IsTruncated;
        return bits.At;
    }

    private void TransformAll()
    {
        foreach (JpegComponent component in _components)
        {
            for (int y = 0; component.Steps is not null && y < component.BlocksDown; y++)
            {
                for (int x = 0; x < component.BlocksAcross; x++)
                {
                    Transform(component, x, y, Coefficients(component, x, y));
                }
            }
        }
    }

    private Span<short> Coefficients(JpegComponent component, int x, int y) => MemoryMarshal.Cast<byte, short>(_coefficients.AsSpan())
        .Slice(component.Start + (((y * component.BlocksAcross) + x) * 64), 64);

    private void Transform(JpegComponent component, int x, int y, ReadOnlySpan<short> block) => JpegTransform.Inverse(
        block, component.Steps, _samples.AsSpan(component.Start + (y * 8 * component.Pitch) + (x * 8)), component.Pitch);

    // Samples to red, green and blue, or to inks: Adobe's marker says how they are stored, else JFIF's, else the components' identifiers.
    private void Convert(JpegHeader header, Span<byte> target)
    {
        int width = header.Width, count = _components.Length;
        bool isLuma = count == 4 ? _adobeTransform is not (-1 or 0)
            : count == 3 && (_isJfif || (_adobeTransform >= 0 ? _adobeTransform != 0 : _components is not [{ Id: 82 }, { Id: 71 }, { Id: 66 }]));

        // Upsampling writes two at a time.
        int pitch = width + 4;
        ImageMemory.Ensure(ref _rows, checked(pitch * count));
        int bytes = count == 4 ? 4 : 3;
        for (int y = 0; y < header.Height; y++)
        {
            for (int i = 0; i < count; i++)
            {
                _components[i].Upsample(_samples, y, _rows.AsSpan(i * pitch, pitch));
            }

            Span<byte> to = target.Slice(y * width * bytes, width * bytes);
            ReadOnlySpan<byte> a = _rows.AsSpan(0, width), b = _rows.AsSpan(count > 1 ? pitch : 0, width), c = _rows.AsSpan(count > 1 ? 2 * pitch : 0, width);
            for (int x = 0, p = 0; x < width; x++, p += bytes)
            {
                (to[p], to[p + 1], to[p + 2]) = isLuma ? JpegColor.ToRgb(a[x], b[x], c[x], isInverted: count == 4) : (a[x], b[x], c[x]);
                if (count == 4)
                {
                    to[p + 3] = _rows[(3 * pitch) + x];
                }
            }
        }
    }

    private static JpegHuffmanTable? Table(JpegHuffmanTable?[] tables, int number) => number < tables.Length ? tables[number] : null;

    private static InvalidDataException Damaged(string what) => new($"its {what} is damaged");

    private static InvalidDataException Undefined(string what, int number) => new($"its {what} table {number} is not defined");
}
