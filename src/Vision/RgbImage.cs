namespace Engine.Vision;

/// <summary>A decoded image: red, green and blue bytes, row by row. Its memory is reused for the next image, unless that is much smaller.</summary>
public sealed class RgbImage
{
    // Vector loads read a few bytes beyond the last pixel.
    private const int Slack = 64;
    private byte[] _buffer = [];

    /// <summary>Makes an empty image; <see cref="Reserve"/> gives it a size.</summary>
    public RgbImage() { }

    /// <summary>Copies an image's pixels.</summary>
    /// <param name="pixels">[height, width, 3].</param>
    /// <param name="width">Pixels from left to right.</param>
    /// <param name="height">Pixels from top to bottom.</param>
    /// <exception cref="EngineException">The pixels are not as many as the size needs.</exception>
    public RgbImage(ReadOnlySpan<byte> pixels, int width, int height)
    {
        Reserve(width, height);
        if (pixels.Length != Pixels.Length)
        {
            throw new EngineException($"an image of {width}x{height} needs {Pixels.Length:N0} bytes, but {pixels.Length:N0} were given");
        }

        pixels.CopyTo(Pixels);
    }

    /// <summary>Pixels from left to right.</summary>
    public int Width { get; private set; }

    /// <summary>Pixels from top to bottom.</summary>
    public int Height { get; private set; }

    /// <summary>[Height, Width, 3], row by row.</summary>
    public Span<byte> Pixels => _buffer.AsSpan(0, Width * Height * 3);

    /// <summary>The whole image as a region of itself.</summary>
    public Region Whole => new(0, 0, Width, Height);

    /// <summary>The memory behind <see cref="Pixels"/>, which goes on for at least 64 bytes after the last pixel.</summary>
    internal byte[] Buffer => _buffer;

    /// <summary>Makes room for an image; what was in it is lost.</summary>
    /// <param name="width">Pixels from left to right, at least 1.</param>
    /// <param name="height">Pixels from top to bottom, at least 1.</param>
    public void Reserve(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        int bytes = checked((width * height * 3) + Slack);
        (Width, Height) = (0, 0);
        ImageMemory.Ensure(ref _buffer, bytes);
        (Width, Height) = (width, height);
    }
}

/// <summary>A rectangle of pixels.</summary>
/// <param name="Left">The first column.</param>
/// <param name="Top">The first row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct Region(int Left, int Top, int Width, int Height);
