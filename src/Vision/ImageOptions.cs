namespace Engine.Vision;

/// <summary>How a training image is cropped at random.</summary>
public enum RandomCrop
{
    /// <summary>Not at all: the middle, as in evaluation.</summary>
    None,

    /// <summary>torchvision's RandomResizedCrop.</summary>
    ResizedCrop,

    /// <summary>The paper's: the shorter side becomes a size drawn from 256 to 480 (at 224 pixels; in proportion at others), then a crop anywhere.</summary>
    ScaleJitter,
}

/// <summary>How image files become images of one size. The defaults are torchvision's for networks of 224 pixels.</summary>
public sealed record ImageOptions
{
    /// <summary>The height and width of the crops.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>What the shorter side becomes before the middle is cropped; at least <see cref="ImageSize"/>.</summary>
    public int Resize { get; init; } = 256;

    /// <summary>How training images are cropped.</summary>
    public RandomCrop Crop { get; init; } = RandomCrop.ResizedCrop;

    /// <summary>What is done to training images' colors.</summary>
    public ColorChange Color { get; init; }

    /// <summary>How pixels are weighed.</summary>
    public ResizeFilter Filter { get; init; }

    /// <summary>The smallest shorter side that <see cref="RandomCrop.ScaleJitter"/> draws: 256 at 224 pixels.</summary>
    public int JitterFrom => ImageSize * 256 / 224;

    /// <summary>The largest shorter side that <see cref="RandomCrop.ScaleJitter"/> draws: 480 at 224 pixels.</summary>
    public int JitterTo => ImageSize * 480 / 224;

    /// <summary>
    /// What suits a network made for images of some size: at 224 pixels torchvision's (shorter side 256), in proportion at other sizes;
    /// small images of up to 64 pixels, which are cropped from images hardly larger, are only resized, and cropped after padding.
    /// </summary>
    public static ImageOptions For(int imageSize) => imageSize <= 64
        ? new ImageOptions { ImageSize = imageSize, Resize = imageSize, Crop = RandomCrop.None }
        : new ImageOptions { ImageSize = imageSize, Resize = imageSize * 256 / 224 };

    /// <summary>Checks the sizes.</summary>
    /// <exception cref="EngineException">One is out of range.</exception>
    public void Check()
    {
        if (ImageSize is < 1 or > 4096)
        {
            throw new EngineException($"image size is {ImageSize}, but must be from 1 to 4,096 pixels");
        }

        if (Resize < ImageSize || Resize > 8192)
        {
            throw new EngineException($"resize is {Resize}, but must be from the image size {ImageSize} to 8,192 pixels");
        }
    }
}
