using System.Collections.Concurrent;
using Engine.Data;
using Engine.Layers;

namespace Engine.Vision;

/// <summary>What a network says of an image file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Logits">For each class the network's answer, the mean over all views; null where the file cannot be read.</param>
/// <param name="Probabilities">For each class the softmax of the answers, the mean over all views; null where the file cannot be read.</param>
/// <param name="Error">Why the file cannot be read; null where it can.</param>
public sealed record ImageScores(string Path, double[]? Logits, double[]? Probabilities, EngineException? Error)
{
    /// <summary>What is wrong with the file though its image is whole, in a line that names it; null for nothing.</summary>
    public string? Warning { get; init; }
}

/// <summary>Which views of an image a network is shown, whose probabilities are averaged.</summary>
public enum ImageViews
{
    /// <summary>The middle.</summary>
    Center,

    /// <summary>Four corners, the middle, and their mirror images (AlexNet's ten crops).</summary>
    TenCrop,

    /// <summary>
    /// The whole image at several sizes. The network is run over all of it: the mean over its map of features, then the head, which is
    /// linear, so that this is the mean of the head's answers at all places of the map (the fully convolutional test of the paper).
    /// </summary>
    Scales,
}

/// <summary>Runs image files through a network: decoding on all processors, ahead of the device.</summary>
public sealed class ImageClassifier : IDisposable
{
    private readonly Module _model;
    private readonly Device _device;
    private readonly ImageOptions _options;
    private readonly int _channels;
    private readonly Tensor _mean;
    private readonly Tensor _scale;
    private readonly ConcurrentBag<ImageLoader> _loaders = [];
    private bool _isDisposed;

    /// <summary>Prepares; nothing is read yet.</summary>
    /// <param name="model">A network on the device. It is put in evaluation mode.</param>
    /// <param name="device">What computes.</param>
    /// <param name="options">The size of the crops.</param>
    /// <param name="channels">What the network takes: 3, or 1 for gray (Pillow's mode L).</param>
    /// <param name="normalization">How pixels become numbers.</param>
    /// <exception cref="EngineException">The normalization does not fit the images.</exception>
    public ImageClassifier(Module model, Device device, ImageOptions options, int channels, PixelNormalization normalization)
    {
        options.Check();
        int size = options.ImageSize;
        int means = normalization.IsPerPixel ? size * size * channels : channels;
        if (channels is not (1 or 3) || normalization.Deviation.Length != channels || normalization.Mean.Length != means)
        {
            throw new EngineException(
                $"the normalization has {normalization.Mean.Length} means and {normalization.Deviation.Length} deviations, which does not fit images of "
                    + $"{size}x{size}x{channels}");
        }

        (_model, _device, _options, _channels) = (model, device, options, channels);
        IsPerPixel = normalization.IsPerPixel;
        _mean = Tensor.From(device, IsPerPixel ? new Shape(size, size, channels) : new Shape(channels), normalization.Mean);
        _scale = Tensor.From<double>(device, new Shape(channels), Array.ConvertAll(normalization.Deviation.ToArray(), d => 1 / d));
        model.Eval();
    }

    /// <summary>Whether each pixel has a mean of its own, which images of other sizes than the crops do not have.</summary>
    public bool IsPerPixel { get; }

    /// <summary>Runs files through the network, in order. A file that cannot be read has its error in its scores, and stops nothing.</summary>
    /// <param name="paths">Image files.</param>
    /// <param name="batchSize">How many images go through the network at a time; with <see cref="ImageViews.Scales"/> it is one.</param>
    /// <param name="views">Which parts of an image are shown.</param>
    /// <param name="sides">For <see cref="ImageViews.Scales"/>, what the shorter side becomes.</param>
    /// <param name="cancellation">Stops it between two batches.</param>
    /// <exception cref="ObjectDisposedException">The classifier, the model or the device has been disposed.</exception>
    /// <exception cref="EngineException">A size does not fit the network, or an image's mean per pixel does not fit the views.</exception>
    public IEnumerable<ImageScores> Run(
        IReadOnlyList<string> paths, int batchSize, ImageViews views = ImageViews.Center, IReadOnlyList<int>? sides = null,
            CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this classifier of images was disposed: make a new one, or dispose it after its last file");
        }

