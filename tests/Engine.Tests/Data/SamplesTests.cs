using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>Samples in memory: what they refuse, how they are split, and what a loader makes of them.</summary>
public sealed class SamplesTests : IDisposable
{
    private readonly ReferenceDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Samples_of_a_matrix_keep_rows_and_labels()
    {
        Samples samples = Samples.OfClasses(new float[,] { { 1, 2 }, { 3, 4 }, { 5, 6 } }, new[] { 1, 0, 1 }, "no", "yes").WithFeatureNames("a", "b");
        Assert.Equal((SampleTask.Classification, 3, new Shape(2)), (samples.Task, samples.Count, samples.FeatureShape));
        Assert.Equal([3, 4], samples.FeaturesOf(1).ToArray());
        Assert.Equal([1, 2], samples.ClassCounts());
        Samples part = samples.Subset(2, 0);
        Assert.Equal([5, 6, 1, 2], part.Features.ToArray());
        Assert.Equal([1, 1], part.Labels.ToArray());
        Assert.Equal(["a", "b"], part.FeatureNames);
    }

    [Fact]
    public void Classes_of_enumerated_rows_are_in_alphabetical_order()
    {
        Samples samples = Samples.OfClasses([([1f], "pear"), ([2f], "apple"), ([3f], "pear")]);
        Assert.Equal(["apple", "pear"], samples.TargetNames);
        Assert.Equal([1, 0, 1], samples.Labels.ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_refused_in_one_line()
    {
        Shape two = new(2);
        DataFiles.AssertOneLine(() => Samples.OfClasses(two, new float[3], new[] { 0 }), "3 numbers", "whole number of samples");
        DataFiles.AssertOneLine(() => Samples.OfClasses(two, new float[4], new[] { 0 }), "2 samples", "1 labels");
        DataFiles.AssertOneLine(() => Samples.OfClasses(two, new float[4], new[] { 0, 2 }, "a", "b"), "sample 1", "label 2", "0 to 1");
        DataFiles.AssertOneLine(() => Samples.OfClasses(two, new float[4], new[] { 0, -1 }), "label -1");
        DataFiles.AssertOneLine(() => Samples.OfClasses(two, new[] { 0, 1, 2, float.NaN }, new[] { 0, 1 }), "feature 1 of sample 1", "NaN");
        DataFiles.AssertOneLine(() => Samples.OfValues(two, new float[4], new[] { 1, float.PositiveInfinity }), "'value' of sample 1");
        DataFiles.AssertOneLine(() => Samples.OfValues(two, new float[4], new float[3], "x", "y"), "3 target numbers", "2 for each (x, y)");
        DataFiles.AssertOneLine(() => Samples.OfLabels(two, new float[4], new[] { 0, 1, 0.5f, 1 }, "x", "y"), "'x' of sample 1 is 0.5", "0 or 1");
        DataFiles.AssertOneLine(() => Samples.OfLabels(two, new float[4], new float[2]), "names");
        DataFiles.AssertOneLine(() => Samples.OfClasses([([1f, 2f], "a"), ([1f], "b")]), "sample 1 has 1", "first has 2");
        DataFiles.AssertOneLine(() => Samples.OfValues([]), "none");
        DataFiles.AssertOneLine(() => Samples.OfValues(new Shape(2, 0), new float[4], new float[2]), "at least one number");
        Samples samples = Numbered(4);
        DataFiles.AssertOneLine(() => samples.Subset(4), "sample 4 of 4");
        DataFiles.AssertOneLine(() => samples.WithFeatureNames("a", "b"), "2 names");
        DataFiles.AssertOneLine(() => samples.WithWeights(new float[] { 1, 1, -1, 1 }), "sample 2", "-1");
        DataFiles.AssertOneLine(() => samples.WithWeights(new float[3]), "3 weights", "4 samples");
        DataFiles.AssertOneLine(() => samples.WithClassWeights(1, 2, 3), "3 class weights");
        DataFiles.AssertOneLine(() => Samples.OfValues(two, new float[4], new float[2]).Balanced(), "classes", "values");
        DataFiles.AssertOneLine(() => new SampleDataset(samples, Samples.OfValues(two, new float[4], new float[2])), "of one kind");
    }

    [Theory]
    [InlineData(0.2, 20)]
    [InlineData(0.5, 50)]
    [InlineData(0.01, 1)]
    public void A_split_gives_each_class_its_share_and_loses_nobody(double share, int expected)
    {
        Samples samples = Numbered(100, classes: 3);
        (Samples train, Samples test) = samples.Split(share, seed: 7);
        Assert.Equal(expected, test.Count);
        Assert.Equal(Enumerable.Range(0, 100), Ids(train).Concat(Ids(test)).Order());
        int[] all = samples.ClassCounts(), held = test.ClassCounts();
        Assert.All(Enumerable.Range(0, 3), c => Assert.InRange(held[c], Math.Floor(all[c] * share), Math.Ceiling(all[c] * share)));
        Assert.Equal(Ids(test), Ids(samples.Split(share, seed: 7).Test));
        Assert.Equal(Ids(test).Order(), Ids(test));
        if (expected > 1)
        {
            Assert.NotEqual(Ids(test), Ids(samples.Split(share, seed: 8).Test));
        }
    }

    [Fact]
    public void Three_parts_have_the_shares_of_the_whole()
    {
        (Samples train, Samples validation, Samples test) = Numbered(100).Split(0.2, 0.1, seed: 1);
        Assert.Equal((70, 20, 10), (train.Count, validation.Count, test.Count));
        Assert.Equal(Enumerable.Range(0, 100), Ids(train).Concat(Ids(validation)).Concat(Ids(test)).Order());
    }

    [Fact]
    public void A_split_in_order_holds_out_the_last_ones()
    {
        (Samples train, Samples test) = Numbered(10).SplitInOrder(0.3);
        Assert.Equal(Enumerable.Range(0, 7), Ids(train));
        Assert.Equal(Enumerable.Range(7, 3), Ids(test));
        (Samples apart, Samples last) = Numbered(10).SplitInOrder(0.3, gap: 2);
        Assert.Equal((Enumerable.Range(0, 5), Enumerable.Range(7, 3)), (Ids(apart), Ids(last)), (x, y) => x.Item1.SequenceEqual(y.Item1) && x.Item2.SequenceEqual(y.Item2));
        SampleDataset series = SampleDataset.SplitInOrder(Numbered(10), 0.2).WithValidation(3, seed: 5);
        Assert.Equal([5, 6, 7], Ids(series.Test));
        DataFiles.AssertOneLine(() => Numbered(10).SplitInOrder(0.3, gap: 7), "gap of 7");
        DataFiles.AssertOneLine(() => Numbered(10).Split(0.5, 0.5), "shares of 0.5 and 0.5");
        DataFiles.AssertOneLine(() => Samples.OfClasses(new Shape(1), new float[1], new[] { int.MaxValue }), "2147483647", "numbered");
        DataFiles.AssertOneLine(() => Samples.OfClasses(new Shape(1), new float[1], new[] { -1 }), "label -1");
        DataFiles.AssertOneLine(() => Samples.OfWindows(new float[5], int.MaxValue), "one window");
        DataFiles.AssertOneLine(() => Numbered(10).SplitInOrder(0.01), "one part empty");
        DataFiles.AssertOneLine(() => Numbered(10).Split(1.0), "one part empty");
    }

    [Fact]
    public void Every_sample_is_tested_in_one_fold_and_trained_on_in_the_others()
    {
        Samples samples = Numbered(23, classes: 3);
        IReadOnlyList<(Samples Train, Samples Test)> folds = samples.KFold(5, seed: 3);
        Assert.Equal(5, folds.Count);
        Assert.Equal(Enumerable.Range(0, 23), folds.SelectMany(f => Ids(f.Test)).Order());
        Assert.All(folds, f => Assert.Equal(Enumerable.Range(0, 23), Ids(f.Train).Concat(Ids(f.Test)).Order()));
        Assert.All(folds, f => Assert.All(f.Test.ClassCounts(), count => Assert.InRange(count, 1, 2)));
        DataFiles.AssertOneLine(() => samples.KFold(24), "24 folds");
        DataFiles.AssertOneLine(() => samples.KFold(1), "1 folds");
    }

    [Fact]
    public void Balanced_weights_are_those_of_scikit_learn()
    {
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1]) = 4 / (2 * 3), 4 / (2 * 1); class 2 does not occur.
        Samples samples = Samples.OfClasses(new Shape(1), new float[4], new[] { 0, 0, 0, 1 }, "a", "b", "c").Balanced();
        Assert.Equal([2 / 3f, 2 / 3f, 2 / 3f, 2f], samples.Weights.ToArray());
    }

