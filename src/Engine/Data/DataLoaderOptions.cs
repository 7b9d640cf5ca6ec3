namespace Engine.Data;

/// <summary>How a <see cref="DataLoader"/> makes batches. The defaults are those of evaluation: every image once, in order, unchanged.</summary>
public sealed record DataLoaderOptions
{
    /// <summary>Images in a batch.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Whether each epoch has an order of its own, drawn from the seed and the epoch.</summary>
    public bool Shuffle { get; init; }

    /// <summary>Whether images that do not fill a last batch are left out of the epoch, as is usual in training.</summary>
    public bool DropLast { get; init; }

    /// <summary>Decides the order and the augmentation, together with the epoch and the image's index.</summary>
    public long Seed { get; init; }

    /// <summary>Random changes to the images.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.None;

    /// <summary>How pixels become numbers; pixel / 255 where null.</summary>
    public PixelNormalization? Normalization { get; init; }

    /// <summary>Batches that are prepared ahead of the one in use.</summary>
    public int Prefetch { get; init; } = 2;

    /// <summary>
    /// Threads that prepare batches; null for one where images lie in memory, which is plenty, and one a processor where they are decoded.
    /// The batches are the same for any number.
    /// </summary>
    public int? Workers { get; init; }

    /// <summary>Whether images are read with the random crops that the source itself makes, if any: <see cref="IImageSource.ReadRandom"/>.</summary>
    public bool IsTraining { get; init; }

    /// <summary>The type of the images on the device; the device's own floating-point type where null.</summary>
    public DataType? ImageType { get; init; }

    /// <summary>The usual options for training: shuffled, augmented, only full batches.</summary>
    public static DataLoaderOptions Training(int batchSize, long seed, Augmentation augmentation, PixelNormalization normalization) => new()
    {
        BatchSize = batchSize,
        Shuffle = true,
        DropLast = true,
        IsTraining = true,
        Seed = seed,
        Augmentation = augmentation,
        Normalization = normalization,
    };

    /// <summary>The usual options for evaluation: every image once, in order, unchanged.</summary>
    public static DataLoaderOptions Evaluation(int batchSize, PixelNormalization normalization) => new()
    {
        BatchSize = batchSize,
        Normalization = normalization,
    };
}
