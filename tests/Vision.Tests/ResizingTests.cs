using System.Globalization;
using Engine;
using Engine.Vision;

namespace Vision.Tests;

public sealed class ResizingTests
{
    private readonly Resizer _resizer = new();
    private readonly RandomSource _random = new(3);

    public static TheoryData<string> Resizes => [.. ImageFixtures.Names("resize-", ".rgb")];

    public static TheoryData<string> Centers => [.. ImageFixtures.Names("center-", ".rgb")];

    public static TheoryData<string> Colors => [.. ImageFixtures.Names("color-", ".rgb")];

    [Theory]
    [MemberData(nameof(Resizes))]
    public void Resizes_equal_pillows_to_the_bit(string name)
    {
        string[] parts = Path.GetFileNameWithoutExtension(name).Split('-');
        int[] n = [.. parts[2..].Select(int.Parse)];
        byte[] output = new byte[n[4] * n[5] * 3];
        _resizer.Resize(
            Color(), new Region(n[0], n[1], n[2], n[3]), n[4], n[5], new Region(0, 0, n[4], n[5]), output,
            Enum.Parse<ResizeFilter>(parts[1], ignoreCase: true));
        Assert.Equal((0.0, 0), ImageFixtures.Difference(output, ImageFixtures.Read(name)));
    }

    [Fact]
    public void A_window_is_a_part_of_the_whole_resize()
    {
        RgbImage image = Color();
        byte[] whole = new byte[100 * 37 * 3];
        _resizer.Resize(image, image.Whole, 100, 37, new Region(0, 0, 100, 37), whole);
        Region window = new(31, 11, 41, 19);
        byte[] part = new byte[window.Width * window.Height * 3];
        _resizer.Resize(image, image.Whole, 100, 37, window, part);
        for (int y = 0; y < window.Height; y++)
        {
            Assert.Equal(
                whole.AsSpan((((window.Top + y) * 100) + window.Left) * 3, window.Width * 3).ToArray(),
                part.AsSpan(y * window.Width * 3, window.Width * 3).ToArray());
        }
    }

    [Fact]
    public void Regions_outside_are_refused()
    {
        RgbImage image = Color();
        byte[] output = new byte[12];
        Assert.Throws<EngineException>(() => _resizer.Resize(image, new Region(60, 0, 2, 2), 2, 2, new Region(0, 0, 2, 2), output));
        Assert.Throws<EngineException>(() => _resizer.Resize(image, image.Whole, 2, 2, new Region(1, 1, 2, 2), output));
        Assert.Throws<EngineException>(() => _resizer.Resize(image, image.Whole, 3, 2, new Region(0, 0, 3, 2), output));
    }

    [Theory]
    [MemberData(nameof(Centers))]
    [Trait("Needs", "TurboJPEG")]
    public void Evaluation_and_five_crops_are_torchvisions(string name)
    {
        string[] parts = name[..^".rgb".Length].Split('-', 2)[1].Split('-');
        string image = string.Join('-', parts[..^2]);
        ImageOptions options = new()
        {
            Resize = int.Parse(parts[^2], CultureInfo.InvariantCulture),
            ImageSize = int.Parse(parts[^1], CultureInfo.InvariantCulture)
        };
        using TemporaryFolder folder = new();
        ImageFixtures.WriteTo(folder.Path, image);
        using ImageLoader loader = new(options);
        byte[] pixels = new byte[options.ImageSize * options.ImageSize * 3];
        loader.ReadCenter(folder[image], pixels);
        AssertNear(pixels, name);
        byte[] crops = new byte[5 * pixels.Length];
        loader.ReadFiveCrops(folder[image], crops);
        AssertNear(crops, "five" + name["center".Length..]);
    }

