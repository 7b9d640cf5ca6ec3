namespace Engine.Data;

/// <content>Parts to train on and to test with, and windows over a series.</content>
public sealed partial class Samples
{
    private static readonly long SplitStream = RandomSource.SeedOf("sample split");

    /// <summary>
    /// Splits the samples at random. Of each class, the test part has its share, to within one sample. The split depends on the seed and the share alone;
    /// each part keeps the samples' order.
    /// </summary>
    /// <param name="testShare">The share of the second part, from 0 to 1, both excluded.</param>
    /// <param name="seed">Chooses the split.</param>
    /// <exception cref="EngineException">The share leaves one part empty.</exception>
    public (Samples Train, Samples Test) Split(double testShare, long seed = 0)
    {
        int test = CountOf(testShare);
        return Divide(Shuffled(seed), test);
    }

    /// <summary>Splits the samples at random into three parts, each class by the same shares.</summary>
    /// <param name="validationShare">The share of all samples that recipes are compared with.</param>
    /// <param name="testShare">The share of all samples that is looked at once, in the end.</param>
    /// <param name="seed">Chooses the split.</param>
    /// <exception cref="EngineException">The shares leave one part empty.</exception>
    public (Samples Train, Samples Validation, Samples Test) Split(double validationShare, double testShare, long seed = 0)
    {
        if (!(validationShare + testShare < 1))
        {
            throw new EngineException(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"samples: shares of {validationShare} and {testShare} leave nothing to train on; expected a sum below 1"));
        }

