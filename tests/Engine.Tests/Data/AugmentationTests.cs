using Engine.Data;

namespace Engine.Tests.Data;

public class AugmentationTests
{
    private readonly RandomSource _random = new();

    [Fact]
    public void A_draw_depends_on_seed_epoch_and_image_alone()
    {
        Augmentation augmentation = new(Padding: 4, Mirror: true);
        Placement[] first = [.. Enumerable.Range(0, 50).Select(i => augmentation.Draw(_random, 3, 7, i))];
        Placement[] backwards = [.. Enumerable.Range(0, 50).Reverse().Select(i => augmentation.Draw(new RandomSource(99), 3, 7, i)).Reverse()];
        Assert.Equal(first, backwards);
        Assert.NotEqual(first, Enumerable.Range(0, 50).Select(i => augmentation.Draw(_random, 4, 7, i)));
        Assert.NotEqual(first, Enumerable.Range(0, 50).Select(i => augmentation.Draw(_random, 3, 8, i)));
    }

    [Fact]
    public void Every_crop_and_both_mirror_images_are_drawn_equally_often()
    {
        Augmentation augmentation = new(Padding: 2, Mirror: true);
        Dictionary<Placement, int> counts = [];
        for (int i = 0; i < 50_000; i++)
        {
            Placement placement = augmentation.Draw(_random, 0, 0, i);
            counts[placement] = counts.GetValueOrDefault(placement) + 1;
        }

        // 50 equally likely outcomes, 1,000 of each expected: four standard deviations are 125.
        Assert.Equal(50, counts.Count);
        Assert.All(counts, c =>
        {
            Assert.InRange(c.Key.Top, -2, 2);
            Assert.InRange(c.Key.Left, -2, 2);
            Assert.InRange(c.Value, 850, 1150);
        });
    }

    [Fact]
    public void Without_padding_or_mirror_nothing_moves()
    {
        Assert.Equal(default, Augmentation.None.Draw(_random, 1, 2, 3));
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal((0, 0), (new Augmentation(0, true).Draw(_random, 1, 2, i).Top, new Augmentation(0, true).Draw(_random, 1, 2, i).Left)));
        Assert.All(Enumerable.Range(0, 100), i => Assert.False(new Augmentation(3, false).Draw(_random, 1, 2, i).Mirror));
        DataFiles.AssertOneLine(() => _ = new Augmentation(-1, false), "-1");
    }

    [Fact]
    public void Channel_statistics_are_those_of_a_plain_computation()
    {
        MemoryImageSource source = DataFiles.Images(count: 7);
        PixelNormalization normalization = PixelNormalization.PerChannel(source);
        double[][] values = [.. Enumerable.Range(0, 3).Select(c => Enumerable.Range(0, 7).SelectMany(i => Channel(source, i, c)).ToArray())];
        Assert.False(normalization.IsPerPixel);
        for (int c = 0; c < 3; c++)
        {
            double mean = values[c].Average();
            double deviation = Math.Sqrt(values[c].Sum(v => (v - mean) * (v - mean)) / (values[c].Length - 1));
            Assert.Equal(mean, normalization.Mean[c], 1e-12);
            Assert.Equal(deviation, normalization.Deviation[c], 1e-12);
        }
    }

    [Fact]
    public void The_mean_per_pixel_is_that_of_a_plain_computation()
    {
        MemoryImageSource source = DataFiles.Images(count: 5);
        PixelNormalization normalization = PixelNormalization.PerPixelMean(source);
        Assert.True(normalization.IsPerPixel);
        Assert.Equal([1.0, 1.0, 1.0], normalization.Deviation.ToArray());
        for (int p = 0; p < 20; p++)
        {
            for (int c = 0; c < 3; c++)
            {
                Assert.Equal(Enumerable.Range(0, 5).Average(i => Channel(source, i, c)[p]), normalization.Mean[(p * 3) + c], 1e-12);
            }
        }
    }

    [Fact]
    public void A_channel_that_never_changes_is_not_scaled()
    {
        MemoryImageSource flat = new([7, 7, 7, 7], [0], 2, 2, 1, ["only"]);
        Assert.Equal(1.0, PixelNormalization.PerChannel(flat).Deviation[0]);
        Assert.Equal(7 / 255.0, PixelNormalization.PerChannel(flat).Mean[0]);
    }

    [Fact]
    public void Wrong_constants_are_refused()
    {
        DataFiles.AssertOneLine(() => PixelNormalization.Constant([0.5], [0.1, 0.2]), "1 means", "2 deviations");
        DataFiles.AssertOneLine(() => PixelNormalization.Constant([0.5], [0.0]), "above zero");
        DataFiles.AssertOneLine(() => PixelNormalization.Constant([0.5], [double.NaN]), "above zero");
        DataFiles.AssertOneLine(() => PixelNormalization.PerChannel(new MemoryImageSource([], [], 1, 1, 1, ["a"])), "no image");
        Assert.Equal([0.485, 0.456, 0.406], PixelNormalization.ImageNet.Mean.ToArray());
    }

    private static double[] Channel(MemoryImageSource source, int index, int channel)
    {
        byte[] pixels = new byte[source.ImageBytes];
        source.Read(index, pixels);
        return [.. pixels.Where((_, p) => p % source.Channels == channel).Select(v => v / 255.0)];
    }
}
