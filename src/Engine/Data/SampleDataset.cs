using Engine.Formats;

namespace Engine.Data;

/// <summary>A data set of samples: those to train on, those held out to test with, and how their numbers are scaled.</summary>
public sealed record SampleDataset
{
    /// <summary>Puts two parts together.</summary>
    /// <param name="train">The samples to train on.</param>
    /// <param name="test">The samples held out, of the same shape and targets.</param>
    /// <param name="name">What messages and runs call it.</param>
    /// <exception cref="EngineException">The parts differ in task, shape or targets.</exception>
    public SampleDataset(Samples train, Samples test, string name = "samples")
    {
        if (!train.TargetNames.SequenceEqual(test.TargetNames) && train.TargetNames.Count == test.TargetNames.Count)
        {
            (string one, string other) = train.TargetNames.Zip(test.TargetNames).First(pair => pair.First != pair.Second);
            throw new EngineException(
                $"'{name}': the samples to train on have a target '{ShownName.Of(one)}' where those to test with have '{ShownName.Of(other)}': give both the same "
                    + "names in the same order");
        }

        if (train.Task != test.Task || train.FeatureShape != test.FeatureShape || train.TargetNames.Count != test.TargetNames.Count)
        {
            throw new EngineException(
                $"'{name}': the samples to train on are {Described(train)}, but those to test with {Described(test)}: both must be of one kind");
        }

        (Name, Train, Test) = (name, train, test);
    }

    /// <summary>What messages and runs call it.</summary>
    public string Name { get; }

    /// <summary>The samples to train on.</summary>
    public Samples Train { get; private init; }

    /// <summary>The samples held out.</summary>
    public Samples Test { get; private init; }

    /// <summary>How features are scaled; null to standardize them by the samples that are trained on.</summary>
    public FeatureScaling? Features { get; init; }

    /// <summary>How values that are to be predicted are scaled; null to standardize them likewise. Labels and classes are not scaled.</summary>
    public FeatureScaling? Values { get; init; }

    /// <summary>
    /// Entries of a library beyond the engine for the headers of weights and checkpoints, such as how a table's rows became these samples. They must not have
    /// names that the engine uses itself.
    /// </summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether the samples follow one another in time: then the last ones of those to train on are held out for validation, not some at random, which would be
    /// next to others that are trained on.
    /// </summary>
    public bool IsInOrder { get; init; }

    /// <summary>What is to be learned.</summary>
    public SampleTask Task => Train.Task;

    /// <summary>Splits samples at random, of each class its share, see <see cref="Samples.Split(double, long)"/>.</summary>
    /// <param name="all">The samples.</param>
    /// <param name="testShare">The share that is held out.</param>
    /// <param name="seed">Chooses them.</param>
    /// <param name="name">What messages and runs call the set.</param>
    /// <exception cref="EngineException">The share leaves one part empty.</exception>
    public static SampleDataset Split(Samples all, double testShare = 0.2, long seed = 0, string name = "samples")
    {
        (Samples train, Samples test) = all.Split(testShare, seed);
        return new SampleDataset(train, test, name);
    }

    /// <summary>Splits samples where they stand, see <see cref="Samples.SplitInOrder"/>: for what happened in time.</summary>
    /// <param name="all">The samples, in order.</param>
    /// <param name="testShare">The share that is held out.</param>
    /// <param name="gap">Samples between the parts that belong to neither.</param>
    /// <param name="name">What messages and runs call the set.</param>
    /// <exception cref="EngineException">The share or the gap leaves one part empty.</exception>
    public static SampleDataset SplitInOrder(Samples all, double testShare = 0.2, int gap = 0, string name = "samples")
    {
        (Samples train, Samples test) = all.SplitInOrder(testShare, gap);
        return new SampleDataset(train, test, name) { IsInOrder = true };
    }

    /// <summary>The same set with some training samples held out: they take the test samples' place, so that a recipe can be chosen without those.</summary>
    /// <param name="count">Samples to hold out.</param>
    /// <param name="seed">Chooses them.</param>
    /// <exception cref="EngineException">The count leaves nothing to train on or nothing to validate with.</exception>
    public SampleDataset WithValidation(int count, long seed)
    {
        (Samples train, Samples validation) = IsInOrder ? Train.HoldOutLast(count) : Train.HoldOut(count, seed);
        return this with { Train = train, Test = validation };
    }

    private static string Described(Samples samples) =>
        $"{samples.Task} samples of features {samples.FeatureShape} with {samples.TargetNames.Count:N0} targets";
}