    [Fact]
    public void Windows_hold_the_steps_before_those_that_they_predict()
    {
        float[] series = [.. Enumerable.Range(0, 10).SelectMany(t => new[] { t, 100f + t })];
        Samples windows = Samples.OfWindows(series, length: 3, horizon: 2, channels: 2, target: 1, stride: 2);
        Assert.Equal((3, new Shape(3, 2)), (windows.Count, windows.FeatureShape));
        Assert.Equal([2, 102, 3, 103, 4, 104], windows.FeaturesOf(1).ToArray());
        Assert.Equal([103, 104, 105, 106, 107, 108], windows.Values.ToArray());
        Assert.Equal(["step +1", "step +2"], windows.TargetNames);
        Assert.Equal(1, Samples.OfWindows(new float[4], length: 3).Count);
        DataFiles.AssertOneLine(() => Samples.OfWindows(new float[3], length: 3), "one window");
        DataFiles.AssertOneLine(() => Samples.OfWindows(new float[5], length: 1, channels: 2), "2 a step");
        DataFiles.AssertOneLine(() => Samples.OfWindows(new float[5], length: 1, target: 1), "target 1");
    }

    [Fact]
    public void Standardization_has_the_populations_deviation_and_leaves_constants_alone()
    {
        // numpy: mean and std of [1, 3, 8] are 4 and 2.943920...
        FeatureScaling scaling = FeatureScaling.Of([1, 5, 3, 5, 8, 5], 2);
        Assert.Equal([4, 5], scaling.Mean.ToArray());
        Assert.Equal(Math.Sqrt(26 / 3.0), scaling.Deviation[0], 1e-12);
        Assert.Equal(1, scaling.Deviation[1]);
        float[] scaled = new float[2];
        scaling.Apply([8, 7], scaled);
        Assert.Equal([4 / Math.Sqrt(26 / 3.0), 2], Array.ConvertAll(scaled, x => (double)x), (x, y) => Math.Abs(x - y) < 1e-6);
        scaling.Undo(scaled, scaled);
        Assert.Equal([8f, 7f], scaled);

        // A mean far from zero costs no digits of the deviation.
        Assert.Equal(0.5, FeatureScaling.Of([1e6f, 1e6f + 1], 1).Deviation[0], 1e-12);
        DataFiles.AssertOneLine(() => FeatureScaling.Constant([0], [0]), "deviation 0");
        DataFiles.AssertOneLine(() => FeatureScaling.Constant([0, 1], [1]), "2 means");
    }

