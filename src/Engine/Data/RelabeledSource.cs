namespace Engine.Data;

/// <summary>Another source's images under labels of other classes, matched by the classes' names: those of a network that was trained on more of them, or in another order.</summary>
public sealed class RelabeledSource : IImageSource
{
    private const int MostShown = 10;
    private readonly IImageSource _source;
    private readonly int[] _labels;

    private RelabeledSource(IImageSource source, IReadOnlyList<string> classNames, int[] labels) => (_source, ClassNames, _labels) = (source, classNames, labels);

    /// <inheritdoc/>
    public int Count => _source.Count;

    /// <inheritdoc/>
    public int Height => _source.Height;

    /// <inheritdoc/>
    public int Width => _source.Width;

    /// <inheritdoc/>
    public int Channels => _source.Channels;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public bool IsDecoded => _source.IsDecoded;

    /// <summary>Labels a source's images by the place of their class's name among others.</summary>
    /// <param name="source">The images.</param>
    /// <param name="classNames">The names that the labels are to refer to.</param>
    /// <returns>The source itself where its classes are the same, in the same order.</returns>
    /// <exception cref="EngineException">An image is of none of these classes; the message names its class.</exception>
    public static IImageSource Of(IImageSource source, IReadOnlyList<string> classNames) => source.ClassNames.SequenceEqual(classNames)
        ? source
        : new RelabeledSource(source, classNames, Map(source, classNames));

    /// <inheritdoc/>
    public int Label(int index) => _labels[_source.Label(index)];

    /// <inheritdoc/>
    public string? NameOf(int index) => _source.NameOf(index);

    /// <inheritdoc/>
    public void Read(int index, Span<byte> pixels) => _source.Read(index, pixels);

    /// <inheritdoc/>
    public void ReadRandom(int index, RandomSource random, Span<byte> pixels) => _source.ReadRandom(index, random, pixels);

    /// <summary>For each of a source's labels the one of the class of that name; -1 for a class that none of its images is of.</summary>
    /// <exception cref="EngineException">An image is of none of the classes.</exception>
    internal static int[] Map(IImageSource source, IReadOnlyList<string> classNames)
    {
        int[] labels = LabelsByName(source.ClassNames, classNames);
        if (Array.IndexOf(labels, -1) < 0)
        {
            return labels;
        }

        bool[] isUsed = new bool[labels.Length];
        for (int i = 0; i < source.Count; i++)
        {
            isUsed[source.Label(i)] = true;
        }

        string[] unknown = [.. source.ClassNames.Where((_, label) => isUsed[label] && labels[label] < 0)];
        return unknown.Length == 0 ? labels : throw new EngineException(
            $"{Listed(unknown)} {(unknown.Length == 1 ? "is" : "are")} none of the {classNames.Count:N0} {(classNames.Count == 1 ? "class" : "classes")} that the network has: {Listed(classNames)}; remove {(unknown.Length == 1 ? "its" : "their")} images to evaluate the others");
    }

    private static int[] LabelsByName(IReadOnlyList<string> from, IReadOnlyList<string> to)
    {
        Dictionary<string, int> places = new(StringComparer.Ordinal);
        for (int label = 0; label < to.Count; label++)
        {
            places.TryAdd(to[label], label);
        }

        return [.. from.Select(name => places.GetValueOrDefault(name, -1))];
    }

    private static string Listed(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(MostShown).Select(n => $"'{Formats.ShownName.Of(n)}'")) + (names.Count > MostShown ? $" and {names.Count - MostShown:N0} more" : "");
}