        (Samples rest, Samples test) = Split(testShare, seed);
        (Samples train, Samples validation) = rest.Split(validationShare / (1 - testShare), seed);
        return (train, validation, test);
    }

    /// <summary>Splits the samples where they stand: the first ones to train on and the last ones to test with, as is right for what happened in time.</summary>
    /// <param name="testShare">The share of the second part, from 0 to 1, both excluded.</param>
    /// <param name="gap">
    /// Samples between the parts that belong to neither. Windows overlap: with horizon - 1 of them (over the stride) no value is predicted in both parts, with
    /// length + horizon - 1 no step is in both.
    /// </param>
    /// <exception cref="EngineException">The share or the gap leaves one part empty.</exception>
    public (Samples Train, Samples Test) SplitInOrder(double testShare, int gap = 0)
    {
        int test = CountOf(testShare);
        return Count - test - gap >= 1
            ? HoldOutLast(test, Math.Max(0, gap))
            : throw new EngineException($"samples: a gap of {gap} leaves nothing of {Count} samples to train on");
    }

    /// <summary>Holds out a number of samples at random, of each class its share.</summary>
    /// <param name="count">Samples in the second part: at least 1, and fewer than there are.</param>
    /// <param name="seed">Chooses them.</param>
    /// <exception cref="EngineException">The count leaves one part empty.</exception>
    public (Samples Train, Samples Test) HoldOut(int count, long seed = 0)
    {
        CheckHeld(count);
        return Divide(Shuffled(seed), count);
    }

    /// <summary>Holds out the last samples.</summary>
    /// <param name="count">Samples in the second part: at least 1, and fewer than there are.</param>
    /// <param name="gap">Samples before them that belong to neither part.</param>
    /// <exception cref="EngineException">The count leaves one part empty.</exception>
    internal (Samples Train, Samples Test) HoldOutLast(int count, int gap = 0)
    {
        CheckHeld(count);
        int[] indices = [.. Enumerable.Range(0, Count)];
        return (Subset(indices.AsSpan(0, Count - count - gap)), Subset(indices.AsSpan(Count - count)));
    }

    /// <summary>
    /// The samples in k pairs of parts for cross-validation: each sample is tested in exactly one of them, and the others of the pair are trained on. Classes are
    /// spread evenly over the parts.
    /// </summary>
    /// <param name="folds">k, at least 2 and at most as many as there are samples.</param>
    /// <param name="seed">Chooses the parts.</param>
    /// <exception cref="EngineException">There are fewer samples than folds, or fewer than 2 folds.</exception>
    public IReadOnlyList<(Samples Train, Samples Test)> KFold(int folds, long seed = 0)
    {
        if (folds < 2 || folds > Count)
        {
            throw new EngineException($"samples: {folds:N0} folds of {Count:N0} samples were asked for; expected 2 to {Count:N0}");
        }

        int[] order = Shuffled(seed);
        return [.. Enumerable.Range(0, folds).Select(Pair)];

        (Samples, Samples) Pair(int fold)
        {
            int[] test = [.. order.Where((_, i) => i % folds == fold).Order()];
            int[] train = [.. order.Where((_, i) => i % folds != fold).Order()];
            return (Subset(train), Subset(test));
        }
    }

    /// <summary>
    /// Windows over a series: each sample is a number of successive steps, and its values are those of one channel in the steps that follow.
    /// </summary>
    /// <param name="series">[T, channels], one step after another.</param>
    /// <param name="length">Steps of a window, L: the samples' features are [L, channels].</param>
    /// <param name="horizon">Steps that are predicted, one value for each.</param>
    /// <param name="channels">Numbers of each step.</param>
    /// <param name="target">The channel that is predicted, from 0.</param>
    /// <param name="stride">Steps from one window's start to the next one's.</param>
    /// <exception cref="EngineException">A figure is out of range, or the series is shorter than one window and its horizon.</exception>
    public static Samples OfWindows(ReadOnlySpan<float> series, int length, int horizon = 1, int channels = 1, int target = 0, int stride = 1)
    {
        if (length < 1 || horizon < 1 || channels < 1 || stride < 1 || (uint)target >= (uint)channels)
        {
            throw new EngineException(
                $"windows: length {length}, horizon {horizon}, channels {channels} and stride {stride} must each be at least 1, and target {target} one of the "
                    + $"channels");
        }

        int steps = series.Length / channels;
        if (series.Length % channels != 0 || steps < (long)length + horizon)
        {
            throw new EngineException(
                $"windows: {series.Length:N0} numbers of {channels:N0} a step do not hold one window of {length:N0} steps and the {horizon:N0} that follow it");
        }

        int count = ((steps - length - horizon) / stride) + 1;
        float[] features = new float[checked(count * length * channels)];
        float[] values = new float[checked(count * horizon)];
        for (int i = 0; i < count; i++)
        {
            int start = i * stride;
            series.Slice(start * channels, length * channels).CopyTo(features.AsSpan(i * length * channels));
            for (int h = 0; h < horizon; h++)
            {
                values[(i * horizon) + h] = series[((start + length + h) * channels) + target];
            }
        }

        string[] names = [.. Enumerable.Range(1, horizon).Select(h => $"step +{h}")];
        return OfValues(new Shape(length, channels), features, values, names);
    }

    private void CheckHeld(int count)
    {
        if (count < 1 || count >= Count)
        {
            throw new EngineException($"samples: {count:N0} of {Count:N0} cannot be held out; expected 1 to {Count - 1:N0}");
        }
    }

    private int CountOf(double share)
    {
        int count = share is > 0 and < 1 ? (int)Math.Round(Count * share) : 0;
        return count >= 1 && count < Count
            ? count
            : throw new EngineException(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"samples: a share of {share} of {Count:N0} samples leaves one part empty; expected more than 0 and less than 1"));
    }

    // Class after class, each in a random order; all at random where there are no classes.
    private int[] Shuffled(long seed)
    {
        int[] order = [.. Enumerable.Range(0, Count)];
        new RandomSource(seed, SplitStream).Shuffle(order.AsSpan());
        return Task == SampleTask.Classification ? [.. order.OrderBy(i => _labels.Span[i])] : order;
    }

    // Every so many-th of the order is held out, so that each class gives its share, to within one sample.
    private (Samples, Samples) Divide(int[] order, int held)
    {
        List<int> train = new(Count - held), test = new(held);
        for (int i = 0; i < Count; i++)
        {
            bool isHeld = (long)(i + 1) * held / Count > (long)i * held / Count;
            (isHeld ? test : train).Add(order[i]);
        }

        train.Sort();
        test.Sort();
        return (Subset([.. train]), Subset([.. test]));
    }
}
