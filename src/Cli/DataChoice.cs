using System.CommandLine;
using Engine.Data;
using Engine.Images;
using Engine.Models;
using Engine.Training;

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
        : throw new EngineException($"there is no data set called '{name}'; the sets are {string.Join(", ", DataSets.All.Select(s => s.Name))}, and {FolderSet.Prefix}DIR"));

    /// <summary>Opens a set.</summary>
    /// <param name="name">What <see cref="Check"/> returned.</param>
    /// <param name="directory">Where a known set lies.</param>
    /// <param name="options">The sizes, crops and colours of an image folder.</param>
    /// <param name="model">The network, which decides the usual size of an image folder's pictures.</param>
    /// <exception cref="UsageException">An option does not fit the set.</exception>
    /// <exception cref="EngineException">The set is not there or damaged.</exception>
    public static ImageSet Open(string name, string? directory, TrainingOptions options, string model)
    {
        CheckOptions(name, options);
        if (!FolderSet.IsFolder(name))
        {
            return DataSets.Open(name, directory);
        }

        return directory is null
            ? FolderSet.Open(name, UsageException.Check(() => FolderSet.OptionsOf(options, Networks.Create(model).ImageSize)))
            : throw new UsageException($"--data-dir does not go with {name}, which tells where it lies");
    }

    /// <summary>What a run's folder calls the set: an image folder's own name.</summary>
    public static string ShortName(string name) => FolderSet.IsFolder(name) ? Path.GetFileName(name) : name;

    /// <summary>Checks that a set takes the options: pictures of a known set have one size.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static void CheckOptions(string name, TrainingOptions options)
    {
        if (!FolderSet.IsFolder(name) && (options.ImageSize, options.Resize, options.Crop, options.Color) is not (null, null, null, null))
        {
            throw new UsageException(
                $"--image-size, --resize, --color, --augment resized-crop and scale-jitter are for image folders (--data {FolderSet.Prefix}DIR), but the data set is {name}");
        }
    }
}

/// <summary>The options that say how pictures of many sizes become pictures of one.</summary>
internal sealed class PictureSizeOptions
{
    private readonly Option<int?> _imageSize = SharedOptions.Number<int>(
        "--image-size", "N", "Height and width of the crops of picture files (default: as in training, or what the network is made for)");
    private readonly Option<int?> _resize = SharedOptions.Number<int>(
        "--resize", "N", "What a picture file's shorter side becomes before its middle is cropped (default: 256 for crops of 224, in proportion for others)");

    /// <summary>Both of them.</summary>
    public IReadOnlyList<Option> All => [_imageSize, _resize];

    /// <summary>Training options with the sizes that the user asked for.</summary>
    public TrainingOptions Apply(ParseResult arguments, TrainingOptions options)
    {
        int? size = arguments.GetValue(_imageSize);

        // Another size of crops has its own usual resize.
        return options with
        {
            ImageSize = size ?? options.ImageSize,
            Resize = arguments.GetValue(_resize) ?? (size is null || size == options.ImageSize ? options.Resize : null),
        };
    }
}
