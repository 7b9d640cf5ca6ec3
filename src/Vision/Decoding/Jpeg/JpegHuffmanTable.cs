namespace Engine.Vision;

/// <summary>One of a JPEG file's Huffman codes (ITU T.81, annex C).</summary>
internal sealed class JpegHuffmanTable
{
    private const int Fast = 9;

    // Of the next nine bits: the symbol, and above it the length of its code; 0 where the code is longer.
    private readonly ushort[] _fast = new ushort[1 << Fast];
    private readonly int[] _end = new int[17];
    private readonly int[] _offset = new int[17];
    private readonly byte[] _symbols;

    /// <summary>Makes the code of how many symbols have each length from 1 to 16, and the symbols in order.</summary>
    /// <exception cref="InvalidDataException">There are more codes than their bits allow.</exception>
    public JpegHuffmanTable(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> symbols)
    {
        _symbols = symbols.ToArray();
        int code = 0, first = 0;
        for (int length = 1; length <= 16; length++)
        {
            int count = counts[length - 1];
            _offset[length] = first - code;
            for (int i = 0; i < count && length <= Fast && code + count <= 1 << length; i++)
            {
                Array.Fill(_fast, (ushort)((length << 8) | _symbols[first + i]), (code + i) << (Fast - length), 1 << (Fast - length));
            }

            first += count;
            code += count;
            if (code > 1 << length)
            {
                throw new InvalidDataException("its Huffman table is damaged");
            }

            // The end of this length's codes, as the upper of sixteen bits.
            _end[length] = code << (16 - length);
            code <<= 1;
        }
    }

    /// <summary>Reads a symbol; 0, as libjpeg has it, where the bits are no code.</summary>
    public int Read(ref JpegBits bits)
    {
        int next = bits.Peek16();
        int fast = _fast[next >> (16 - Fast)];
        if (fast != 0)
        {
            bits.Skip(fast >> 8);
            return fast & 0xFF;
        }

        for (int length = Fast + 1; length <= 16; length++)
        {
            if (next < _end[length])
            {
                bits.Skip(length);
                int at = (next >> (16 - length)) + _offset[length];
                return (uint)at < (uint)_symbols.Length ? _symbols[at] : 0;
            }
        }

        bits.Skip(16);
        return 0;
    }
}
