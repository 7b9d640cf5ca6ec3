namespace Engine.Data;

/// <summary>
/// Turns an image source into batches on a device. Threads of its own read images and draw their augmentation ahead of their
/// use; the device is called only by the thread that enumerates. Order and augmentation depend on the seed, the epoch and the
/// image's index alone, so that a run can go on in the middle of an epoch with nothing saved.
/// </summary>
/// <remarks>All memory is taken once: host batches, and the device's tensors for a full batch and for a last, smaller one.</remarks>
public sealed class DataLoader : BatchLoader
{
    // Sets the numbers that a source draws apart from those of the augmentation.
    private static readonly long SourceStream = RandomSource.SeedOf("image source");
    private readonly Device _device;
    private readonly DataLoaderOptions _options;
    private readonly HostBatch[] _ring;
    private readonly int _imageBytes;
    private readonly Tensor _mean;
    private readonly Tensor _scale;
    private readonly Dictionary<int, DeviceBatch> _deviceBatches = [];
    private BatchQueue? _queue;

    /// <summary>Makes a loader of unchanged images, pixel / 255; no thread runs before an epoch is enumerated.</summary>
    /// <param name="device">Where the batches go.</param>
    /// <param name="source">The images.</param>
    /// <param name="batchSize">Batch size.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own; an epoch then leaves out images that do not fill a last batch.</param>
    /// <param name="seed">Random seed of the order.</param>
    /// <exception cref="EngineException">The batch size is out of range, or there are no images.</exception>
    public DataLoader(Device device, IImageSource source, int batchSize, bool shuffle = false, long seed = 0)
        : this(device, source, new DataLoaderOptions { BatchSize = batchSize, Shuffle = shuffle, DropLast = shuffle, Seed = seed })
    {
    }

    /// <summary>Makes a loader; no thread runs before an epoch is enumerated.</summary>
    /// <param name="device">Where the batches go.</param>
    /// <param name="source">The images.</param>
    /// <param name="options">How batches are made.</param>
    /// <exception cref="EngineException">An option is out of range or does not fit the source.</exception>
    public DataLoader(Device device, IImageSource source, DataLoaderOptions options)
        : base(source.Count, options.Shuffle, options.Seed)
    {
        PixelNormalization normalization = options.Normalization ?? PixelNormalization.None(source.Channels);
        Check(source, options, normalization);
        _device = device;
        _options = options;
        Source = source;
        _imageBytes = source.ImageBytes;
        int capacity = Math.Min(options.BatchSize, source.Count);
        StepsPerEpoch = (source.Count / options.BatchSize) + (options.DropLast || source.Count % options.BatchSize == 0 ? 0 : 1);
        SamplesPerEpoch = options.DropLast ? StepsPerEpoch * options.BatchSize : source.Count;
        _ring = new HostBatch[Math.Min(options.Prefetch + 1, StepsPerEpoch)];
        for (int i = 0; i < _ring.Length; i++)
        {
            _ring[i] = new HostBatch(capacity, _imageBytes);
        }

        Shape channels = new(source.Channels);
        Shape image = new(source.Height, source.Width, source.Channels);
        double[] scale = Array.ConvertAll(normalization.Deviation.ToArray(), d => 1 / d);
        _mean = Tensor.From(device, normalization.IsPerPixel ? image : channels, normalization.Mean);
        _scale = Tensor.From<double>(device, channels, scale);
    }

    /// <summary>The images.</summary>
    public IImageSource Source { get; }

    /// <inheritdoc/>
    public override int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public override int SamplesPerEpoch { get; }

    private protected override void DisposeCore()
    {
        _queue?.Dispose();
        foreach (DeviceBatch batch in _deviceBatches.Values)
        {
            batch.Dispose();
        }

        _mean.Dispose();
        _scale.Dispose();
    }

    private static void Check(IImageSource source, DataLoaderOptions options, PixelNormalization normalization)
    {
        if (options.BatchSize < 1 || options.Prefetch < 1 || options.Workers < 1)
        {
            throw new EngineException(
                $"loader: batch size {options.BatchSize}, prefetch {options.Prefetch} and workers {options.Workers ?? 1} must each be at least 1");
        }

        if (source.Count == 0)
        {
            throw new EngineException("loader: the image source is empty");
        }

        if (options.DropLast && options.BatchSize > source.Count)
        {
            throw new EngineException(
                $"loader: {source.Count:N0} {(source.Count == 1 ? "image does" : "images do")} not fill one batch of {options.BatchSize:N0}, and incomplete ones are dropped; use a smaller batch size");
        }

        int means = normalization.IsPerPixel ? source.ImageBytes : source.Channels;
        if (normalization.Deviation.Length != source.Channels || normalization.Mean.Length != means)
        {
            throw new EngineException(
                $"loader: the normalization has {normalization.Mean.Length} means and {normalization.Deviation.Length} deviations, "
                + $"which does not fit images of {source.Height}x{source.Width}x{source.Channels}");
        }
    }

