using Engine.Formats;

namespace Engine.Data;

/// <summary>A data set: images to train on, images held out to test with, and what is known about them.</summary>
/// <param name="Name">What the command line calls it: digits, fashion-mnist, cifar10, cifar100, folder:DIR.</param>
/// <param name="Train">The images to train on.</param>
/// <param name="Test">The images held out, of the same size and classes.</param>
/// <param name="Augmentation">The augmentation that is usual for this set; it mirrors only where a mirror image means the same.</param>
/// <param name="Credit">One line: who made the set, and under which license.</param>
public sealed record ImageDataset(string Name, IImageSource Train, IImageSource Test, Augmentation Augmentation, string Credit)
{
    private const int ShownClasses = 5;

    /// <summary>The classes' names, by label of the test images; those of the training images too, unless <see cref="ForClasses"/> was asked for.</summary>
    public IReadOnlyList<string> ClassNames => Test.ClassNames;

    /// <summary>What is worth a line to whoever named the set: which of its parts is used for what, files that are left out.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>How the set's pixels become numbers; null to compute it from the training images.</summary>
    public PixelNormalization? Normalization { get; init; }

    /// <summary>Whether a mirrored image still shows the same thing: true of photographs, false of digits.</summary>
    public bool IsMirrorable => Augmentation.Mirror;

    /// <summary>Opens one of the data sets that the engine knows by name (<see cref="DataSets.All"/>): digits, which is built in, mnist, cifar10 ...</summary>
    /// <param name="name">Its name.</param>
    /// <param name="directory">Where it lies; null for the cache folder and where an operating system keeps it.</param>
    /// <exception cref="EngineException">There is none of this name, it is not there, or one of its files is damaged.</exception>
    public static ImageDataset Open(string name, string? directory = null) => DataSets.Open(name, directory);

    /// <summary>The same set with test images whose labels refer to the classes of a network that is to be measured on them, matched by name.</summary>
    /// <param name="classNames">The classes that the network tells apart, by its outputs.</param>
    /// <exception cref="EngineException">A test image is of none of these classes; the message names its class.</exception>
    public ImageDataset ForClasses(IReadOnlyList<string> classNames) => this with { Test = Test.WithClasses(classNames) };

    /// <summary>The same set with images of other channels or another size.</summary>
    /// <param name="channels">Gray images are repeated, colors made gray; null for the set's own.</param>
    /// <param name="size">Pixels both ways: black around smaller images, the middle of larger ones; null for the set's own.</param>
    /// <exception cref="EngineException">The channels cannot be made of the set's.</exception>
    public ImageDataset Adapted(int? channels = null, int? size = null)
    {
        return channels is null && size is null ? this : this with
        {
            Train = Adapt(Train),
            Test = Adapt(Test),
            Normalization = channels is null || channels == Train.Channels ? Normalization : null,
        };

        AdaptedSource Adapt(IImageSource source) =>
            new(source, channels ?? source.Channels, size ?? source.Height, size ?? source.Width);
    }

    /// <summary>
    /// The same set with some training images held out: they take the test images' place, so that a recipe can be chosen
    /// without looking at those. A class of which nothing is left to train on is remarked.
    /// </summary>
    /// <param name="count">Images to hold out, 5,000 in the paper.</param>
    /// <param name="seed">Chooses them.</param>
    /// <exception cref="EngineException">The count leaves nothing to train on or nothing to validate with.</exception>
    public ImageDataset WithValidation(int count, long seed)
    {
        (ImageSubset train, ImageSubset validation) = ImageSubset.Split(Train, count, seed);
        int[] before = ImagesOfClasses(Train), left = ImagesOfClasses(train);
        string[] lost = [.. Train.ClassNames.Where((_, c) => before[c] > 0 && left[c] == 0).Select(name => $"'{ShownName.Of(name)}'")];
        return this with { Train = train, Test = validation, Remarks = lost.Length == 0 ? Remarks : [.. Remarks, Remark(lost)] };
    }

    private static int[] ImagesOfClasses(IImageSource source)
    {
        int[] counts = new int[source.ClassNames.Count];
        for (int i = 0; i < source.Count; i++)
        {
            counts[source.Label(i)]++;
        }

        return counts;
    }

    private static string Remark(string[] lost)
    {
        string names = string.Join(", ", lost.Take(ShownClasses)) + (lost.Length > ShownClasses ? $" and {lost.Length - ShownClasses} more" : "");
        return lost.Length == 1
            ? $"nothing is left to train on of class {names}: all its images are held out for validation"
            : $"nothing is left to train on of {lost.Length} classes, all of whose images are held out for validation: {names}";
    }
}
