using Engine.Tensors;

namespace Engine.Data;

/// <summary>
/// Fashion-MNIST: 60,000 training and 10,000 test pictures of clothing in four IDX files, each gzipped or not. Debian's package
/// dataset-fashion-mnist and torchvision's folder layout are found as well.
/// </summary>
internal sealed class FashionMnistSet : DataSet
{
    private const string Address = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";
    private static readonly string[] Classes =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    // Each may end in .gz.
    private static readonly string[] FileNames =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

    /// <summary>Describes the set; nothing is read yet.</summary>
    public FashionMnistSet() : base(
        "fashion-mnist", "60,000 + 10,000 articles of clothing, 28x28 grey, 10 classes",
        "Fashion-MNIST, H. Xiao, K. Rasul and R. Vollgraf (2017), Zalando SE, MIT licence",
        [
            new(Address, "train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            new(Address, "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            new(Address, "t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            new(Address, "t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ])
    { }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => Classes;

    /// <inheritdoc/>
    public override Shape? PictureShape => new(1, 28, 28, 1);

    /// <inheritdoc/>
    private protected override IReadOnlyList<string> SystemFolders => ["/usr/share/datasets/fashion-mnist"];

    /// <inheritdoc/>
    private protected override string? Locate(string folder) =>
        LocateFiles([folder, Path.Combine(folder, Name), Path.Combine(folder, "FashionMNIST", "raw")], FileNames, PathOf);

    /// <inheritdoc/>
    private protected override ImageSet Read(string folder)
    {
        MemoryImageSource train = Part(PathOf(folder, FileNames[0]), PathOf(folder, FileNames[1]));
        MemoryImageSource test = Part(PathOf(folder, FileNames[2]), PathOf(folder, FileNames[3]));
        if ((test.Height, test.Width) != (train.Height, train.Width))
        {
            throw new EngineException(
                $"{PathOf(folder, FileNames[2])} holds {test.Height}x{test.Width} pictures; expected {train.Height}x{train.Width} as in {FileNames[0]}");
        }

        return new ImageSet(Name, train, test, new Augmentation(Padding: 4, Mirror: true), Credit);
    }

    // The file of this name, plain or gzipped; the plain path where there is neither.
    private static string PathOf(string folder, string fileName)
    {
        string path = Path.Combine(folder, fileName);
        return !File.Exists(path) && File.Exists(path + ".gz") ? path + ".gz" : path;
    }

    private static MemoryImageSource Part(string imagePath, string labelPath)
    {
        (int[] extents, byte[] pixels) = IdxReader.Read(imagePath, dimensions: 3);
        (int[] labelExtents, byte[] labels) = IdxReader.Read(labelPath, dimensions: 1);
        if (labelExtents[0] != extents[0])
        {
            throw new EngineException($"{labelPath} holds {labelExtents[0]:N0} labels; expected {extents[0]:N0}, one for each picture of {Path.GetFileName(imagePath)}");
        }

        int wrong = labels.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(Classes.Length - 1));
        return wrong >= 0
            ? throw new EngineException($"{labelPath} gives picture {wrong:N0} the label {labels[wrong]}; expected 0 to {Classes.Length - 1}")
            : new MemoryImageSource(pixels, labels, extents[1], extents[2], channels: 1, Classes);
    }
}