    [Fact]
    public void A_loader_shows_every_sample_scaled_with_its_target_and_weight()
    {
        Samples samples = Samples.OfValues(new Shape(2), new float[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, new float[] { 10, 20, 30, 40, 50 })
            .WithWeights(new float[] { 1, 2, 3, 4, 5 });
        using SampleLoader loader = new(_device, samples, 2, features: FeatureScaling.Constant([0, 1], [2, 1]), values: FeatureScaling.Constant([10], [10]));
        List<(float[] Inputs, float[] Targets, float[] Weights, int[] Indices)> seen = [.. loader.Epoch(0).Select(batch =>
            (batch.Inputs.ToArray<float>(), batch.Targets.ToArray<float>(), batch.Weights!.ToArray<float>(), batch.Indices.ToArray()))];
        Assert.Equal((3, 5), (loader.StepsPerEpoch, loader.SamplesPerEpoch));
        Assert.Equal([0, 0, 1, 2], seen[0].Inputs);
        Assert.Equal([2, 3], seen[1].Targets);
        Assert.Equal([5], seen[2].Weights);
        Assert.Equal([[0, 1], [2, 3], [4]], seen.Select(s => s.Indices));
    }

    [Fact]
    public void A_shuffled_loader_has_an_order_of_its_own_in_each_epoch_and_can_start_in_its_middle()
    {
        Samples samples = Numbered(10);
        using SampleLoader loader = new(_device, samples, 3, shuffle: true, seed: 4);
        int[] first = [.. loader.Epoch(0).SelectMany(b => b.Indices.ToArray())];
        Assert.Equal((3, 9), (loader.StepsPerEpoch, first.Distinct().Count()));
        Assert.NotEqual(first, loader.Epoch(1).SelectMany(b => b.Indices.ToArray()));
        Assert.Equal(first[3..], loader.Epoch(0, startStep: 1).SelectMany(b => b.Indices.ToArray()));
        Assert.Equal(first, loader.Epoch(0).SelectMany(b => b.HostLabels.ToArray().Zip(b.Indices.ToArray(), (label, index) =>
        {
            Assert.Equal(samples.Labels[index], label);
            return index;
        })));
    }

    [Fact]
    public void A_loader_says_what_is_wrong_with_its_use()
    {
        Samples samples = Numbered(4);
        DataFiles.AssertOneLine(() => new SampleLoader(_device, samples, 5, shuffle: true), "batch size 5", "4 samples");
        DataFiles.AssertOneLine(() => new SampleLoader(_device, samples, 2, features: FeatureScaling.None(2)), "2 means", "have 1");
        SampleLoader loader = new(_device, samples, 2);
        DataFiles.AssertOneLine(() => loader.Epoch(0, startStep: 3), "step 3");
        foreach (Batch batch in loader.Epoch(0))
        {
            DataFiles.AssertOneLine(() => loader.Epoch(1).Count(), "still being enumerated");
            break;
        }

        Batch? kept = loader.Epoch(0).Last();
        DataFiles.AssertOneLine(() => _ = kept.Indices[0], "over");
        loader.Dispose();
        loader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => loader.Epoch(0));
    }

    // Sample i has the feature i and the class i % classes.
    private static Samples Numbered(int count, int classes = 2) => Samples.OfClasses(
        new Shape(1), Enumerable.Range(0, count).Select(i => (float)i).ToArray(), Enumerable.Range(0, count).Select(i => i % classes).ToArray(),
        [.. Enumerable.Range(0, classes).Select(c => $"class {c}")]);

    private static int[] Ids(Samples samples) => Array.ConvertAll(samples.Features.ToArray(), f => (int)f);
}
