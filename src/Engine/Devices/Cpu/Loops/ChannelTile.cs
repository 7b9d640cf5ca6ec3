namespace Engine.Devices.Cpu.Loops;

/// <summary>
/// How channels-last data is cut into vectors, for any number of channels: a few pixels are taken together as one row whose length
/// is a whole number of vectors. Figures per channel, repeated over such a row, then meet the data vector by vector.
/// </summary>
internal readonly struct ChannelTile
{
    // A block's sums are kept in floats: few enough rows that they stay exact to a few units, enough that folding them costs little.
    private const int BlockFloats = 32768;
    private const int FewestRows = 64;
    private const int MostRows = 512;

    // A task of a map that sums nothing.
    private const int MapFloats = 16384;

    // Into how many tasks sums over a large batch are split: enough for many threads, few enough to be joined on one.
    private const int SumTasks = 64;

    // Rows of whole strips of four vectors where they do not get longer than this.
    private const int LongestRow = 2048;

    private ChannelTile(int channels, int length)
    {
        Channels = channels;
        Length = length;
    }

    /// <summary>C.</summary>
    public int Channels { get; }

    /// <summary>Floats in a row: a multiple of C and of the vector width, and at least four vectors.</summary>
    public int Length { get; }

    /// <summary>Pixels in a row.</summary>
    public int PixelsPerRow => Length / Channels;

    /// <summary>Pixels in a block, the unit of sums in floats: a whole number of rows.</summary>
    public int BlockPixels => PixelsPerRow * Math.Clamp(BlockFloats / Length, FewestRows, MostRows);

    /// <summary>Pixels in a task of a map that sums nothing.</summary>
    public int MapPixels => PixelsPerRow * Math.Max(1, MapFloats / Length);

    /// <summary>Pixels in a task that sums over so many: a whole number of blocks. It depends on the shape alone.</summary>
    public int SumPixels(int pixels) =>
        checked(BlockPixels * Math.Max(1, (int)(((long)pixels + ((long)SumTasks * BlockPixels) - 1) / ((long)SumTasks * BlockPixels))));

    /// <summary>The tile for a number of channels and a vector width.</summary>
    public static ChannelTile For(int channels, int width)
    {
        int strips = CommonMultiple(channels, 4 * width);
        if (strips <= LongestRow)
        {
            return new ChannelTile(channels, strips);
        }

        int vectors = CommonMultiple(channels, width);
        return new ChannelTile(channels, vectors * (((4 * width) + vectors - 1) / vectors));
    }

    /// <summary>Repeats the first C floats of a row over the whole row.</summary>
    public unsafe void Repeat(float* row)
    {
        for (int i = Channels; i < Length; i++)
        {
            row[i] = row[i - Channels];
        }
    }

    /// <summary>The sum of a channel's floats in a row.</summary>
    public unsafe double Fold(float* row, int channel)
    {
        double sum = row[channel];
        for (int i = channel + Channels; i < Length; i += Channels)
        {
            sum += row[i];
        }

        return sum;
    }

    private static int CommonMultiple(int channels, int divisor)
    {
        int multiple = channels;
        while (multiple % divisor != 0)
        {
            multiple += channels;
        }

        return multiple;
    }
}
