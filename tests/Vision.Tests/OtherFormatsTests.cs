using System.Buffers.Binary;
using Engine;
using Engine.Vision;

namespace Vision.Tests;

/// <summary>BMP, GIF, WebP, TIFF and PNM.</summary>
public sealed class OtherFormatsTests : IDisposable
{
    // LibTiff rounds otherwise than Pillow where it turns inks to light.
    private const string Inks = "inks.tif";
    private readonly ImageReader _reader = new();

    public void Dispose() => _reader.Dispose();

    public static TheoryData<string> Files => [.. Managed(".bmp", ".gif", ".tif", ".ppm", ".pgm", ".pbm")];

    public static TheoryData<string> WebPs => [.. Managed(".webp")];

    [Fact]
    [Trait("Needs", "WebP")]
    public void The_webp_library_is_installed() =>
        Assert.True(ImageLibrary.WebP.IsAvailable, $"these tests need libwebp: {ImageLibrary.WebP.HowToGet}");

    [Theory]
    [MemberData(nameof(Files))]
    public void Files_decode_to_pillows_pixels(string name) => AssertDecodes(name);

    [Theory]
    [MemberData(nameof(WebPs))]
    [Trait("Needs", "WebP")]
    public void Webp_files_decode_to_pillows_pixels(string name) => AssertDecodes(name);

    [Theory]
    [MemberData(nameof(Files))]
    public void A_truncated_or_changed_file_is_read_or_refused_in_one_line(string name) => AssertOneLine(name);

    [Theory]
    [MemberData(nameof(WebPs))]
    [Trait("Needs", "WebP")]
    public void A_truncated_or_changed_webp_file_is_read_or_refused_in_one_line(string name) => AssertOneLine(name);

    // What may be missing of these is the padding of the last row, the mark of the end, or what follows the first image.
    [Theory]
    [InlineData("color.bmp", 1)]
    [InlineData("core-24.bmp", 1)]
    [InlineData("runs-8.bmp", 5)]
    [InlineData("palette.gif", 3)]
    [InlineData("interlaced.gif", 3)]
    [InlineData("big-endian.tif", 0)]
    [InlineData("planes.tif", 0)]
    [InlineData("tiles.tif", 0)]
    [InlineData("color.ppm", 0)]
    [InlineData("bits.pbm", 0)]
    [InlineData("digits.ppm", 4)]
    public void Every_truncation_is_refused(string name, int spare)
    {
        byte[] file = ImageFixtures.Read(name);
        for (int length = 0; length < file.Length - spare; length += 1 + (file.Length / 200))
        {
            AssertRefused(file[..length], "");
        }

        AssertRefused(file[..(file.Length - spare - 1)], "");
    }

    [Theory]
    [InlineData("lossy.webp")]
    [InlineData("lossless.webp")]
    [InlineData("animated.webp")]
    [Trait("Needs", "WebP")]
    public void Every_truncation_of_a_webp_file_is_refused_or_what_is_left_out_is_not_needed(string name)
    {
        byte[] file = ImageFixtures.Read(name);
        byte[] whole = [.. _reader.Decode(file, name).Pixels];
        for (int length = 0; length < file.Length; length += 1 + (file.Length / 200))
        {
            try
            {
                Assert.True(whole.AsSpan().SequenceEqual(_reader.Decode(file.AsSpan(0, length), name).Pixels), $"{length} bytes of {file.Length}");
            }
            catch (EngineException)
            {
            }
        }
    }

