namespace Engine.Data;

/// <summary>
/// MNIST and the sets that are arranged as it is: 60,000 training and 10,000 test images of 28x28 gray pixels in four IDX files, each gzipped or not,
/// under the names with a dash or with a dot (as unpacked by some programs). torchvision's folder layout is found as well.
/// </summary>
internal abstract class IdxSet : DataSet
{
    private const int Side = 28;
    private const int TrainCount = 60_000;
    private const int TestCount = 10_000;

    // Each may end in .gz.
    private static readonly string[] FileNames =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

    private readonly string _torchvisionFolder;
    private readonly Augmentation _augmentation;

    private protected IdxSet(
        string name, string description, string credit, string torchvisionFolder, Augmentation augmentation, IReadOnlyList<RemoteFile> downloads)
        : base(name, description, credit, downloads) => (_torchvisionFolder, _augmentation) = (torchvisionFolder, augmentation);

    /// <inheritdoc/>
    public override Shape? ImageShape => new(1, Side, Side, 1);

    /// <inheritdoc/>
    private protected override string? Locate(string folder) =>
        LocateFiles([folder, Path.Combine(folder, Name), Path.Combine(folder, "raw"), Path.Combine(folder, _torchvisionFolder, "raw")], FileNames, PathOf);

    /// <inheritdoc/>
    private protected override ImageDataset Read(string folder, CancellationToken cancellation)
    {
        MemoryImageSource train = Part(PathOf(folder, FileNames[0]), PathOf(folder, FileNames[1]), TrainCount);
        cancellation.ThrowIfCancellationRequested();
        MemoryImageSource test = Part(PathOf(folder, FileNames[2]), PathOf(folder, FileNames[3]), TestCount);
        if ((test.Height, test.Width) != (train.Height, train.Width))
        {
            throw new EngineException(
                $"{PathOf(folder, FileNames[2])} holds {test.Height}x{test.Width} images; expected {train.Height}x{train.Width} as in {FileNames[0]}");
        }

        return new ImageDataset(Name, train, test, _augmentation, Credit);
    }

    // The file of this name, plain or gzipped, with a dash or a dot; the usual path where there is none.
    private static string PathOf(string folder, string fileName)
    {
        string dotted = fileName.Replace("-idx", ".idx", StringComparison.Ordinal);
        string[] names = [fileName, fileName + ".gz", dotted, dotted + ".gz"];
        return names.Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists) ?? Path.Combine(folder, fileName);
    }

    private MemoryImageSource Part(string imagePath, string labelPath, int most)
    {
        (int[] extents, byte[] pixels) = IdxReader.Read(imagePath, [most, Side, Side], Name);
        (int[] labelExtents, byte[] labels) = IdxReader.Read(labelPath, [most], Name);
        if (labelExtents[0] != extents[0])
        {
            throw new EngineException(
                $"{labelPath} holds {labelExtents[0]:N0} label{(labelExtents[0] == 1 ? "" : "s")}; expected {extents[0]:N0}, one for each image of {Path.GetFileName(imagePath)}");
        }

        int wrong = labels.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(ClassNames.Count - 1));
        return wrong >= 0
            ? throw new EngineException($"{labelPath} gives image {wrong:N0} the label {labels[wrong]}; expected 0 to {ClassNames.Count - 1}")
            : new MemoryImageSource(pixels, labels, extents[1], extents[2], channels: 1, ClassNames);
    }
}

/// <summary>Fashion-MNIST: ten kinds of clothing. Debian's package dataset-fashion-mnist is found as well.</summary>
internal sealed class FashionMnistSet() : IdxSet(
    "fashion-mnist", "60,000 + 10,000 articles of clothing, 28x28 gray, 10 classes",
    "Fashion-MNIST, H. Xiao, K. Rasul and R. Vollgraf (2017), Zalando SE, MIT license", "FashionMNIST", new Augmentation(Padding: 4, Mirror: true),
    [
        new(Address, "train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        new(Address, "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        new(Address, "t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        new(Address, "t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    ])
{
    private const string Address = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <inheritdoc/>
    private protected override IReadOnlyList<string> SystemFolders => ["/usr/share/datasets/fashion-mnist"];
}

/// <summary>MNIST: handwritten digits, whose mirror images are other signs.</summary>
internal sealed class MnistSet() : IdxSet(
    "mnist", "60,000 + 10,000 handwritten digits, 28x28 gray, 10 classes",
    "MNIST, Y. LeCun, C. Cortes and C. Burges (1998), after NIST's special databases 1 and 3; no license stated", "MNIST", new Augmentation(Padding: 2, Mirror: false),
    [
        new(Address, "train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        new(Address, "train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        new(Address, "t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        new(Address, "t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ])
{
    // The makers' own server no longer hands them out; this is where torchvision gets them.
    private const string Address = "https://ossci-datasets.s3.amazonaws.com/mnist/";

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
}