    private protected override IEnumerable<Batch> Batches(int epoch, int startStep)
    {
        int workers = _options.Workers ?? (Source.IsDecoded ? Environment.ProcessorCount : 1);
        using BatchQueue queue = new(
            _ring, startStep, StepsPerEpoch, workers, step => Source.IsDecoded ? CountOf(step) : 1, (step, part, batch, random) => Fill(epoch, step, part, batch, random));
        _queue = queue;
        try
        {
            for (int step = startStep; step < StepsPerEpoch; step++)
            {
                HostBatch host = queue.Take();
                Batch batch = Upload(host);
                batch.Begin(step, host.Indices.AsMemory(0, host.Count), host.Labels.AsMemory(0, host.Count));
                yield return batch;
                queue.Release();
            }
        }
        finally
        {
            _queue = null;
        }
    }

    private int CountOf(int step) => Math.Min(_options.BatchSize, Order.Length - (step * _options.BatchSize));

    // A part of a batch is one image where images are decoded, and the whole batch elsewhere.
    private void Fill(int epoch, int step, int part, HostBatch batch, RandomSource random)
    {
        int first = step * _options.BatchSize;
        batch.Count = CountOf(step);
        int end = Source.IsDecoded ? part + 1 : batch.Count;
        for (int i = part; i < end; i++)
        {
            int index = Order[first + i];
            int label = Source.Label(index);
            if ((uint)label >= (uint)Source.ClassNames.Count)
            {
                throw new EngineException($"loader: image {index:N0} has label {label}; expected 0 to {Source.ClassNames.Count - 1}");
            }

            batch.Indices[i] = index;
            batch.Labels[i] = label;
            Span<byte> pixels = batch.Pixels.AsSpan(i * _imageBytes, _imageBytes);
            if (_options.IsTraining)
            {
                random.Restart(_options.Seed, epoch, index, SourceStream);
                Source.ReadRandom(index, random, pixels);
            }
            else
            {
                Source.Read(index, pixels);
            }

            Placement placement = _options.Augmentation.Draw(random, _options.Seed, epoch, index);
            batch.Placements[3 * i] = placement.Top;
            batch.Placements[(3 * i) + 1] = placement.Left;
            batch.Placements[(3 * i) + 2] = placement.Mirror ? 1 : 0;
        }
    }

    private Batch Upload(HostBatch host)
    {
        if (!_deviceBatches.TryGetValue(host.Count, out DeviceBatch? target))
        {
            target = new DeviceBatch(_device, host.Count, Source, _options.ImageType ?? _device.ActivationType);
            _deviceBatches.Add(host.Count, target);
        }

        target.Pixels.Write<byte>(host.Pixels.AsSpan(0, host.Count * _imageBytes));
        target.Placements.Write<int>(host.Placements.AsSpan(0, host.Count * 3));
        target.Batch.Labels.Write<int>(host.Labels.AsSpan(0, host.Count));
        _device.PrepareImages(target.Pixels, target.Placements, _mean, _scale, target.Batch.Images);
        return target.Batch;
    }

    /// <summary>The device's tensors for batches of one size.</summary>
    private sealed class DeviceBatch : IDisposable
    {
        public DeviceBatch(Device device, int count, IImageSource source, DataType type)
        {
            Shape shape = new(count, source.Height, source.Width, source.Channels);
            Pixels = Tensor.Create(device, shape, DataType.UInt8);
            Placements = Tensor.Create(device, new Shape(count, 3), DataType.Int32);
            Batch = new Batch(Tensor.Create(device, shape, type), Tensor.Create(device, new Shape(count), DataType.Int32));
        }

        public Tensor Pixels { get; }

        public Tensor Placements { get; }

        public Batch Batch { get; }

        public void Dispose()
        {
            Pixels.Dispose();
            Placements.Dispose();
            Batch.Free();
        }
    }
}
