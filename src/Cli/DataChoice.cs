using System.CommandLine;
using Engine.Data;
using Engine.Training;
using Engine.Vision;

namespace Engine.Cli;

/// <summary>Opens the data set that --data names, be it a known one or an image folder.</summary>
internal static class DataChoice
{
    /// <summary>Checks a name.</summary>
    /// <returns>The name; an image folder's with its whole path.</returns>
    /// <exception cref="UsageException">There is no such set.</exception>
    public static string Check(string name) => UsageException.Check(() => FolderSet.IsFolder(name)
        ? FolderSet.Resolve(name)
        : DataSets.All.Any(s => s.Name == name)
        ? name
        : throw new EngineException(
            $"there is no data set called '{name}'{Suggestion.Phrase(name, DataSets.All.Select(s => s.Name), ".")} The sets are "
                + $"{string.Join(", ", DataSets.All.Select(s => s.Name))}, and {FolderSet.Prefix}DIR"));

    /// <summary>Opens a set to train on, and says what is to be known of it. All images of a folder are looked at before hours are spent on them.</summary>
    /// <param name="run">The set, the sizes, crops and colors of an image folder, and how many images are held out.</param>
    /// <param name="directory">Where a known set lies.</param>
    /// <param name="networkSize">The height and width of images that the network is made for.</param>
    /// <param name="output">Where remarks go.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="UsageException">An option does not fit the set.</exception>
    /// <exception cref="EngineException">The set is not there or damaged.</exception>
    public static ImageDataset OpenToTrain(RunManifest run, string? directory, int networkSize, CommandOutput output, CancellationToken cancellation)
    {
        ImageDataset data = Open(run.Data, directory, run.Part<ImageChoices>(), networkSize, FolderUse.Training, null, output, cancellation);
        int held = run.Training.ValidationCount;
        if (held > 0 && FolderSet.IsFolder(run.Data))
        {
            output.Note(
                $"note: {Words.Count(held, "training image")} {(held == 1 ? "is" : "are")} held out for testing, instead of the test set");
        }

        // A count that leaves one part empty is an error of the trainer's.
        IReadOnlyList<string> remarks = held > 0 && held < data.Train.Count ? data.WithValidation(held, run.Training.Seed).Remarks : data.Remarks;
        foreach (string remark in remarks.Except(data.Remarks))
        {
            output.Note($"note: {remark}");
        }

        FolderChecking.Run(data, output, cancellation);
        return data;
    }

    /// <summary>Opens a set, and says what is to be known of it.</summary>
    /// <param name="name">What <see cref="Check"/> returned.</param>
    /// <param name="directory">Where a known set lies.</param>
    /// <param name="images">The sizes of an image folder.</param>
    /// <param name="networkSize">The height and width of images that the network is made for.</param>
    /// <param name="use">What an image folder is opened for.</param>
    /// <param name="classNames">The classes that a network tells apart, by which the images are labeled; null where its weights do not tell.</param>
    /// <param name="output">Where remarks go.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="UsageException">An option does not fit the set.</exception>
    /// <exception cref="EngineException">The set is not there or damaged, or has images of a class that the network does not know.</exception>
    public static ImageDataset Open(
        string name, string? directory, ImageChoices images, int networkSize, FolderUse use, IReadOnlyList<string>? classNames, CommandOutput output,
        CancellationToken cancellation)
    {
        CheckChoices(name, images);
        bool isFolder = FolderSet.IsFolder(name);
        if (isFolder && directory is not null)
        {
            throw new UsageException($"--data-dir cannot be combined with {name}, which is a folder already");
        }

        ImageDataset data = isFolder
            ? FolderSet.Open(name, UsageException.Check(() => images.For(networkSize)), use, classNames, cancellation)
            : DataSets.Open(name, directory, cancellation);
        foreach (string remark in data.Remarks)
        {
            output.Note($"note: {remark}");
        }

        return isFolder || classNames is null ? data : data.ForClasses(classNames);
    }

    /// <summary>What a run's folder calls the set: an image folder's own name, a table's without its ending.</summary>
    public static string ShortName(string name) => FolderSet.IsFolder(name) ? Path.GetFileName(name)
        : TableData.IsTable(name) ? Path.GetFileNameWithoutExtension(TableData.FileOf(name))
        : name;

    /// <summary>The channels of a known set's images; null where they are not known before the set is opened.</summary>
    public static int? ChannelsOf(string name) => FolderSet.IsFolder(name) ? 3 : DataSets.All.FirstOrDefault(s => s.Name == name)?.ImageShape?[3];

    /// <summary>Checks that a set takes the choices: images of a known set have one size.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static void CheckChoices(string name, ImageChoices images)
    {
        if (!FolderSet.IsFolder(name) && images != new ImageChoices())
        {
            throw new UsageException(
                $"--image-size, --resize, --interpolation, --color, --augment resized-crop and scale-jitter are for image folders (--data "
                    + $"{FolderSet.Prefix}DIR), but the data set is {name}");
        }
    }
}

/// <summary>The options that say how images of many sizes become images of one.</summary>
internal sealed class ImageSizeOptions
{
    private readonly Option<int?> _imageSize = OptionKinds.Number<int>(
        "--image-size", "N", "Height and width of the crops taken from image files", shown: "as in training, or the network's usual size", least: 1);
    private readonly Option<int?> _resize = OptionKinds.Number<int>(
        "--resize", "N", "Length of an image file's shorter side before its center is cropped", shown: "256 for crops of 224, in proportion "
            + "for others", least: 1);

    private readonly Option<string?> _interpolation = OptionKinds.OneOf(
        "--interpolation", [.. ImageChoices.Interpolations.Keys], "Interpolation for resizing image files, as in Pillow and "
            + "torchvision", shown: "as in training, or bilinear")!;

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All => [_imageSize, _resize, _interpolation];

    /// <summary>The choices with the sizes that the user asked for.</summary>
    public ImageChoices Apply(ParseResult arguments, ImageChoices images)
    {
        int? size = arguments.GetValue(_imageSize);

        // Another size of crops has its own usual resize.
        return images with
        {
            ImageSize = size ?? images.ImageSize,
            Interpolation = arguments.GetValue(_interpolation) is { } name ? ImageChoices.Interpolations[name] : images.Interpolation,
            Resize = arguments.GetValue(_resize) ?? (size is null || size == images.ImageSize ? images.Resize : null),
        };
    }
}