    [Fact]
    public void Images_that_claim_too_many_pixels_are_refused_before_memory_is_taken()
    {
        AssertRefused(Changed("color.bmp", 18, 100_000, 22, 100_000), "100000x100000");
        byte[] gif = [.. ImageFixtures.Read("palette.gif")];
        gif.AsSpan(6, 4).Fill(255);
        AssertRefused(gif, "65535x65535");
        AssertRefused("P6 100000 100000 255\n"u8.ToArray(), "100000x100000");
        AssertRefused("P5 9000 9000 255\n"u8.ToArray(), "it is truncated");
        byte[] tiff = [.. ImageFixtures.Read("strips.tif")];
        BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(10 + 8), 100_000);
        BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(22 + 8), 100_000);
        AssertRefused(tiff, "100000x100000");
    }

    [Fact]
    public void What_is_not_read_is_refused_by_what_it_is()
    {
        AssertRefused(Changed("color.bmp", 30, 4), "its kind of compression (4, with 24 bits a pixel) is not supported");
        AssertRefused(Changed("color.bmp", 14, 41), "its header is damaged");
        AssertRefused("II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"u8.ToArray(), "it is a BigTIFF file");
        AssertRefused("GIF89a\x01\0\x01\0\0\0\0;"u8.ToArray(), "there is no image in it");
        AssertRefused("P6 2 2 0\n"u8.ToArray(), "its largest sample is 0");
        AssertRefused("P6 2 2 70000\n"u8.ToArray(), "larger than 65,535");
        AssertRefused("P3 1 1 255 1 x 3 "u8.ToArray(), "a number is missing");
        byte[] tiff = [.. ImageFixtures.Read("strips.tif")];
        int entry = tiff.AsSpan().IndexOf((ReadOnlySpan<byte>)[2, 1, 3, 0, 3, 0, 0, 0]);
        BinaryPrimitives.WriteInt32LittleEndian(tiff.AsSpan(entry + 4), int.MaxValue);
        AssertRefused(tiff, "states more values than the file can hold");
    }

    [Fact]
    public void An_error_of_a_tiff_file_is_told_and_nothing_is_printed()
    {
        TextWriter error = Console.Error;
        using StringWriter printed = new();
        Console.SetError(printed);
        try
        {
            byte[] tiff = [.. ImageFixtures.Read("packed-tiff_lzw.tif")];
            tiff.AsSpan(tiff.Length / 3, 40).Fill(0xFF);
            AssertRefused(tiff, "it is damaged (");
        }
        finally
        {
            Console.SetError(error);
        }

        Assert.Equal("", printed.ToString());
    }

    private static IEnumerable<string> Managed(params string[] endings) => endings.SelectMany(e => ImageFixtures.Names("", e));

    private void AssertDecodes(string name)
    {
        RgbImage image = _reader.Decode(ImageFixtures.Read(name), name);
        Assert.Equal(ImageFixtures.Size(name), (image.Width, image.Height));
        (double _, int largest) = ImageFixtures.Difference(image.Pixels, ImageFixtures.Read(name + ".rgb"));
        Assert.InRange(largest, 0, name == Inks ? 1 : 0);
        Assert.Null(_reader.Warning);
    }

    private void AssertOneLine(string name)
    {
        byte[] original = ImageFixtures.Read(name);
        RandomSource random = new(5, RandomSource.SeedOf(name));
        int refused = 0;
        for (int i = 0; i < 300; i++)
        {
            byte[] file = original[..(i % 3 == 0 ? random.NextInt(original.Length) : original.Length)];
            for (int change = random.NextInt(4); change >= 0 && file.Length > 0; change--)
            {
                // Half of the changes in the first bytes, where headers are.
                file[random.NextInt(change % 2 == 0 ? file.Length : Math.Min(file.Length, 150))] = (byte)random.NextInt(256);
            }

            try
            {
                Assert.True(_reader.Decode(file, name).Pixels.Length > 0);
            }
            catch (EngineException e)
            {
                Assert.StartsWith($"the image '{name}' cannot be read: ", e.Message);
                Assert.DoesNotContain('\n', e.Message);
                Assert.True(e.Message.Length < 400, e.Message);
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
    }

    private static byte[] Changed(string name, params ReadOnlySpan<int> changes)
    {
        byte[] file = [.. ImageFixtures.Read(name)];
        for (; changes.Length >= 2; changes = changes[2..])
        {
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(changes[0]), changes[1]);
        }

        return file;
    }

    private void AssertRefused(byte[] file, string part)
    {
        EngineException e = Assert.Throws<EngineException>(() => _reader.Decode(file, "a file"));
        Assert.DoesNotContain('\n', e.Message);
        Assert.Contains(part, e.Message);
    }
}
