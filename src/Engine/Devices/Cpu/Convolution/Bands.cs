namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// How the images of a batch are cut into bands: some output rows of one image, or several whole small images. A band's source
/// pixels fit the cache; they are copied once, with zeros around them, and then read by every tap.
/// </summary>
internal readonly struct Bands
{
    /// <summary>Floats in a band's source pixels for the forward: 128 KB, a share of any second-level cache that leaves room for the filter.</summary>
    public const int CorrelationBudget = 32 * 1024;

    /// <summary>Floats in a band's source pixels for the filter's gradient: 64 KB, as much again goes to the output's gradient.</summary>
    public const int FilterBudget = 16 * 1024;

    // The same where the filter is to be read seldom: most of a second-level cache, read in place or copied.
    private const int ImageBudget = 256 * 1024, ImageCopyBudget = 128 * 1024;

    // A band has at least this many output pixels where the batch allows, so that small images do not waste the tiles' last places.
    private const int WantedPixels = 128;

    // Bands are not made smaller than this for the sake of their number.
    private const int FewestPixels = 32;

    /// <param name="work">The correlation.</param>
    /// <param name="sourceBudget">Floats of a band's source pixels.</param>
    /// <param name="least">So many bands are wanted at least, as far as each then has pixels for a few tiles.</param>
    public Bands(in Correlation work, int sourceBudget, int least = 1)
    {
        int channels = work.GroupSourceChannels;
        Columns = work.Columns.SourceExtent(work.Columns.Outputs);
        int pitch = Columns * channels;
        int halo = (work.Rows.Taps - 1) * work.Rows.TapStep;
        int rows = Math.Clamp(((sourceBudget / Math.Max(1, pitch)) - halo) / work.Rows.Step, 1, work.Rows.Outputs);
        int leastRows = (FewestPixels + work.Columns.Outputs - 1) / work.Columns.Outputs;
        rows = Math.Min(rows, Math.Max(leastRows, (int)((long)work.Rows.Outputs * work.Batch / least)));
        PerImage = (work.Rows.Outputs + rows - 1) / rows;
        Rows = (work.Rows.Outputs + PerImage - 1) / PerImage;
        PerImage = (work.Rows.Outputs + Rows - 1) / Rows;
        Images = 1;
        if (PerImage == 1 && work.Batch > least)
        {
            int pixels = work.Rows.Outputs * work.Columns.Outputs;
            int size = work.Rows.SourceExtent(Rows) * pitch;
            Images = Math.Clamp(Math.Min(WantedPixels / Math.Max(1, pixels), sourceBudget / Math.Max(1, size)), 1, work.Batch / least);
        }

        Count = (work.Batch + Images - 1) / Images * PerImage;
    }

    /// <summary>Bands as large as a second-level cache holds, as a rule whole images: for a filter that is larger than one of them.</summary>
    public static Bands OfImages(in Correlation work) => new(work, work.ReadsInPlace ? ImageBudget : ImageCopyBudget);

    /// <summary>Output rows in a band; the last band of an image may have fewer.</summary>
    public int Rows { get; }

    /// <summary>Source columns that a row of outputs reads, those outside the image included.</summary>
    public int Columns { get; }

    /// <summary>Images in a band, more than one only when a band is a whole image; the last band may have fewer.</summary>
    public int Images { get; }

    /// <summary>Bands in an image.</summary>
    public int PerImage { get; }

    /// <summary>Bands in the batch.</summary>
    public int Count { get; }

    /// <summary>The images and the output rows of one band.</summary>
    public (int FirstImage, int ImageCount, int FirstRow, int RowCount) Extent(in Correlation work, int band)
    {
        int image = band / PerImage * Images;
        int row = band % PerImage * Rows;
        return (image, Math.Min(Images, work.Batch - image), row, Math.Min(Rows, work.Rows.Outputs - row));
    }
}
