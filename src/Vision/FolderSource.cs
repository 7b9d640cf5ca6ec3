using System.Collections.Concurrent;
using Engine.Data;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>
/// The image files of a folder that has a folder for each class, as torchvision's ImageFolder: decoded whenever one is asked for,
/// by as many threads as ask.
/// </summary>
public sealed class FolderSource : IImageSource
{
    private readonly ImageOptions _options;
    private readonly string _folder;
    private readonly string[] _paths;
    private readonly int[] _labels;

    // Decoders that no thread is using; each has memory and a native decoder, which it frees when it is collected.
    private readonly ConcurrentBag<ImageLoader> _loaders = [];

    private FolderSource(ImageOptions options, IReadOnlyList<string> classNames, string folder, string[] paths, int[] labels)
    {
        options.Check();
        (_options, ClassNames, _folder, _paths, _labels) = (options, classNames, folder, paths, labels);
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

    /// <summary>
    /// The files, in order: by class, then by name. A byte of a name that is not UTF-8 is a lone surrogate from U+DC80 to U+DCFF, as in Python.
    /// </summary>
    public IReadOnlyList<string> Paths => _paths;

    /// <summary>How the files become images of one size.</summary>
    public ImageOptions Options => _options;

    private CancellationToken Cancellation { get; init; }

    /// <summary>How many files of other kinds lie beside the images and are left out, by the ending of their names in small letters.</summary>
    public IReadOnlyDictionary<string, int> OtherKinds { get; private init; } = new Dictionary<string, int>();

    /// <summary>How many images lie outside of the class folders, and are left out.</summary>
    public int Unlabeled { get; private init; }

    /// <summary>
    /// Lists a folder's images; none is opened. Hidden files and folders are no data, links are followed, and no folder is entered twice.
    /// </summary>
    /// <param name="folder">The folder; files in folders of a class folder count too.</param>
    /// <param name="options">How the files become images of one size.</param>
    /// <param name="classNames">The classes; null for the names of the folders in it, in order.</param>
    /// <param name="cancellation">Stops the listing, and later the reading of its images.</param>
    /// <exception cref="EngineException">There is no class, a class of these has no image, two are one folder, or a folder is none of the given
    /// classes.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static FolderSource Open(
        string folder, ImageOptions options, IReadOnlyList<string>? classNames = null, CancellationToken cancellation = default)
    {
        try
        {
            FolderListing listing = new(cancellation);
            List<string> found = listing.Folders(folder);
            if (found.Count == 0)
            {
                throw new EngineException($"'{folder}' has no folder for a class; expected {Path.Combine(folder, "CLASS", "*.jpg")}");
            }

            // Names that are not UTF-8 are Latin-1 for people and for labels.
            string[] shown = [.. found.Select(RawNames.Shown)];
            Dictionary<string, int> known = [];
            foreach (string name in classNames ?? [])
            {
                known.TryAdd(name, known.Count);
            }

            if (shown.FirstOrDefault(f => classNames is not null && !known.ContainsKey(f)) is { } unknown)
            {
                throw new EngineException(
                    $"'{Path.Combine(folder, ShownName.Of(unknown))}' is none of the {classNames!.Count} training "
                        + $"{(classNames.Count == 1 ? "class" : "classes")}");
            }

            EnterClasses(listing, folder, found);
            List<string> paths = [];
            List<int> labels = [];
            int unlabeled = listing.ImagesIn(folder);
            for (int i = 0; i < found.Count; i++)
            {
                List<string> files = listing.Images(Path.Join(folder, found[i]));
                if (files.Count == 0 && classNames is null)
                {
                    string others = FolderListing.Remark(listing.Others, folder) is { } remark ? $" ({remark})" : "";
                    throw new EngineException(
                        $"'{Path.Join(folder, ShownName.Of(shown[i]))}' has no image; expected {FolderListing.ExtensionList} files{others}");
                }

                int label = classNames is null ? i : known[shown[i]];
                paths.AddRange(files);
                labels.AddRange(Enumerable.Repeat(label, files.Count));
            }

            return new FolderSource(options, classNames ?? shown, folder, [.. paths], [.. labels])
            {
                OtherKinds = listing.Others,
                Unlabeled = unlabeled,
                Cancellation = cancellation,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the image folder '{ShownName.Of(RawNames.Shown(folder))}' cannot be read: {FileProblem.Of(e)}", e);
        }
    }

    /// <summary>A source without any image, for a part that a folder lacks.</summary>
    public static FolderSource Empty(ImageOptions options, IReadOnlyList<string> classNames) => new(options, classNames, "", [], []);

    /// <inheritdoc/>
    public IImageSource WithClasses(IReadOnlyList<string> classNames)
    {
        int[] labels = RelabeledSource.Map(this, classNames);
        return new FolderSource(_options, classNames, _folder, _paths, Array.ConvertAll(_labels, label => labels[label]))
        {
            OtherKinds = OtherKinds,
            Unlabeled = Unlabeled,
            Cancellation = Cancellation,
        };
    }

    /// <inheritdoc/>
    public int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public string? NameOf(int index) => _paths[index][_folder.Length..].TrimStart('/', '\\').Replace('\\', '/');

    /// <inheritdoc/>
    public void Read(int index, Span<byte> pixels)
    {
        ImageLoader loader = Take();
        try
        {
            loader.ReadCenter(_paths[index], pixels);
        }
        finally
        {
            _loaders.Add(loader);
        }
    }

    /// <inheritdoc/>
    public void ReadRandom(int index, RandomSource random, Span<byte> pixels)
    {
        ImageLoader loader = Take();
        try
        {
            loader.ReadRandom(_paths[index], random, pixels);
        }
        finally
        {
            _loaders.Add(loader);
        }
    }

    // All class folders are known before any is gone through: a link in one of them to another leads nowhere.
    private static void EnterClasses(FolderListing listing, string folder, List<string> classes)
    {
        listing.Shut(folder);
        foreach (string name in classes)
        {
            if (!listing.Enter(Path.Join(folder, name)))
            {
                throw new EngineException(
                    $"'{Path.Join(folder, ShownName.Of(RawNames.Shown(name)))}' is a link to the folder of another class, or to one above it: its images "
                        + "would have two labels");
            }
        }
    }

    private ImageLoader Take()
    {
        Cancellation.ThrowIfCancellationRequested();
        return _loaders.TryTake(out ImageLoader? loader) ? loader : new ImageLoader(_options);
    }
}
