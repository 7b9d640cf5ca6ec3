using BitMiracle.LibTiff.Classic;

namespace Engine.Vision;

/// <summary>Decodes the first image of TIFF files, in any compression that LibTiff.NET knows, strips or tiles.</summary>
/// <remarks>
/// As Pillow's convert("RGB"): alpha is dropped, colors that were multiplied with it are divided again; of 16 bits the upper 8 count, as for PNG.
/// Gray, palette and RGB samples are unpacked here; other kinds of color (YCbCr, CMYK, CIE Lab) LibTiff converts.
/// </remarks>
internal sealed class TiffDecoder : ImageDecoder
{
    static TiffDecoder() => TiffErrors.Install();

    /// <summary>Whether a file begins as TIFF files do, those for more than 4 GB included, which are refused by their name.</summary>
    public static bool Matches(ReadOnlySpan<byte> file) =>
        file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8) || file.StartsWith("II+\0"u8) || file.StartsWith("MM\0+"u8);

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        TiffErrors errors = new();
        try
        {
            TiffDirectory.Check(file);
            using Tiff tiff = Tiff.ClientOpen("image", "r", errors, new TiffMemory(file.ToArray()))
                ?? throw new InvalidDataException(errors.Text ?? "it is truncated or damaged");
            TiffLayout layout = TiffLayout.Read(tiff, file.Length);
            if (layout.IsPlain)
            {
                TiffSamples.Read(tiff, layout, image);
            }
            else
            {
                Convert(tiff, layout, image);
            }

            // Codecs go on after an error, with what they have.
            return errors.Text is { } text ? throw new InvalidDataException(text) : layout.Orientation;
        }
        catch (Exception e) when (errors.Text is not null || e is not InvalidDataException)
        {
            // LibTiff has no exceptions of its own: a damaged file ends in an index out of range, a division by zero, and others.
            throw new InvalidDataException(errors.Text ?? "it is truncated or damaged", e);
        }
    }

    private static void Convert(Tiff tiff, TiffLayout layout, RgbImage image)
    {
        TiffRgbaImage converter = TiffRgbaImage.Create(tiff, true, out string problem) ?? throw new InvalidDataException(problem.TrimEnd('.'));

        // As it is stored: it is turned later.
        converter.ReqOrientation = converter.Orientation;
        int[] raster = new int[layout.Width * layout.Height];
        if (!converter.GetRaster(raster, 0, layout.Width, layout.Height))
        {
            throw new InvalidDataException("its pixels are truncated or damaged");
        }

        image.Reserve(layout.Width, layout.Height);
        Span<byte> pixels = image.Pixels;
        for (int i = 0; i < raster.Length; i++)
        {
            (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) = ((byte)raster[i], (byte)(raster[i] >> 8), (byte)(raster[i] >> 16));
        }
    }
}
