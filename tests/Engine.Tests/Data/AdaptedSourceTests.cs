using Engine.Data;
using Engine.Training;

namespace Engine.Tests.Data;

public class AdaptedSourceTests
{
    // 2 x 3 pixels of one channel, or of three.
    private static readonly byte[] Gray = [1, 2, 3, 4, 5, 6];
    private static readonly byte[] Color = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 10, 20, 30];

    [Fact]
    public void Gray_is_repeated_and_black_stands_around() => Assert.Equal(
        [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 1, 1, 2, 2, 3, 3, 0, 0,
            0, 0, 4, 4, 5, 5, 6, 6, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ], Read(Source(Gray, 1), channels: 2, height: 5, width: 5));

    [Fact]
    public void The_middle_of_a_larger_image_is_taken() => Assert.Equal([2, 5], Read(Source(Gray, 1), channels: 1, height: 2, width: 1));

    // Pillow's convert("L") of the same pixels.
    [Fact]
    public void Colors_become_gray_by_their_luma() => Assert.Equal([76, 150, 29, 255, 0, 18], Read(Source(Color, 3), channels: 1, height: 2, width: 3));

    [Fact]
    public void What_cannot_be_made_is_refused()
    {
        Assert.Throws<EngineException>(() => new AdaptedSource(Source(Color, 3), 2, 2, 3));
        Assert.Throws<EngineException>(() => new AdaptedSource(Source(Gray, 1), 1, 0, 3));
        DataFiles.AssertOneLine(() => _ = new AdaptedSource(Source(Gray, 1), 1_000_000, 8, 8), "8x8x1000000", "at most 33,554,432 values");
        DataFiles.AssertOneLine(() => _ = new AdaptedSource(Source(Gray, 1), int.MaxValue, int.MaxValue, int.MaxValue), "at most 33,554,432 values");
        Assert.Equal(AdaptedSource.MostValues, new AdaptedSource(Source(Gray, 1), 1 << 19, 8, 8).ImageBytes);
    }

    [Fact]
    public void A_set_is_adapted_as_the_options_say()
    {
        ImageDataset digits = DataSets.Open("digits");
        Assert.Same(digits, digits.Adapted());
        ImageDataset adapted = digits.Adapted(channels: 3, size: 12);
        Assert.All([adapted.Train, adapted.Test], s => Assert.Equal((12, 12, 3), (s.Height, s.Width, s.Channels)));
        Assert.Equal(digits.Test.Label(7), adapted.Test.Label(7));
        Assert.Equal(digits.Test.Count, adapted.Test.Count);
    }

    private static MemoryImageSource Source(byte[] pixels, int channels) => new(pixels, [0], 2, 3, channels, ["only"]);

    private static byte[] Read(MemoryImageSource source, int channels, int height, int width)
    {
        AdaptedSource adapted = new(source, channels, height, width);
        byte[] pixels = new byte[adapted.ImageBytes];
        pixels.AsSpan().Fill(99);
        adapted.Read(0, pixels);
        return pixels;
    }
}
