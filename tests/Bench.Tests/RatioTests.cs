using Engine.Bench.Peers;

namespace Bench.Tests;

public sealed class RatioTests
{
    [Fact]
    public void Ratios_are_of_the_same_round_and_the_median_is_theirs()
    {
        // The machine slows down to a third on the way; round by round the ratio is steady.
        RatioStatistics ratio = RatioStatistics.Of([300, 220, 100], [150, 100, 50]);

        Assert.Equal([2, 2.2, 2], ratio.Ratios);
        Assert.Equal((2.0, 2.0, 2.2), (ratio.Median, ratio.Min, ratio.Max));
    }

    [Theory]
    [InlineData(new[] { 3.0 }, 3)]
    [InlineData(new[] { 4.0, 1.0 }, 2.5)]
    [InlineData(new[] { 9.0, 1.0, 2.0 }, 2)]
    [InlineData(new[] { 8.0, 1.0, 2.0, 4.0 }, 3)]
    public void The_median_is_in_the_middle_of_the_sorted_values(double[] values, double expected) => Assert.Equal(expected, RatioStatistics.MedianOf(values));

    [Theory]
    [InlineData(new[] { 1.0 }, new double[0])]
    [InlineData(new double[0], new double[0])]
    [InlineData(new[] { 1.0 }, new[] { 0.0 })]
    [InlineData(new[] { double.NaN }, new[] { 1.0 })]
    [InlineData(new[] { double.PositiveInfinity }, new[] { 1.0 })]
    public void Figures_that_give_no_ratio_are_refused(double[] engine, double[] peer) =>
        Assert.Throws<ArgumentException>(() => RatioStatistics.Of(engine, peer));

    [Theory]
    [InlineData("resnet20-train", 1.3, "met")]
    [InlineData("resnet20-train", 1.29, "missed")]
    [InlineData("resnet20-infer", 1.3, "met")]
    [InlineData("resnet18-train", 1.2, "missed")]
    [InlineData("resnet50-train", 1.1, "met")]
    [InlineData("resnet50-infer", 1.09, "missed")]
    [InlineData("resnet20-train-avx2", 1.1, "met")]
    [InlineData("cold-start", 0.3, "met")]
    [InlineData("cold-start", 0.31, "missed")]
    [InlineData("memory", 0.79, "met")]
    public void Goals_are_bounds_from_below_for_speed_and_from_above_for_the_rest(string name, double ratio, string verdict) =>
        Assert.EndsWith(verdict, Assert.Single(Comparison.Choose([name], isGpu: false)).Judge(ratio), StringComparison.Ordinal);
}
