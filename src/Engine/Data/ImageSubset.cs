namespace Engine.Data;

/// <summary>Some of the images of another source, in an order of their own.</summary>
public sealed class ImageSubset : IImageSource
{
    private readonly IImageSource _source;
    private readonly int[] _indices;

    /// <summary>Chooses images of a source by their index there.</summary>
    /// <exception cref="EngineException">An index names no image of the source.</exception>
    public ImageSubset(IImageSource source, ReadOnlySpan<int> indices)
    {
        int wrong = indices.IndexOfAnyExceptInRange(0, source.Count - 1);
        if (wrong >= 0)
        {
            throw new EngineException($"a subset asks for image {indices[wrong]} of a source of {source.Count:N0}");
        }

        _source = source;
        _indices = indices.ToArray();
    }

    /// <inheritdoc/>
    public int Count => _indices.Length;

    /// <inheritdoc/>
    public int Height => _source.Height;

    /// <inheritdoc/>
    public int Width => _source.Width;

    /// <inheritdoc/>
    public int Channels => _source.Channels;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public bool IsDecoded => _source.IsDecoded;

    /// <summary>Which images of the other source these are.</summary>
    public ReadOnlySpan<int> Indices => _indices;

    /// <summary>
    /// Splits a source at random into two parts, the larger one to train on and one to validate with (45,000 and 5,000 of
    /// CIFAR's images in the paper). The split depends on the seed and the count alone; each part keeps the source's order.
    /// </summary>
    /// <param name="source">What to split.</param>
    /// <param name="validationCount">Images in the second part: at least 1, and fewer than there are.</param>
    /// <param name="seed">Chooses the split.</param>
    /// <exception cref="EngineException">The count leaves one part empty.</exception>
    public static (ImageSubset Train, ImageSubset Validation) Split(IImageSource source, int validationCount, long seed)
    {
        if (validationCount < 1 || validationCount >= source.Count)
        {
            string expected = source.Count < 2 ? "a split needs at least two images" : $"expected 1 to {source.Count - 1:N0}";
            string images = source.Count == 1 ? "image" : "images";
            throw new EngineException($"cannot hold out {validationCount:N0} of {source.Count:N0} {images} for validation: {expected}");
        }

        int[] order = new int[source.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        new RandomSource(seed, RandomSource.SeedOf("validation split")).Shuffle(order.AsSpan());
        Span<int> validation = order.AsSpan(0, validationCount);
        Span<int> train = order.AsSpan(validationCount);
        validation.Sort();
        train.Sort();
        return (new ImageSubset(source, train), new ImageSubset(source, validation));
    }

    /// <inheritdoc/>
    public int Label(int index) => _source.Label(_indices[index]);

    /// <inheritdoc/>
    public string? NameOf(int index) => _source.NameOf(_indices[index]);

    /// <inheritdoc/>
    public void Read(int index, Span<byte> pixels) => _source.Read(_indices[index], pixels);

    /// <inheritdoc/>
    public void ReadRandom(int index, RandomSource random, Span<byte> pixels) => _source.ReadRandom(_indices[index], random, pixels);
}
