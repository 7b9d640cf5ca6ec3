namespace Engine.Vision;

/// <summary>
/// Where torchvision's transforms put their sizes and crops: Resize, CenterCrop, RandomResizedCrop, TenCrop, and the paper's crop from
/// a shorter side drawn at random. Sizes are in pixels.
/// </summary>
public static class ImageGeometry
{
    /// <summary>The size of an image whose shorter side becomes a given one, the other rounded down: torchvision's Resize(side).</summary>
    public static (int Width, int Height) ShorterSide(int width, int height, int side) => width <= height
        ? (side, Math.Max(side, (int)((long)side * height / width)))
        : (Math.Max(side, (int)((long)side * width / height)), side);

    /// <summary>The middle of an image: torchvision's CenterCrop, which rounds halves to even.</summary>
    public static Region Center(int width, int height, int size) =>
        new((int)Math.Round((width - size) / 2.0), (int)Math.Round((height - size) / 2.0), size, size);

    /// <summary>The four corners and the middle, in torchvision's order: top left, top right, bottom left, bottom right, center.</summary>
    public static IReadOnlyList<Region> FiveCrops(int width, int height, int size) =>
    [
        new(0, 0, size, size), new(width - size, 0, size, size),
        new(0, height - size, size, size), new(width - size, height - size, size, size),
        Center(width, height, size),
    ];

    /// <summary>A crop of a given size anywhere in an image, all places equally likely.</summary>
    public static Region AnyCrop(int width, int height, int size, RandomSource random)
    {
        int top = random.NextInt(height - size + 1);
        return new Region(random.NextInt(width - size + 1), top, size, size);
    }

    /// <summary>
    /// torchvision's RandomResizedCrop (the "inception" crop): of 8 % to 100 % of the area, width to height from 3/4 to 4/3, its logarithm
    /// uniform; after ten misses the middle of the image, as large as those ratios allow.
    /// </summary>
    public static Region RandomResizedCrop(int width, int height, RandomSource random)
    {
        const double smallest = 0.08, narrowest = 3.0 / 4, widest = 4.0 / 3;
        double area = (double)width * height;
        for (int attempt = 0; attempt < 10; attempt++)
        {
            double target = area * (smallest + ((1 - smallest) * random.NextDouble()));
            double ratio = Math.Exp(Math.Log(narrowest) + ((Math.Log(widest) - Math.Log(narrowest)) * random.NextDouble()));
            int w = (int)Math.Round(Math.Sqrt(target * ratio));
            int h = (int)Math.Round(Math.Sqrt(target / ratio));
            if (w > 0 && w <= width && h > 0 && h <= height)
            {
                int top = random.NextInt(height - h + 1);
                return new Region(random.NextInt(width - w + 1), top, w, h);
            }
        }

        double shape = (double)width / height;
        (int cropWidth, int cropHeight) = shape < narrowest ? (width, (int)Math.Round(width / narrowest))
            : shape > widest ? ((int)Math.Round(height * widest), height)
            : (width, height);
        return new Region((width - cropWidth) / 2, (height - cropHeight) / 2, cropWidth, cropHeight);
    }
}