        return views == ImageViews.Scales && IsPerPixel
            ? throw new EngineException("a mean for each pixel fits only crops of one size; normalize by channel to test at several scales")
            : Enumerate(paths, batchSize, views, sides ?? [_options.Resize], cancellation);
    }

    /// <summary>Frees the decoders and the device's memory.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _mean.Dispose();
        _scale.Dispose();
        while (_loaders.TryTake(out ImageLoader? loader))
        {
            loader.Dispose();
        }
    }

    private IEnumerable<ImageScores> Enumerate(
        IReadOnlyList<string> paths, int batchSize, ImageViews views, IReadOnlyList<int> sides, CancellationToken cancellation)
    {
        // One batch is decoded while the one before is computed.
        string[][] batches = [.. paths.Chunk(batchSize)];
        Task<Decoded[]>? ahead = null;
        for (int i = 0; i < batches.Length; i++)
        {
            // What is being decoded is not waited for once the end was asked for.
            Task<Decoded[]> current = ahead ?? Decode(batches[i], views, sides, cancellation);
            Decoded[] images = current.WaitAsync(cancellation).GetAwaiter().GetResult();
            cancellation.ThrowIfCancellationRequested();
            ahead = i + 1 < batches.Length ? Decode(batches[i + 1], views, sides, cancellation) : null;
            foreach (ImageScores scores in views == ImageViews.Scales ? images.SelectMany(p => Classify([p], views)) : Classify(images, views))
            {
                yield return scores;
            }
        }
    }

    private Task<Decoded[]> Decode(string[] paths, ImageViews views, IReadOnlyList<int> sides, CancellationToken cancellation) => Task.Run(
        () =>
        {
            Decoded[] decoded = new Decoded[paths.Length];
            Parallel.For(0, paths.Length, new ParallelOptions { CancellationToken = cancellation }, i => decoded[i] = Decode(paths[i], views, sides));
            return decoded;
        },
        cancellation);

    private Decoded Decode(string path, ImageViews views, IReadOnlyList<int> sides)
    {
        if (!_loaders.TryTake(out ImageLoader? loader))
        {
            loader = new ImageLoader(_options);
        }

        int size = _options.ImageSize;
        try
        {
            if (views == ImageViews.Scales)
            {
                return new Decoded(
                    path, [.. loader.ReadScales(path, sides).Select(p => new View(p.Width, p.Height, ToChannels(p.Pixels)))], null, loader.Warning);
            }

            int crops = views == ImageViews.TenCrop ? 5 : 1;
            byte[] pixels = new byte[crops * size * size * 3];
            if (views == ImageViews.TenCrop)
            {
                loader.ReadFiveCrops(path, pixels);
            }
            else
            {
                loader.ReadCenter(path, pixels);
            }

            int bytes = size * size * 3;
            return new Decoded(
                path, [.. Enumerable.Range(0, crops).Select(c => new View(size, size, ToChannels(pixels.AsSpan(c * bytes, bytes))))], null, loader.Warning);
        }
        catch (EngineException e)
        {
            return new Decoded(path, [], e);
        }
        finally
        {
            _loaders.Add(loader);
        }
    }

    private byte[] ToChannels(ReadOnlySpan<byte> pixels)
    {
        if (_channels == 3)
        {
            return pixels.ToArray();
        }

        byte[] gray = new byte[pixels.Length / 3];
        for (int i = 0; i < gray.Length; i++)
        {
            gray[i] = (byte)ColorAugmentation.Gray(pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]);
        }

        return gray;
    }

    private List<ImageScores> Classify(IReadOnlyList<Decoded> images, ImageViews views)
    {
        int mirrors = views == ImageViews.TenCrop ? 2 : 1;
        List<ImageScores> scores = [];

        // Views of one size go through together: those of all images, or at several scales those of one size.
        Dictionary<View, double[][]> answers = [];
        foreach (IGrouping<(int Width, int Height), View> group in images.SelectMany(p => p.Views).GroupBy(v => (v.Width, v.Height)))
        {
            View[] members = [.. group];
            double[][] logits = Forward(members, mirrors);
            for (int i = 0; i < members.Length; i++)
            {
                answers.Add(members[i], logits[(i * mirrors)..((i + 1) * mirrors)]);
            }
        }

        foreach (Decoded image in images)
        {
            if (image.Error is not null)
            {
                scores.Add(new ImageScores(image.Path, null, null, image.Error));
                continue;
            }

            double[][] logits = [.. image.Views.SelectMany(v => answers[v])];
            scores.Add(new ImageScores(image.Path, Mean(logits), Mean([.. logits.Select(Softmax)]), null) { Warning = image.Warning });
        }

        return scores;
    }

    private double[][] Forward(View[] views, int mirrors)
    {
        int count = views.Length * mirrors;
        int bytes = views[0].Pixels.Length;
        byte[] pixels = new byte[count * bytes];
        int[] placements = new int[count * 3];
        for (int i = 0; i < count; i++)
        {
            views[i / mirrors].Pixels.CopyTo(pixels, i * bytes);
            placements[(3 * i) + 2] = i % mirrors;
        }

        Shape shape = new(count, views[0].Height, views[0].Width, _channels);
        using Tensor raw = Tensor.Create(_device, shape, DataType.UInt8);
        using Tensor places = Tensor.Create(_device, new Shape(count, 3), DataType.Int32);
        using Tensor images = Tensor.Create(_device, shape, _device.ActivationType);
        raw.Write<byte>(pixels);
        places.Write<int>(placements);
        _device.PrepareImages(raw, places, _mean, _scale, images);
        using NoGradientScope scope = _device.NoGradient();
        Tensor logits = _model.Forward(images);
        double[] numbers = logits.ToArray<double>();
        return [.. numbers.Chunk(numbers.Length / count)];
    }

    private static double[] Mean(double[][] rows)
    {
        double[] mean = new double[rows[0].Length];
        for (int c = 0; c < mean.Length; c++)
        {
            mean[c] = rows.Average(row => row[c]);
        }

        return mean;
    }

    private static double[] Softmax(double[] logits)
    {
        double highest = logits.Max();
        double[] shares = Array.ConvertAll(logits, l => Math.Exp(l - highest));
        double sum = shares.Sum();
        return Array.ConvertAll(shares, s => s / sum);
    }

    private sealed record Decoded(string Path, View[] Views, EngineException? Error, string? Warning = null);

    // A class, not a record: two views are the same only if they are one object.
    private sealed class View(int width, int height, byte[] pixels)
    {
        public int Width { get; } = width;

        public int Height { get; } = height;

        public byte[] Pixels { get; } = pixels;
    }
}
