namespace Engine.Vision;

/// <summary>One of a JPEG image's components: where its samples lie, and how they are brought to the image's size.</summary>
internal sealed class JpegComponent
{
    private readonly int _across, _down;

    /// <summary>Places a component.</summary>
    /// <param name="id">Its identifier in the file.</param>
    /// <param name="horizontal">Its sampling factor across.</param>
    /// <param name="vertical">Its sampling factor down.</param>
    /// <param name="table">Its quantization table's number.</param>
    /// <param name="size">The image's width and height.</param>
    /// <param name="most">The largest factors of all components.</param>
    public JpegComponent(byte id, int horizontal, int vertical, int table, (int Width, int Height) size, (int Across, int Down) most)
    {
        if (horizontal is < 1 or > 4 || vertical is < 1 or > 4 || most.Across % horizontal != 0 || most.Down % vertical != 0)
        {
            throw new InvalidDataException("its components have sampling factors that are not supported");
        }

        (Id, Horizontal, Vertical, Table) = (id, horizontal, vertical, table);
        (_across, _down) = (most.Across / horizontal, most.Down / vertical);
        (Width, Height) = (Parts(size.Width, _across), Parts(size.Height, _down));
        (BlocksAcross, BlocksDown) = (Parts(size.Width, 8 * most.Across) * horizontal, Parts(size.Height, 8 * most.Down) * vertical);
    }

    public byte Id { get; }

    public int Horizontal { get; }

    public int Vertical { get; }

    public int Table { get; }

    /// <summary>Samples in a row that belong to the image.</summary>
    public int Width { get; }

    /// <summary>Rows that belong to the image.</summary>
    public int Height { get; }

    /// <summary>Blocks in a row, with those that fill up the last unit of the scan.</summary>
    public int BlocksAcross { get; }

    /// <summary>Rows of blocks.</summary>
    public int BlocksDown { get; }

    /// <summary>Bytes from one row of samples to the next.</summary>
    public int Pitch => BlocksAcross * 8;

    /// <summary>Where its samples begin, and sixteen-bit coefficients just as well.</summary>
    public int Start { get; set; }

    /// <summary>How many samples there are.</summary>
    public int Count => BlocksAcross * BlocksDown * 64;

    /// <summary>The steps of quantization, in natural order, as they were when its first scan began.</summary>
    public ushort[]? Steps { get; set; }

    public JpegHuffmanTable? Direct { get; set; }

    public JpegHuffmanTable? Alternating { get; set; }

    /// <summary>The last block's first coefficient.</summary>
    public int Previous { get; set; }

    /// <summary>One row of the image's size, smoothed as in libjpeg-turbo: each sample is three parts of the nearer and one of the next.</summary>
    public void Upsample(ReadOnlySpan<byte> plane, int y, Span<byte> row)
    {
        int from = y / _down;
        ReadOnlySpan<byte> near = Row(plane, from);
        bool isSmooth = Width > 2;
        if (_across == 1 && _down == 1)
        {
            near.CopyTo(row);
        }
        else if (_across == 2 && _down == 1 && isSmooth)
        {
            Across(near, row);
        }
        else if (_across == 2 && _down == 2 && isSmooth)
        {
            Both(near, Row(plane, Neighbor(y, from)), row);
        }
        else if (_across == 1 && _down == 2)
        {
            ReadOnlySpan<byte> far = Row(plane, Neighbor(y, from));
            int bias = 1 + (y & 1);
            for (int x = 0; x < near.Length; x++)
            {
                row[x] = (byte)(((near[x] * 3) + far[x] + bias) >> 2);
            }
        }
        else
        {
            for (int x = 0; x < row.Length; x++)
            {
                row[x] = near[Math.Min(x / _across, near.Length - 1)];
            }
        }
    }

    private ReadOnlySpan<byte> Row(ReadOnlySpan<byte> plane, int y) => plane.Slice(Start + (y * Pitch), Width);

    // The row on the other side of the one that an output row lies in.
    private int Neighbor(int y, int from) => Math.Clamp((y & 1) == 0 ? from - 1 : from + 1, 0, Height - 1);

    private static void Across(ReadOnlySpan<byte> near, Span<byte> row)
    {
        int last = near.Length - 1;
        for (int x = 0; x <= last; x++)
        {
            int three = near[x] * 3;
            row[2 * x] = x == 0 ? near[0] : (byte)((three + near[x - 1] + 1) >> 2);
            row[(2 * x) + 1] = x == last ? near[last] : (byte)((three + near[x + 1] + 2) >> 2);
        }
    }

    private static void Both(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, Span<byte> row)
    {
        int before = (near[0] * 3) + far[0], here = before;
        for (int x = 0; x < near.Length; x++)
        {
            int next = x + 1 < near.Length ? (near[x + 1] * 3) + far[x + 1] : here;
            row[2 * x] = (byte)(((here * 3) + before + 8) >> 4);
            row[(2 * x) + 1] = (byte)(((here * 3) + next + 7) >> 4);
            (before, here) = (here, next);
        }
    }

    private static int Parts(int size, int part) => (size + part - 1) / part;
}