    [Theory]
    [MemberData(nameof(Colors))]
    public void Color_changes_are_torchvisions(string name)
    {
        string[] parts = name[..^".rgb".Length].Split('-');
        double factor = double.Parse(parts[2], CultureInfo.InvariantCulture);
        RgbImage image = Color();
        switch (parts[1])
        {
            case "brightness":
                ColorAugmentation.Brighten(image.Pixels, factor);
                break;
            case "contrast":
                ColorAugmentation.Contrast(image.Pixels, factor);
                break;
            default:
                ColorAugmentation.Saturate(image.Pixels, factor);
                break;
        }

        Assert.Equal((0.0, 0), ImageFixtures.Difference(image.Pixels, ImageFixtures.Read(name)));
    }

    [Fact]
    public void Lighting_adds_the_components_of_imagenets_colors()
    {
        byte[] pixels = [100, 100, 100, 0, 255, 7];
        ColorAugmentation.Light(pixels, 0.1, -0.2, 0.3);

        // 255 * (-0.5675 * 0.2175 * 0.1 + 0.7192 * 0.0188 * -0.2 + 0.4009 * 0.0045 * 0.3) = -3.70, and so on by channel.
        Assert.Equal<byte>([96, 97, 98, 0, 252, 5], pixels);
    }

    [Fact]
    public void Random_resized_crops_keep_torchvisions_ranges()
    {
        double smallest = 1, largest = 0, sum = 0;
        for (int i = 0; i < 4000; i++)
        {
            Region crop = ImageGeometry.RandomResizedCrop(500, 375, _random);
            Assert.True(crop.Left >= 0 && crop.Top >= 0 && crop.Left + crop.Width <= 500 && crop.Top + crop.Height <= 375);
            double share = crop.Width * crop.Height / (500.0 * 375);
            Assert.InRange((double)crop.Width / crop.Height, 0.74, 1.345);
            (smallest, largest, sum) = (Math.Min(smallest, share), Math.Max(largest, share), sum + share);
        }

        Assert.InRange(smallest, 0.078, 0.09);
        Assert.InRange(largest, 0.95, 1);

        // torchvision's own mean over 100,000 crops of this size, 0.4320: wide and high crops do not fit and are drawn again.
        Assert.InRange(sum / 4000, 0.42, 0.444);
    }

    [Fact]
    public void Images_too_narrow_for_a_random_crop_give_their_middle()
    {
        Assert.Equal(new Region(0, 493, 10, 13), ImageGeometry.RandomResizedCrop(10, 1000, _random));
        Assert.Equal(new Region(493, 0, 13, 10), ImageGeometry.RandomResizedCrop(1000, 10, _random));
    }

    [Fact]
    public void Crops_reach_every_edge()
    {
        HashSet<int> lefts = [], tops = [];
        for (int i = 0; i < 500; i++)
        {
            Region crop = ImageGeometry.AnyCrop(12, 10, 8, _random);
            lefts.Add(crop.Left);
            tops.Add(crop.Top);
        }

        Assert.Equal([0, 1, 2, 3, 4], lefts.Order());
        Assert.Equal([0, 1, 2], tops.Order());
    }

    [Fact]
    public void Sizes_out_of_range_are_refused()
    {
        Assert.Contains("image size is 0", Assert.Throws<EngineException>(() => new ImageLoader(new ImageOptions { ImageSize = 0 })).Message);
        Assert.Contains("from the image size 224", Assert.Throws<EngineException>(() => new ImageLoader(new ImageOptions { Resize = 200 })).Message);
        Assert.Equal((256, 480), (new ImageOptions().JitterFrom, new ImageOptions().JitterTo));
    }

    private static RgbImage Color() => new(ImageFixtures.Read("color.rgb"), 61, 47);

    private static void AssertNear(byte[] actual, string name)
    {
        (double mean, int largest) = ImageFixtures.Difference(actual, ImageFixtures.Read(name));
        Assert.True(mean <= 0.02 && largest <= 2, $"{name}: mean difference {mean}, largest {largest}");
    }
}
