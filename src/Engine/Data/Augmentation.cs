namespace Engine.Data;

/// <summary>
/// Random changes to training images, as the paper makes them: the image is padded with zeros on all sides, and a crop of
/// its own size, or the crop's mirror image, is taken at random.
/// </summary>
/// <param name="Padding">Pixels added on each side; 0 for no crop, 4 on CIFAR.</param>
/// <param name="Mirror">Whether every other image, at random, is mirrored left to right.</param>
public sealed record Augmentation(int Padding, bool Mirror)
{
    /// <summary>Images as they are: for evaluation.</summary>
    public static Augmentation None { get; } = new(0, Mirror: false);

    /// <summary>Pixels added on each side; 0 for no crop.</summary>
    public int Padding { get; init; } = Padding >= 0
        ? Padding
        : throw new EngineException($"augmentation: the padding is {Padding}; expected 0 or more pixels");

    /// <summary>
    /// Draws what happens to one image. It depends on the three integers alone, so that a resumed run needs no saved state.
    /// </summary>
    /// <param name="random">Restarted here; only a place to keep the stream in.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch, so that an image changes from one to the next.</param>
    /// <param name="index">The image's index in its source.</param>
    public Placement Draw(RandomSource random, long seed, int epoch, int index)
    {
        if (Padding == 0 && !Mirror)
        {
            return default;
        }

        random.Restart(seed, epoch, index);
        int top = random.NextInt((2 * Padding) + 1) - Padding;
        int left = random.NextInt((2 * Padding) + 1) - Padding;
        return new Placement(top, left, Mirror && random.NextInt(2) == 1);
    }
}

/// <summary>Where a crop lies on its image, which may be partly outside: what <see cref="Device.PrepareImages"/> takes for each sample.</summary>
/// <param name="Top">The image's row that becomes the crop's first; negative in the padding.</param>
/// <param name="Left">The image's column that becomes the crop's first (or, mirrored, its last).</param>
/// <param name="Mirror">Whether the crop is mirrored left to right.</param>
public readonly record struct Placement(int Top, int Left, bool Mirror);
