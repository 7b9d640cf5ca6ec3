using System.Collections.Concurrent;
using Engine.Data;

namespace Engine.Images;

/// <summary>
/// The JPEG and PNG files of a folder that has a folder for each class, as torchvision's ImageFolder: decoded whenever one is asked for,
/// by as many threads as ask.
/// </summary>
public sealed class FolderSource : IImageSource
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png"];
    private readonly PictureOptions _options;
    private readonly string[] _paths;
    private readonly int[] _labels;

    // Decoders that no thread is using; each has memory and a native decoder, which it frees when it is collected.
    private readonly ConcurrentBag<PictureLoader> _loaders = [];

    private FolderSource(PictureOptions options, IReadOnlyList<string> classNames, string[] paths, int[] labels)
    {
        options.Check();
        (_options, ClassNames, _paths, _labels) = (options, classNames, paths, labels);
    }

    /// <inheritdoc/>
    public int Count => _paths.Length;

    /// <inheritdoc/>
    public int Height => _options.ImageSize;

    /// <inheritdoc/>
    public int Width => _options.ImageSize;

    /// <inheritdoc/>
    public int Channels => 3;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public bool IsDecoded => true;

    /// <summary>The files, in order: by class, then by name.</summary>
    public IReadOnlyList<string> Paths => _paths;

    /// <summary>How the files become pictures of one size.</summary>
    public PictureOptions Options => _options;

    /// <summary>Lists a folder's pictures; none is opened.</summary>
    /// <param name="folder">The folder; files in folders of a class folder count too.</param>
    /// <param name="options">How the files become pictures of one size.</param>
    /// <param name="classNames">The classes; null for the names of the folders in it, in order.</param>
    /// <exception cref="EngineException">There is no class, a class of these has no picture, or a folder is none of the given classes.</exception>
    public static FolderSource Open(string folder, PictureOptions options, IReadOnlyList<string>? classNames = null)
    {
        try
        {
            string[] found = [.. Directory.EnumerateDirectories(folder).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];
            if (found.Length == 0)
            {
                throw new EngineException($"'{folder}' has no folder for a class; expected {Path.Combine(folder, "CLASS", "*.jpg")}");
            }

            if (found.FirstOrDefault(f => classNames is not null && !classNames.Contains(f)) is { } unknown)
            {
                throw new EngineException($"'{Path.Combine(folder, unknown)}' is none of the {classNames!.Count} classes that are trained on");
            }

            classNames ??= found;
            List<string> paths = [];
            List<int> labels = [];
            for (int label = 0; label < classNames.Count; label++)
            {
                string place = Path.Combine(folder, classNames[label]);
                string[] files = Directory.Exists(place) ? List(place) : [];
                if (files.Length == 0 && classNames == (IReadOnlyList<string>)found)
                {
                    throw new EngineException($"'{place}' has no picture; expected .jpg, .jpeg or .png files");
                }

                paths.AddRange(files);
                labels.AddRange(Enumerable.Repeat(label, files.Length));
            }

            return new FolderSource(options, classNames, [.. paths], [.. labels]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the image folder '{folder}' cannot be read: {e.Message.TrimEnd('.')}", e);
        }
    }

    /// <summary>A source without any picture, for a part that a folder lacks.</summary>
    public static FolderSource Empty(PictureOptions options, IReadOnlyList<string> classNames) => new(options, classNames, [], []);

    /// <inheritdoc/>
    public int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public void Read(int index, Span<byte> pixels)
    {
        PictureLoader loader = Take();
        try
        {
            loader.ReadCentre(_paths[index], pixels);
        }
        finally
        {
            _loaders.Add(loader);
        }
    }

    /// <inheritdoc/>
    public void ReadRandom(int index, RandomSource random, Span<byte> pixels)
    {
        PictureLoader loader = Take();
        try
        {
            loader.ReadRandom(_paths[index], random, pixels);
        }
        finally
        {
            _loaders.Add(loader);
        }
    }

    private static string[] List(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Extensions.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal),
    ];

    private PictureLoader Take() => _loaders.TryTake(out PictureLoader? loader) ? loader : new PictureLoader(_options);
}
