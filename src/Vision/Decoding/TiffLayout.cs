using BitMiracle.LibTiff.Classic;

namespace Engine.Vision;

/// <summary>What a TIFF file's tags say of its first image.</summary>
/// <param name="Width">Pixels from left to right.</param>
/// <param name="Height">Pixels from top to bottom.</param>
/// <param name="Bits">Bits of a sample.</param>
/// <param name="Samples">Samples of a pixel, alpha and others included.</param>
/// <param name="Color">What the samples mean.</param>
/// <param name="ArePlanesApart">Whether all reds come first, then all greens, and so on.</param>
/// <param name="IsMultiplied">Whether the colors were multiplied with the fourth sample, alpha.</param>
/// <param name="Orientation">How the image is to be turned.</param>
internal readonly record struct TiffLayout(
    int Width, int Height, int Bits, int Samples, Photometric Color, bool ArePlanesApart, bool IsMultiplied, Orientation Orientation)
{
    // LibTiff's conversion takes four bytes a pixel besides the result, and a strip or tile may be the whole image again, samples of 16 bits.
    private const int BytesPerPixel = 3 + 4 + 8, MostSamples = 16;

    /// <summary>Whether the samples are those of the pixels' colors, or indices of a palette.</summary>
    public bool IsPlain => Color switch
    {
        Photometric.RGB => Bits is 8 or 16 && Samples >= 3,
        Photometric.MINISBLACK or Photometric.MINISWHITE => Bits is 1 or 2 or 4 or 8 or 16,
        Photometric.PALETTE => Bits is 1 or 2 or 4 or 8,
        _ => false,
    };

    /// <summary>Reads the tags.</summary>
    /// <param name="tiff">The file.</param>
    /// <param name="fileBytes">Its length.</param>
    /// <exception cref="InvalidDataException">They are damaged, or the image is too large or of a kind that is not read.</exception>
    public static TiffLayout Read(Tiff tiff, long fileBytes)
    {
        int width = Tag(tiff, TiffTag.IMAGEWIDTH, 0), height = Tag(tiff, TiffTag.IMAGELENGTH, 0);
        ImageReader.CheckSize(width, height);
        int bits = Tag(tiff, TiffTag.BITSPERSAMPLE, 1), samples = Tag(tiff, TiffTag.SAMPLESPERPIXEL, 1);
        SampleFormat format = (SampleFormat)Tag(tiff, TiffTag.SAMPLEFORMAT, (int)SampleFormat.UINT);
        if (format is not (SampleFormat.UINT or SampleFormat.VOID) || bits > 16 || samples is < 1 or > MostSamples)
        {
            string kind = format == SampleFormat.IEEEFP ? "floating-point" : format == SampleFormat.INT ? "signed" : "unsigned";
            throw new InvalidDataException($"it has {samples} {kind} sample(s) of {bits} bits a pixel; expected unsigned ones of 1 to 16 bits");
        }

        CheckCost((Compression)Tag(tiff, TiffTag.COMPRESSION, (int)Compression.NONE), width, height, bits * samples, fileBytes);
        ImageMemory.Check(width, height, BytesPerPixel);
        bool isTiled = tiff.IsTiled();
        long block = isTiled ? tiff.TileSize() : tiff.StripSize();
        long most = 2L * MostSamples * (isTiled ? (long)Tag(tiff, TiffTag.TILEWIDTH, 0) * Tag(tiff, TiffTag.TILELENGTH, 0) : (long)width * height);
        if (block < 1 || block > most)
        {
            throw new InvalidDataException("it is damaged: the size of its strips or tiles is wrong");
        }

        ImageMemory.Check(block, ImageMemory.Limit, "a strip or tile of it");
        CheckParts(tiff, isTiled, fileBytes);
        FieldValue[]? photometric = tiff.GetField(TiffTag.PHOTOMETRIC);
        Photometric color = photometric is null ? samples >= 3 ? Photometric.RGB : Photometric.MINISBLACK : (Photometric)photometric[0].ToInt();
        FieldValue[]? extra = tiff.GetField(TiffTag.EXTRASAMPLES);
        bool isMultiplied = color == Photometric.RGB && samples == 4 && extra is { Length: > 1 } && extra[0].ToInt() >= 1
            && extra[1].ToShortArray() is [(short)ExtraSample.ASSOCALPHA, ..];
        int turn = Tag(tiff, TiffTag.ORIENTATION, 1);
        return new TiffLayout(
            width, height, bits, samples, color, samples > 1 && Tag(tiff, TiffTag.PLANARCONFIG, 1) == (int)PlanarConfig.SEPARATE, isMultiplied,
            turn is >= 1 and <= 8 ? (Orientation)turn : Orientation.Upright);
    }

    // LibTiff takes memory for as many packed bytes as a strip or tile is said to have.
    private static void CheckParts(Tiff tiff, bool isTiled, long fileBytes)
    {
        int count = isTiled ? tiff.NumberOfTiles() : tiff.NumberOfStrips();
        for (int i = 0; i < count; i++)
        {
            long bytes = isTiled ? tiff.RawTileSize(i) : tiff.RawStripSize(i);
            if (bytes > fileBytes)
            {
                throw new InvalidDataException($"it is truncated or damaged: a strip or tile of {bytes:N0} bytes is not in {fileBytes:N0}");
            }
        }
    }

    // How much each way of packing makes of a byte at most. A row of a fax takes a bit at least.
    private static void CheckCost(Compression compression, long width, long height, int bitsPerPixel, long fileBytes)
    {
        bool isFax = compression is Compression.CCITTRLE or Compression.CCITTRLEW or Compression.CCITTFAX3 or Compression.CCITTFAX4;
        int expansion = compression switch
        {
            Compression.NONE => 1,
            Compression.PACKBITS => 64,
            _ => 2048,
        };
        long bytes = ((width * bitsPerPixel) + 7) / 8 * height;
        if (isFax ? height > 8 * fileBytes : bytes > expansion * fileBytes)
        {
            throw new InvalidDataException($"it is truncated or damaged: {fileBytes:N0} bytes cannot hold {width}x{height} pixels");
        }
    }

    private static int Tag(Tiff tiff, TiffTag tag, int missing) => tiff.GetFieldDefaulted(tag) is [FieldValue value, ..] ? value.ToInt() : missing;
}
