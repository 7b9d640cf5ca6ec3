namespace Engine.Vision;

/// <summary>Reads image files as crops of one size, for evaluation or at random for training; for one thread at a time.</summary>
public sealed class ImageLoader : IDisposable
{
    private readonly ImageReader _reader = new();
    private readonly Resizer _resizer = new();
    private readonly ImageOptions _options;

    /// <summary>Makes a loader.</summary>
    /// <param name="options">Sizes and random changes.</param>
    /// <exception cref="EngineException">A size is out of range.</exception>
    public ImageLoader(ImageOptions options)
    {
        options.Check();
        _options = options;
    }

    /// <summary>What is wrong with the file that was read last though its image is whole, in a line that names it; null for nothing.</summary>
    public string? Warning => _reader.Warning;

    /// <summary>torchvision's evaluation: the shorter side resized, the middle cropped.</summary>
    /// <param name="path">An image file.</param>
    /// <param name="pixels">Takes the crop: [ImageSize, ImageSize, 3].</param>
    /// <exception cref="EngineException">The file cannot be read.</exception>
    public void ReadCenter(string path, Span<byte> pixels) => Center(_reader.Read(path), pixels);

    /// <summary>A random crop, with its colors changed at random; it is not mirrored.</summary>
    /// <param name="path">An image file.</param>
    /// <param name="random">Decides, and nothing else does.</param>
    /// <param name="pixels">Takes the crop: [ImageSize, ImageSize, 3].</param>
    /// <exception cref="EngineException">The file cannot be read.</exception>
    public void ReadRandom(string path, RandomSource random, Span<byte> pixels)
    {
        RgbImage image = _reader.Read(path);
        int size = _options.ImageSize;
        switch (_options.Crop)
        {
            case RandomCrop.ResizedCrop:
                Region crop = ImageGeometry.RandomResizedCrop(image.Width, image.Height, random);
                _resizer.Resize(image, crop, size, size, new Region(0, 0, size, size), pixels, _options.Filter);
                break;
            case RandomCrop.ScaleJitter:
                int side = _options.JitterFrom + random.NextInt(_options.JitterTo - _options.JitterFrom + 1);
                (int width, int height) = ImageGeometry.ShorterSide(image.Width, image.Height, side);
                _resizer.Resize(image, image.Whole, width, height, ImageGeometry.AnyCrop(width, height, size, random), pixels, _options.Filter);
                break;
            default:
                Center(image, pixels);
                break;
        }

        ColorAugmentation.Apply(_options.Color, pixels, random);
    }

    /// <summary>torchvision's TenCrop without the mirror images: the shorter side resized, then four corners and the middle.</summary>
    /// <param name="path">An image file.</param>
    /// <param name="pixels">Takes the crops: [5, ImageSize, ImageSize, 3].</param>
    /// <exception cref="EngineException">The file cannot be read.</exception>
    public void ReadFiveCrops(string path, Span<byte> pixels)
    {
        RgbImage image = _reader.Read(path);
        (int width, int height) = ImageGeometry.ShorterSide(image.Width, image.Height, _options.Resize);
        int bytes = _options.ImageSize * _options.ImageSize * 3;
        foreach (Region crop in ImageGeometry.FiveCrops(width, height, _options.ImageSize))
        {
            _resizer.Resize(image, image.Whole, width, height, crop, pixels[..bytes], _options.Filter);
            pixels = pixels[bytes..];
        }
    }

    /// <summary>The whole image at several sizes.</summary>
    /// <param name="path">An image file.</param>
    /// <param name="sides">What the shorter side becomes in each.</param>
    /// <returns>An image for each side.</returns>
    /// <exception cref="EngineException">The file cannot be read, or a resized image is too large.</exception>
    public RgbImage[] ReadScales(string path, IReadOnlyList<int> sides)
    {
        RgbImage image = _reader.Read(path);
        return [.. sides.Select(side =>
        {
            (int width, int height) = ImageGeometry.ShorterSide(image.Width, image.Height, side);
            if ((long)width * height > ImageReader.MaximumPixels)
            {
                throw new EngineException(
                    $"the image '{Formats.ShownName.Of(RawNames.Shown(path))}' is too narrow to be resized: {image.Width}x{image.Height} would become "
                        + $"{width}x{height}");
            }

            RgbImage scaled = new();
            scaled.Reserve(width, height);
            _resizer.Resize(image, image.Whole, width, height, scaled.Whole, scaled.Pixels, _options.Filter);
            return scaled;
        })];
    }

    /// <summary>Frees the native decoder.</summary>
    public void Dispose() => _reader.Dispose();

    private void Center(RgbImage image, Span<byte> pixels)
    {
        int size = _options.ImageSize;
        (int width, int height) = ImageGeometry.ShorterSide(image.Width, image.Height, _options.Resize);
        _resizer.Resize(image, image.Whole, width, height, ImageGeometry.Center(width, height, size), pixels, _options.Filter);
    }
}
