using System.Globalization;
using Engine.Formats;

namespace Engine.Data;

/// <summary>
/// Samples in memory: features of any shape, each with a target, which is a class, some labels or some values. What tables, series and measurements become;
/// images of bytes have <see cref="IImageSource"/>. Samples do not change once they are made.
/// </summary>
public sealed partial class Samples
{
    private const int MostNumbered = 100_000;
    private readonly ReadOnlyMemory<int> _labels;
    private readonly ReadOnlyMemory<float> _values;

    private Samples(
        SampleTask task, Shape shape, ReadOnlyMemory<float> features, int count, ReadOnlyMemory<int> labels, ReadOnlyMemory<float> values,
        IReadOnlyList<string> targetNames)
    {
        (Task, FeatureShape, Features, Count, _labels, _values, TargetNames) = (task, shape, features, count, labels, values, targetNames);
    }

    /// <summary>What is to be learned of them.</summary>
    public SampleTask Task { get; }

    /// <summary>How many samples there are: N.</summary>
    public int Count { get; }

    /// <summary>The shape of one sample's features: [F] of a table's row, [L, C] of a series of L steps.</summary>
    public Shape FeatureShape { get; }

    /// <summary>All features, one sample after another: [N, FeatureShape].</summary>
    public ReadOnlyMemory<float> Features { get; private init; }

    /// <summary>The class of each sample, from 0: [N]; empty unless the task is <see cref="SampleTask.Classification"/>.</summary>
    public ReadOnlySpan<int> Labels => _labels.Span;

    /// <summary>The values, or zeros and ones, of each sample: [N, TargetNames.Count]; empty where the task is <see cref="SampleTask.Classification"/>.</summary>
    public ReadOnlySpan<float> Values => _values.Span;

    /// <summary>The names of the classes, by label; or of the labels or values of each sample.</summary>
    public IReadOnlyList<string> TargetNames { get; }

    /// <summary>The names of the features along their last axis; empty where they have none.</summary>
    public IReadOnlyList<string> FeatureNames { get; private init; } = [];

    /// <summary>A factor for each sample's loss: [N]; empty where all count alike.</summary>
    public ReadOnlyMemory<float> Weights { get; private init; }

    /// <summary>Samples of which each belongs to one class.</summary>
    /// <param name="shape">The shape of one sample's features.</param>
    /// <param name="features">[N, shape]; they are not copied.</param>
    /// <param name="labels">[N], each from 0 to the number of classes minus 1; they are not copied.</param>
    /// <param name="classNames">The classes' names; none for 0, 1, 2 ..., as many as there are labels.</param>
    /// <exception cref="EngineException">The lengths do not fit one another, a feature is not finite, or a label has no class.</exception>
    public static Samples OfClasses(Shape shape, ReadOnlyMemory<float> features, ReadOnlyMemory<int> labels, params IReadOnlyList<string> classNames)
    {
        int count = CheckFeatures(shape, features.Span);
        if (labels.Length != count)
        {
            throw new EngineException($"samples: there are {count:N0} samples, but {labels.Length:N0} labels; expected one label for each");
        }

        if (classNames.Count == 0)
        {
            int most = 0;
            foreach (int label in labels.Span)
            {
                most = Math.Max(most, label);
            }

            classNames = most < MostNumbered
                ? Numbers(most + 1)
                : throw new EngineException($"samples: a label is {most}, but classes without names are numbered from 0 to {MostNumbered - 1}");
        }

        for (int i = 0; i < count; i++)
        {
            if ((uint)labels.Span[i] >= (uint)classNames.Count)
            {
                throw new EngineException(
                    $"samples: sample {i:N0} has label {labels.Span[i]}, but there are {classNames.Count:N0} classes; expected 0 to {classNames.Count - 1}");
            }
        }

        return new Samples(SampleTask.Classification, shape, features, count, labels, default, classNames);
    }

