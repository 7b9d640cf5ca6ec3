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

    /// <summary>The most bytes that a buffer keeps where some are needed: one large image does not hold its memory for ever.</summary>
    public static long Kept(long needed) => Math.Max(Small, 4 * needed);

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
