namespace Engine.Devices.Cpu.Kernels;

/// <summary>
/// How channels-last data is cut into vectors, for any number of channels: a few pixels are taken together as one row whose length
/// is a whole number of vectors. Figures per channel, repeated over such a row, then meet the data vector by vector.
/// </summary>
internal readonly struct ChannelTile
{
    // Floats in a chunk: three quarters of the usual 32 KB of level 1 cache, read twice by the two-pass statistics.
    private const int ChunkFloats = 6144;
    private const int FewestRows = 16;

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

    /// <summary>Pixels in a chunk, the unit of partial sums: a whole number of rows.</summary>
    public int ChunkPixels => PixelsPerRow * Math.Max(FewestRows, ChunkFloats / Length);

    /// <summary>The tile for a number of channels and a vector width.</summary>
    public static ChannelTile For(int channels, int width)
    {
        int common = channels;
        while (common % width != 0)
        {
            common += channels;
        }

        return new ChannelTile(channels, common * ((Math.Max(4 * width, common) + common - 1) / common));
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
        double sum = 0;
        for (int i = channel; i < Length; i += Channels)
        {
            sum += row[i];
        }

        return sum;
    }
}