    /// <summary>Samples of which each belongs to one class, from a matrix with a row for each sample.</summary>
    /// <param name="features">[N, F].</param>
    /// <param name="labels">[N], each from 0 to the number of classes minus 1.</param>
    /// <param name="classNames">The classes' names; none for 0, 1, 2 ...</param>
    /// <exception cref="EngineException">The lengths do not fit one another, a feature is not finite, or a label has no class.</exception>
    public static Samples OfClasses(float[,] features, ReadOnlyMemory<int> labels, params IReadOnlyList<string> classNames) =>
        OfClasses(new Shape(features.GetLength(1)), Flat(features), labels, classNames);

    /// <summary>Samples of which each belongs to one class, from anything that can be enumerated; the classes are those that occur, in alphabetical order.</summary>
    /// <param name="rows">Each sample's features, as many in each, and the name of its class.</param>
    /// <exception cref="EngineException">There are none, one has more or fewer features than the first, or a feature is not finite.</exception>
    public static Samples OfClasses(IEnumerable<(float[] Features, string Class)> rows)
    {
        (float[] Features, string Class)[] all = [.. rows];
        string[] names = [.. all.Select(r => r.Class).Distinct().Order(StringComparer.Ordinal)];
        Dictionary<string, int> labels = names.Index().ToDictionary(n => n.Item, n => n.Index);
        return OfClasses(ShapeOf(all, r => r.Features), Joined(all, r => r.Features), Array.ConvertAll(all, r => labels[r.Class]), names);
    }

    /// <summary>Samples of which each has one or more values that are to be predicted.</summary>
    /// <param name="shape">The shape of one sample's features.</param>
    /// <param name="features">[N, shape]; they are not copied.</param>
    /// <param name="values">[N, V]; they are not copied.</param>
    /// <param name="names">The names of the V values; none for a single one.</param>
    /// <exception cref="EngineException">The lengths do not fit one another, or a number is not finite.</exception>
    public static Samples OfValues(Shape shape, ReadOnlyMemory<float> features, ReadOnlyMemory<float> values, params IReadOnlyList<string> names) =>
        OfTargets(SampleTask.Regression, shape, features, values, names.Count == 0 ? ["value"] : names);

    /// <summary>Samples of which each has one value that is to be predicted, from a matrix with a row for each sample.</summary>
    /// <param name="features">[N, F].</param>
    /// <param name="values">[N].</param>
    /// <exception cref="EngineException">The lengths do not fit one another, or a number is not finite.</exception>
    public static Samples OfValues(float[,] features, ReadOnlyMemory<float> values) => OfValues(new Shape(features.GetLength(1)), Flat(features), values);

    /// <summary>Samples of which each has one value that is to be predicted, from anything that can be enumerated.</summary>
    /// <param name="rows">Each sample's features, as many in each, and its value.</param>
    /// <exception cref="EngineException">There are none, one has more or fewer features than the first, or a number is not finite.</exception>
    public static Samples OfValues(IEnumerable<(float[] Features, float Value)> rows)
    {
        (float[] Features, float Value)[] all = [.. rows];
        return OfValues(ShapeOf(all, r => r.Features), Joined(all, r => r.Features), Array.ConvertAll(all, r => r.Value));
    }

    /// <summary>Samples of which each has none, some or all of several labels; with one label, the answer is yes or no.</summary>
    /// <param name="shape">The shape of one sample's features.</param>
    /// <param name="features">[N, shape]; they are not copied.</param>
    /// <param name="flags">[N, L]: 1 where the sample has the label, else 0; they are not copied.</param>
    /// <param name="names">The names of the L labels, at least one.</param>
    /// <exception cref="EngineException">The lengths do not fit one another, or a number is not finite, or a flag neither 0 nor 1.</exception>
    public static Samples OfLabels(Shape shape, ReadOnlyMemory<float> features, ReadOnlyMemory<float> flags, params IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            throw new EngineException("samples: labels need names, at least one");
        }

