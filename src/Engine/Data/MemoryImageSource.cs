namespace Engine.Data;

/// <summary>Images that lie in memory, channels last: a small data set that was read whole, or images that a program makes itself.</summary>
public sealed class MemoryImageSource : IImageSource
{
    private readonly byte[] _pixels;
    private readonly byte[] _labels;

    /// <summary>Takes over pixels and labels; they are not copied.</summary>
    /// <param name="pixels">[N, height, width, channels], row by row.</param>
    /// <param name="labels">[N], each below the number of classes.</param>
    /// <param name="height">Pixels from top to bottom.</param>
    /// <param name="width">Pixels from left to right.</param>
    /// <param name="channels">Bytes a pixel.</param>
    /// <param name="classNames">The classes' names, by label; at most 256.</param>
    /// <exception cref="EngineException">The pixels are not as many as the labels need, or a label names no class.</exception>
    public MemoryImageSource(byte[] pixels, byte[] labels, int height, int width, int channels, IReadOnlyList<string> classNames)
    {
        if (height < 1 || width < 1 || channels < 1)
        {
            throw new EngineException($"an image source needs a height, width and channels of at least 1, but {height}x{width}x{channels} was given");
        }

        long expected = (long)labels.Length * height * width * channels;
        if (pixels.Length != expected)
        {
            throw new EngineException(
                $"{labels.Length:N0} labels need {expected:N0} bytes of {height}x{width}x{channels} images, but {pixels.Length:N0} were given");
        }

        int wrong = labels.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)Math.Clamp(classNames.Count - 1, 0, 255));
        if (wrong >= 0)
        {
            throw new EngineException($"image {wrong:N0} has label {labels[wrong]}; expected 0 to {classNames.Count - 1}");
        }

        _pixels = pixels;
        _labels = labels;
        Height = height;
        Width = width;
        Channels = channels;
        ClassNames = classNames;
    }

    /// <inheritdoc/>
    public int Count => _labels.Length;

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public void Read(int index, Span<byte> pixels)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_labels.Length, nameof(index));
        int bytes = Height * Width * Channels;
        _pixels.AsSpan(index * bytes, bytes).CopyTo(pixels);
    }
}
