namespace Engine.Data;

/// <summary>
/// Another source's images with other channels and another size, for networks that were made for such: gray repeated for each channel,
/// or colors made gray; black around an image that is too small, and the middle of one that is too large.
/// </summary>
public sealed class AdaptedSource : IImageSource
{
    /// <summary>The most values that an adapted image may have: 5,792 x 5,792 pixels of one channel.</summary>
    public const int MostValues = 1 << 25;

    private readonly IImageSource _source;
    private readonly ThreadLocal<byte[]> _buffer;

    /// <summary>Adapts a source.</summary>
    /// <param name="source">The images.</param>
    /// <param name="channels">Bytes a pixel: any number of gray images, 1 or 3 of color ones.</param>
    /// <param name="height">Pixels from top to bottom.</param>
    /// <param name="width">Pixels from left to right.</param>
    /// <exception cref="EngineException">The channels cannot be made of the source's, or a figure is below 1, or the images have more than <see cref="MostValues"/>.</exception>
    public AdaptedSource(IImageSource source, int channels, int height, int width)
    {
        if (channels < 1 || height < 1 || width < 1)
        {
            throw new EngineException($"images need a height, width and channels of at least 1, but {height}x{width}x{channels} was asked for");
        }

        if ((Int128)channels * height * width > MostValues)
        {
            throw new EngineException(
                $"images of {height}x{width}x{channels} were asked for, but an image may have at most {MostValues:N0} values: ask for fewer channels or pixels");
        }

        if (channels != source.Channels && source.Channels != 1 && (source.Channels, channels) != (3, 1))
        {
            throw new EngineException(
                $"images of {source.Channels} channels cannot be made ones of {channels}: gray ones can have any number, color ones 1 or 3");
        }

        (_source, Channels, Height, Width) = (source, channels, height, width);
        _buffer = new ThreadLocal<byte[]>(() => new byte[source.ImageBytes]);
    }

    /// <inheritdoc/>
    public int Count => _source.Count;

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public bool IsDecoded => _source.IsDecoded;

    /// <inheritdoc/>
    public int Label(int index) => _source.Label(index);

    /// <inheritdoc/>
    public string? NameOf(int index) => _source.NameOf(index);

    /// <inheritdoc/>
    public void Read(int index, Span<byte> pixels)
    {
        _source.Read(index, _buffer.Value!);
        Adapt(_buffer.Value!, pixels);
    }

    /// <inheritdoc/>
    public void ReadRandom(int index, RandomSource random, Span<byte> pixels)
    {
        _source.ReadRandom(index, random, _buffer.Value!);
        Adapt(_buffer.Value!, pixels);
    }

    private static int Before(int size, int given) => (int)Math.Floor((size - given) / 2.0);

    private void Adapt(byte[] from, Span<byte> pixels)
    {
        pixels.Clear();

        // Where the difference is odd, the row or column more is below or on the right.
        int top = Before(Height, _source.Height), left = Before(Width, _source.Width);
        for (int y = Math.Max(0, top); y < Math.Min(Height, top + _source.Height); y++)
        {
            for (int x = Math.Max(0, left); x < Math.Min(Width, left + _source.Width); x++)
            {
                ReadOnlySpan<byte> pixel = from.AsSpan((((y - top) * _source.Width) + x - left) * _source.Channels, _source.Channels);
                Put(pixel, pixels.Slice(((y * Width) + x) * Channels, Channels));
            }
        }
    }

    // Gray is the luma of ITU-R 601, in Pillow's fixed point.
    private static void Put(ReadOnlySpan<byte> from, Span<byte> to)
    {
        if (from.Length == to.Length)
        {
            from.CopyTo(to);
        }
        else
        {
            to.Fill(from.Length == 1 ? from[0] : (byte)(((from[0] * 19595) + (from[1] * 38470) + (from[2] * 7471) + 0x8000) >> 16));
        }
    }
}
