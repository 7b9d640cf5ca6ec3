namespace Engine.Vision;

/// <summary>A kind of image file that is read.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Endings">The endings of its files' names, in small letters.</param>
/// <param name="Matches">Whether a file begins as its files do.</param>
/// <param name="NewDecoder">Makes a decoder for one thread.</param>
internal sealed record ImageFormat(string Name, string[] Endings, Func<ReadOnlySpan<byte>, bool> Matches, Func<ImageDecoder> NewDecoder)
{
    /// <summary>All kinds.</summary>
    public static IReadOnlyList<ImageFormat> All { get; } =
    [
        new("JPEG", [".jpg", ".jpeg"], JpegHeader.Matches, () => new JpegDecoder()),
        new("PNG", [".png"], PngDecoder.Matches, () => new PngDecoder()),
        new("WebP", [".webp"], WebPFile.Matches, () => new WebPDecoder()),
        new("BMP", [".bmp"], BmpHeader.Matches, () => new BmpDecoder()),
        new("GIF", [".gif"], GifDecoder.Matches, () => new GifDecoder()),
        new("TIFF", [".tif", ".tiff"], TiffDecoder.Matches, () => new TiffDecoder()),
        new("PNM", [".ppm", ".pgm", ".pbm"], PnmDecoder.Matches, () => new PnmDecoder()),
    ];

    /// <summary>The names of all, as a message lists them.</summary>
    public static string Names => string.Join(", ", All.SkipLast(1).Select(f => f.Name)) + " or " + All[^1].Name;
}

/// <summary>Decodes one kind of image files; for one thread at a time.</summary>
internal abstract class ImageDecoder : IDisposable
{
    /// <summary>What is wrong with the file that was decoded last though its pixels are whole, as the end of a sentence; null for nothing.</summary>
    public string? Warning { get; protected set; }

    /// <summary>Decodes a file as it is stored, whatever its orientation.</summary>
    /// <param name="file">The whole file, which begins as files of this kind do.</param>
    /// <param name="image">Takes the pixels.</param>
    /// <returns>How the image is to be turned.</returns>
    /// <exception cref="InvalidDataException">The file is damaged, truncated or too large; the message is the end of a sentence.</exception>
    /// <exception cref="EngineException">A library is missing.</exception>
    public abstract Orientation Decode(ReadOnlySpan<byte> file, RgbImage image);

    /// <summary>Frees what is not managed.</summary>
    public virtual void Dispose() { }
}
