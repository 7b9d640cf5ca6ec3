namespace Engine.Vision;

/// <summary>
/// How much memory decoding one image may take: of what the program may use, the container's limit included, a share for each decoder at work.
/// </summary>
internal static class ImageMemory
{
    private const int MostDecoders = 8;

    // Less than this is kept for the next image, whatever its size.
    private const int Small = 1 << 25;

    /// <summary>The bytes that one image may take while it is decoded.</summary>
    public static long Limit { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (2 * Math.Clamp(Environment.ProcessorCount, 1, MostDecoders));

    /// <summary>
    /// Makes a buffer large enough, unless it is; its content is lost then. One that is much larger is given up: one large image does not hold its memory
    /// for ever.
    /// </summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="needed">The bytes that it has afterwards, at least.</param>
    public static void Ensure(ref byte[] buffer, int needed)
    {
        if (buffer.Length < needed || buffer.Length > Math.Max(Small, 4L * needed))
        {
            // The old memory may go before the new is taken.
            buffer = [];
            buffer = GC.AllocateUninitializedArray<byte>(needed);
        }
    }

    /// <summary>Refuses an image that takes too much by its size.</summary>
    /// <param name="width">Pixels from left to right.</param>
    /// <param name="height">Pixels from top to bottom.</param>
    /// <param name="bytesPerPixel">What decoding takes for each.</param>
    /// <exception cref="InvalidDataException">It takes more than <see cref="Limit"/>.</exception>
    public static void Check(int width, int height, int bytesPerPixel)
    {
        long bytes = (long)width * height * bytesPerPixel;
        if (bytes > Limit)
        {
            Check(bytes, Limit, $"its size of {width}x{height}");
        }
    }

    /// <summary>Refuses an image that takes too much.</summary>
    /// <param name="bytes">What decoding it takes.</param>
    /// <param name="limit">The most that is allowed.</param>
    /// <param name="what">The image in a few words, such as its size.</param>
    /// <exception cref="InvalidDataException">It takes more.</exception>
    public static void Check(long bytes, long limit, string what)
    {
        if (bytes > limit)
        {
            throw new InvalidDataException(
                $"{what} takes {Mebibytes(bytes)} to decode, but of the memory that the program may use only {Mebibytes(limit)} are for one image: make it "
                    + "smaller, or allow more memory");
        }
    }

    private static string Mebibytes(long bytes) => $"{(bytes + (1 << 20) - 1) >> 20:N0} MiB";
}
