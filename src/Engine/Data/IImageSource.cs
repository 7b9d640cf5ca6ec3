namespace Engine.Data;

/// <summary>
/// Labeled images of one size, read one at a time: from memory, or decoded when asked for. A loader may call
/// <see cref="Read"/> and <see cref="Label"/> from several threads at once.
/// </summary>
public interface IImageSource
{
    /// <summary>How many images there are.</summary>
    int Count { get; }

    /// <summary>The height of every image, in pixels.</summary>
    int Height { get; }

    /// <summary>The width of every image, in pixels.</summary>
    int Width { get; }

    /// <summary>The channels of every image: 1 for gray, 3 for red, green and blue.</summary>
    int Channels { get; }

    /// <summary>The classes' names, by label.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether reading an image takes so long (a file is decoded) that a loader shares a batch out among all processors.</summary>
    bool IsDecoded => false;

    /// <summary>The label of one image, from 0 to the number of classes minus 1.</summary>
    int Label(int index);

    /// <summary>What one image is called within the set, wherever the set is stored, such as its file's path below the set's folder; null where images have no names.</summary>
    string? NameOf(int index) => null;

    /// <summary>Writes one image's bytes, channels last: [Height, Width, Channels], row by row.</summary>
    /// <param name="index">Which image, from 0 to <see cref="Count"/> - 1.</param>
    /// <param name="pixels">Room for exactly Height * Width * Channels bytes.</param>
    /// <exception cref="EngineException">The image cannot be read.</exception>
    void Read(int index, Span<byte> pixels);

    /// <summary>
    /// Writes one image as training is to see it: as <see cref="Read"/> does, unless the source takes random crops of its own from
    /// images of many sizes. What a loader's <see cref="Augmentation"/> does comes on top.
    /// </summary>
    /// <param name="index">Which image, from 0 to <see cref="Count"/> - 1.</param>
    /// <param name="random">Decides, and nothing else does.</param>
    /// <param name="pixels">Room for exactly Height * Width * Channels bytes.</param>
    /// <exception cref="EngineException">The image cannot be read.</exception>
    void ReadRandom(int index, RandomSource random, Span<byte> pixels) => Read(index, pixels);

    /// <summary>The same images with labels that refer to other classes, matched by name.</summary>
    /// <param name="classNames">The names that the labels are to refer to, such as those of a network that is measured.</param>
    /// <exception cref="EngineException">An image is of none of these classes; the message names its class.</exception>
    IImageSource WithClasses(IReadOnlyList<string> classNames) => RelabeledSource.Of(this, classNames);
}

/// <summary>What every image source can tell about itself.</summary>
public static class ImageSources
{
    extension(IImageSource source)
    {
        /// <summary>The bytes of one image: Height * Width * Channels.</summary>
        public int ImageBytes => checked(source.Height * source.Width * source.Channels);
    }
}
