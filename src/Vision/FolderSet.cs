using Engine.Data;
using Engine.Formats;
using Engine.Training;

namespace Engine.Vision;

/// <summary>A data set of image files: DIR/train/CLASS/*.jpg to train on, DIR/test or DIR/val to test with.</summary>
public static class FolderSet
{
    /// <summary>What the command line puts before the folder.</summary>
    public const string Prefix = "folder:";

    /// <summary>How a folder must be arranged.</summary>
    internal const string Expected = $"{Prefix}DIR with DIR/train/CLASS/*.jpg and DIR/val or DIR/test";

    /// <summary>Whether a data set's name is that of an image folder.</summary>
    public static bool IsFolder(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>
    /// The name with the folder's whole path, so that it means the same everywhere; ~ stands for the home folder, as no shell replaces it after folder:.
    /// </summary>
    /// <exception cref="EngineException">There is no such folder.</exception>
    public static string Resolve(string name)
    {
        string folder = name[Prefix.Length..];
        if (!Directory.Exists(folder) && (folder == "~" || folder.StartsWith("~/", StringComparison.Ordinal)))
        {
            folder = Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), folder[1..]);
        }

        return folder.Length > 0 && Directory.Exists(folder)
            ? Prefix + Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))
            : throw new EngineException($"there is no image folder '{ShownName.Of(folder)}'; expected {Expected}");
    }

    /// <summary>
    /// Lists an image folder. Colors are normalized with ImageNet's constants; where training or test images are missing, that source is
    /// empty, so that a folder of test images can be evaluated and one without can be split.
    /// </summary>
    /// <param name="name">folder:DIR.</param>
    /// <param name="options">How the files become images of one size.</param>
    /// <param name="use">What the images are for, which decides between DIR/val and DIR/test where both are there.</param>
    /// <param name="classNames">For <see cref="FolderUse.Testing"/>, the classes that a network tells apart, to whose names the test images' labels refer; null
    /// for those of the folders.</param>
    /// <param name="cancellation">Stops the listing, and later the reading of images.</param>
    /// <exception cref="EngineException">There is no such folder, it is not arranged in this way, or an image is of none of the given classes.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ImageDataset Open(
        string name, ImageOptions options, FolderUse use = FolderUse.Training, IReadOnlyList<string>? classNames = null,
            CancellationToken cancellation = default)
    {
        name = Resolve(name);
        string folder = name[Prefix.Length..];
        FolderParts parts = FolderParts.Of(folder, use);
        FolderSource? trained = parts.Train is { } train ? FolderSource.Open(Path.Join(folder, train), options, null, cancellation) : null;
        FolderSource? tested = parts.Test is { } test
            ? FolderSource.Open(Path.Join(folder, test), options, classNames is null ? trained?.ClassNames : null, cancellation)
            : null;
        IReadOnlyList<string> classes = (trained ?? tested)!.ClassNames;
        IImageSource testSource = tested ?? FolderSource.Empty(options, classes);

        // Where the source takes no crops of its own, a small image is padded by an eighth before it is cropped, as on CIFAR.
        int padding = options.Crop == RandomCrop.None ? options.ImageSize / 8 : 0;
        return new ImageDataset(
            name, trained ?? FolderSource.Empty(options, classes), classNames is null ? testSource : testSource.WithClasses(classNames),
            new Augmentation(padding, Mirror: true), $"the image files in {folder}")
        {
            Normalization = PixelNormalization.ImageNet,
            Remarks = [parts.Remark(use), .. Remarks(folder, [.. ((FolderSource?[])[trained, tested]).OfType<FolderSource>()])],
        };
    }

    private static IEnumerable<string> Remarks(string folder, FolderSource[] sources)
    {
        if (FolderListing.Remark(sources.SelectMany(s => s.OtherKinds), folder) is { } others)
        {
            yield return others;
        }

        if (sources.Sum(s => s.Unlabeled) is > 0 and int unlabeled)
        {
            yield return $"{unlabeled:N0} {(unlabeled == 1 ? "image" : "images")} in '{ShownName.Of(folder)}' {(unlabeled == 1 ? "is" : "are")} skipped, "
                + $"because {(unlabeled == 1 ? "it is" : "they are")} outside of the class folders";
        }
    }
}