        int wrong = flags.Span.IndexOfAnyExcept(0f, 1f);
        return wrong < 0
            ? OfTargets(SampleTask.MultiLabel, shape, features, flags, names)
            : throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"samples: label '{ShownName.Of(names[wrong % names.Count])}' of sample {wrong / names.Count:N0} is {flags.Span[wrong]}; expected 0 or 1"));
    }

    /// <summary>The same samples with names for their features.</summary>
    /// <param name="names">One for each place along the features' last axis.</param>
    /// <exception cref="EngineException">There are more or fewer.</exception>
    public Samples WithFeatureNames(params IReadOnlyList<string> names) => names.Count == FeatureShape.Last
        ? With(Weights, names)
        : throw new EngineException($"samples: {names.Count:N0} names were given for features {FeatureShape}; expected {FeatureShape.Last:N0}");

    /// <summary>The same samples, each with a factor for its loss.</summary>
    /// <param name="weights">[N], zero or more; they are not copied.</param>
    /// <exception cref="EngineException">There are more or fewer, or one is negative or not finite.</exception>
    public Samples WithWeights(ReadOnlyMemory<float> weights)
    {
        if (weights.Length != Count)
        {
            throw new EngineException($"samples: {weights.Length:N0} weights were given for {Count:N0} samples");
        }

        for (int i = 0; i < Count; i++)
        {
            if (!(weights.Span[i] >= 0) || float.IsInfinity(weights.Span[i]))
            {
                throw new EngineException(string.Create(
                    CultureInfo.InvariantCulture, $"samples: the weight of sample {i:N0} is {weights.Span[i]}; expected a number of 0 or more"));
            }
        }

        return With(weights, FeatureNames);
    }

    /// <summary>The same samples, each with its class's factor for its loss.</summary>
    /// <param name="weights">One for each class, zero or more.</param>
    /// <exception cref="EngineException">The samples have no classes, or there are more or fewer weights.</exception>
    public Samples WithClassWeights(params ReadOnlySpan<double> weights)
    {
        RequireClasses("class weights");
        if (weights.Length != TargetNames.Count)
        {
            throw new EngineException($"samples: {weights.Length:N0} class weights were given for {TargetNames.Count:N0} classes");
        }

        float[] each = new float[Count];
        for (int i = 0; i < Count; i++)
        {
            each[i] = (float)weights[Labels[i]];
        }

        return WithWeights(each);
    }

    /// <summary>
    /// The same samples with weights such that every class that occurs counts as much as any other: N / (classes that occur * samples of the class), as
    /// scikit-learn's class_weight="balanced".
    /// </summary>
    /// <exception cref="EngineException">The samples have no classes.</exception>
    public Samples Balanced()
    {
        RequireClasses("balanced weights");
        int[] counts = ClassCounts();
        int present = counts.Count(c => c > 0);
        return WithClassWeights(Array.ConvertAll(counts, c => c == 0 ? 0 : (double)Count / ((double)present * c)));
    }

    /// <summary>The features of one sample: [FeatureShape].</summary>
    public ReadOnlySpan<float> FeaturesOf(int index) => Features.Span.Slice(checked(index * FeatureLength), FeatureLength);

    /// <summary>How many samples each class has: [classes].</summary>
    /// <exception cref="EngineException">The samples have no classes.</exception>
    public int[] ClassCounts()
    {
        RequireClasses("counts of classes");
        int[] counts = new int[TargetNames.Count];
        foreach (int label in Labels)
        {
            counts[label]++;
        }

        return counts;
    }

    /// <summary>Some of the samples, in an order of their own.</summary>
    /// <exception cref="EngineException">An index names no sample.</exception>
    public Samples Subset(params ReadOnlySpan<int> indices)
    {
        int wrong = indices.IndexOfAnyExceptInRange(0, Count - 1);
        if (wrong >= 0)
        {
            throw new EngineException($"samples: a subset asks for sample {indices[wrong]} of {Count:N0}");
        }

        return new Samples(
            Task, FeatureShape, Rows(Features, FeatureLength, indices), indices.Length, Rows(_labels, 1, indices), Rows(_values, TargetLength, indices),
            TargetNames)
        {
            FeatureNames = FeatureNames,
            Weights = Rows(Weights, 1, indices),
        };
    }

    /// <summary><see cref="Values"/>, for those who keep them.</summary>
    internal ReadOnlyMemory<float> ValueMemory => _values;

    /// <summary>How many numbers one sample's features are.</summary>
    internal int FeatureLength => checked((int)FeatureShape.ElementCount);

    /// <summary>How many values one sample's target has; 0 where it is a label.</summary>
    internal int TargetLength => Task == SampleTask.Classification ? 0 : TargetNames.Count;

    private static Samples OfTargets(
        SampleTask task, Shape shape, ReadOnlyMemory<float> features, ReadOnlyMemory<float> values, IReadOnlyList<string> names)
    {
        int count = CheckFeatures(shape, features.Span);
        if (values.Length != (long)count * names.Count)
        {
            throw new EngineException(
                $"samples: there are {count:N0} samples, but {values.Length:N0} target numbers; expected {names.Count:N0} for each ("
                    + $"{string.Join(", ", names.Take(5).Select(ShownName.Of))}{(names.Count > 5 ? " ..." : "")})");
        }

        int wrong = NotFinite(values.Span);
        return wrong < 0
            ? new Samples(task, shape, features, count, default, values, names)
            : throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"samples: '{ShownName.Of(names[wrong % names.Count])}' of sample {wrong / names.Count:N0} is {values.Span[wrong]}; expected a finite number"));
    }

    private static int CheckFeatures(Shape shape, ReadOnlySpan<float> features)
    {
        if (shape.Rank < 1 || shape.ElementCount < 1)
        {
            throw new EngineException($"samples: the shape of one sample's features is {shape}, but must have at least one number");
        }

        if (features.Length == 0 || features.Length % shape.ElementCount != 0)
        {
            throw new EngineException($"samples: {features.Length:N0} numbers are no whole number of samples of {shape}, of which at least one is needed");
        }

        int wrong = NotFinite(features);
        int length = (int)shape.ElementCount;
        return wrong < 0
            ? features.Length / length
            : throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"samples: feature {wrong % length} of sample {wrong / length:N0} is {features[wrong]}; expected a finite number: leave the sample out, or fill "
                    + $"in a value"));
    }

    private static int NotFinite(ReadOnlySpan<float> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            if (!float.IsFinite(numbers[i]))
            {
                return i;
            }
        }

        return -1;
    }

    private static string[] Numbers(int count) =>
        [.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];

    private static float[] Flat(float[,] matrix)
    {
        float[] flat = new float[matrix.Length];
        Buffer.BlockCopy(matrix, 0, flat, 0, checked(matrix.Length * sizeof(float)));
        return flat;
    }

    private static Shape ShapeOf<T>(T[] rows, Func<T, float[]> features) =>
        rows.Length > 0 ? new Shape(features(rows[0]).Length) : throw new EngineException("samples: there are none; expected at least one");

    private static float[] Joined<T>(T[] rows, Func<T, float[]> features)
    {
        int length = features(rows[0]).Length;
        float[] all = new float[checked(rows.Length * length)];
        for (int i = 0; i < rows.Length; i++)
        {
            float[] row = features(rows[i]);
            if (row.Length != length)
            {
                throw new EngineException($"samples: sample {i:N0} has {row.Length:N0} features, but the first has {length:N0}");
            }

            row.CopyTo(all, i * length);
        }

        return all;
    }

    private static ReadOnlyMemory<T> Rows<T>(ReadOnlyMemory<T> all, int length, ReadOnlySpan<int> indices)
    {
        if (all.IsEmpty)
        {
            return all;
        }

        T[] rows = new T[checked(indices.Length * length)];
        for (int i = 0; i < indices.Length; i++)
        {
            all.Span.Slice(indices[i] * length, length).CopyTo(rows.AsSpan(i * length));
        }

        return rows;
    }

    private Samples With(ReadOnlyMemory<float> weights, IReadOnlyList<string> featureNames) =>
        new(Task, FeatureShape, Features, Count, _labels, _values, TargetNames) { Weights = weights, FeatureNames = featureNames };

    private void RequireClasses(string what)
    {
        if (Task != SampleTask.Classification)
        {
            throw new EngineException($"samples: {what} need samples of classes, but these have {(Task == SampleTask.Regression ? "values" : "labels")}");
        }
    }
}
