using System.Globalization;
using System.IO.Compression;

namespace Engine.Data;

/// <summary>
/// The 1,797 handwritten digits of 8x8 pixels that are built into the engine, so that training needs neither a network nor a disk.
/// Data/Digits/CREDIT.md names their makers.
/// </summary>
/// <remarks>
/// 36 images of each digit are held out to test with, 360 in all, drawn with a fixed seed; the other 1,437 are for training.
/// The sizes are those of scikit-learn's usual 80 : 20 split.
/// </remarks>
internal sealed class DigitsSet : DataSet
{
    private const int Side = 8;
    private const int ClassCount = 10;
    private const int TestPerClass = 36;
    private const int SplitSeed = 0;
    private const int Brightest = 16;

    private static readonly string[] Classes = [.. Enumerable.Range(0, ClassCount).Select(d => d.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Describes the set; nothing is read yet.</summary>
    public DigitsSet() : base(
        "digits", "1,797 handwritten digits, 8x8 gray, 10 classes; built in",
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, CC BY 4.0", [])
    { }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => Classes;

    /// <inheritdoc/>
    public override Shape? ImageShape => new(1, Side, Side, 1);

    /// <summary>All digits, in the file's order; gray 0 to 16 is scaled to bytes from 0 to 255.</summary>
    public static MemoryImageSource ReadAll()
    {
        using Stream resource = typeof(DigitsSet).Assembly.GetManifestResourceStream("digits.csv.gz")
            ?? throw new EngineException("the built-in digits are missing from this build of the engine");
        using StreamReader reader = new(new GZipStream(resource, CompressionMode.Decompress));
        List<byte> pixels = [];
        List<byte> labels = [];
        while (reader.ReadLine() is { } line)
        {
            int column = 0;
            foreach (Range range in line.AsSpan().Split(','))
            {
                int value = int.Parse(line.AsSpan(range), NumberStyles.None, CultureInfo.InvariantCulture);
                if (column++ < Side * Side)
                {
                    pixels.Add((byte)(((value * 255) + (Brightest / 2)) / Brightest));
                }
                else
                {
                    labels.Add((byte)value);
                }
            }
        }

        return new MemoryImageSource([.. pixels], [.. labels], Side, Side, channels: 1, Classes);
    }

    /// <inheritdoc/>
    private protected override string Locate(string folder) => "built in";

    /// <inheritdoc/>
    private protected override ImageDataset Read(string location, CancellationToken cancellation)
    {
        MemoryImageSource all = ReadAll();
        int[] order = [.. Enumerable.Range(0, all.Count)];
        new RandomSource(SplitSeed, RandomSource.SeedOf(Name)).Shuffle(order.AsSpan());
        int[] held = new int[ClassCount];
        List<int> test = [];
        List<int> train = [];
        foreach (int index in order)
        {
            (held[all.Label(index)]++ < TestPerClass ? test : train).Add(index);
        }

        test.Sort();
        train.Sort();

        // An image of 8 pixels bears a shift by one; a mirrored digit is another sign.
        return new ImageDataset(
            Name, new ImageSubset(all, train.ToArray()), new ImageSubset(all, test.ToArray()), new Augmentation(Padding: 1, Mirror: false), Credit);
    }
}
