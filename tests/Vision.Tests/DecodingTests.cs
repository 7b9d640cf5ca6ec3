using System.Buffers.Binary;
using Engine;
using Engine.Vision;

namespace Vision.Tests;

public sealed class DecodingTests : IDisposable
{
    private readonly ImageReader _reader = new();

    public void Dispose() => _reader.Dispose();

    public static TheoryData<string> Jpegs => [.. ImageFixtures.Names("", ".jpg")];

    public static TheoryData<string> Pngs => [.. ImageFixtures.Names("", ".png")];

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void The_jpeg_library_is_installed() =>
        Assert.True(ImageLibrary.Jpeg.IsAvailable, $"these tests need the TurboJPEG library: {ImageLibrary.Jpeg.HowToGet}");

    [Theory]
    [MemberData(nameof(Jpegs))]
    [Trait("Needs", "TurboJPEG")]
    public void Jpeg_files_decode_to_pillows_pixels(string name)
    {
        RgbImage image = Read(name, out byte[] expected);
        (double mean, int largest) = ImageFixtures.Difference(image.Pixels, expected);

        // Equal to the bit with the same libjpeg-turbo; other versions may round one step otherwise.
        Assert.True(mean <= 0.02 && largest <= 2, $"mean difference {mean}, largest {largest}");
    }

    [Theory]
    [MemberData(nameof(Pngs))]
    public void Png_files_decode_to_pillows_pixels(string name) =>
        Assert.Equal(ImageFixtures.Difference(Read(name, out byte[] expected).Pixels, expected), (0.0, 0));

    [Fact]
    public void Inks_become_light_as_in_pillow()
    {
        // Stored inverted: 255 is no ink.
        byte[] pixels = new byte[9];
        JpegDecoder.ToRgb([255, 255, 255, 255, 0, 255, 255, 255, 100, 150, 200, 180], pixels);
        Assert.Equal<byte>([255, 255, 255, 0, 255, 255, 71, 106, 141], pixels);
    }

    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("color.png")]
    [InlineData("interlaced-16.png")]
    [Trait("Needs", "TurboJPEG")]
    public void Every_truncation_is_refused_in_one_line(string name)
    {
        byte[] file = ImageFixtures.Read(name);

        // The end of a PNG file after its pixels, 16 bytes, may be missing: see the tests of what is read with a warning.
        int whole = file.Length - (name.EndsWith(".png", StringComparison.Ordinal) ? 16 : 2);
        for (int length = 0; length < whole; length += 1 + (file.Length / 150))
        {
            AssertRefused(file[..length], $"'{name}'");
        }
    }

    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("progressive.jpg")]
    [InlineData("cmyk.jpg")]
    [InlineData("orientation-5.jpg")]
    [InlineData("palette-4.png")]
    [InlineData("interlaced-alpha.png")]
    [InlineData("orientation.png")]
    [Trait("Needs", "TurboJPEG")]
    public void Mutated_files_decode_or_are_refused_in_one_line(string name)
    {
        byte[] original = ImageFixtures.Read(name);
        RandomSource random = new(5, RandomSource.SeedOf(name));
        int refused = 0;
        for (int i = 0; i < 400; i++)
        {
            byte[] file = [.. original];
            for (int change = random.NextInt(4); change >= 0; change--)
            {
                file[random.NextInt(file.Length)] = (byte)random.NextInt(256);
            }

            try
            {
                RgbImage image = _reader.Decode(file, name);
                Assert.True(image.Pixels.Length > 0);
            }
            catch (EngineException e)
            {
                Assert.StartsWith($"the image '{name}' cannot be read: ", e.Message);
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
    }

    [Fact]
    public void Images_that_claim_too_many_pixels_are_refused_before_memory_is_taken()
    {
        byte[] png = [.. ImageFixtures.Read("color.png")];
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 100_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 100_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), PngChunks.Crc(png.AsSpan(12, 17)));
        AssertRefused(png, "100000x100000", "at most 89,478,485");

        byte[] jpeg = [.. ImageFixtures.Read("baseline.jpg")];
        int frame = jpeg.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 65_000);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 65_000);
        AssertRefused(jpeg, "65000x65000");
    }

    [Fact]
    public void Other_files_are_refused_by_what_they_are()
    {
        AssertRefused([], "it is empty");
        AssertRefused("an image, or so it says"u8.ToArray(), "it is no JPEG, PNG, WebP, BMP, GIF, TIFF or PNM file");
        string missing = Path.Combine(Path.GetTempPath(), "no-such-image.jpg");
        EngineException e = Assert.Throws<EngineException>(() => _reader.Read(missing));
        Assert.Equal($"the image '{missing}' cannot be read: there is no such file", e.Message);
        Assert.Throws<EngineException>(() => _reader.Read(Path.GetTempPath()));
    }

    [Fact]
    public void A_damaged_chunk_is_named()
    {
        byte[] file = [.. ImageFixtures.Read("color.png")];
        file[file.AsSpan().IndexOf("IHDR"u8) + 8] ^= 1;
        AssertRefused(file, "IHDR chunk is damaged");
    }

    [Fact]
    public void A_missing_library_is_one_line_that_names_the_package()
    {
        foreach ((ImageLibrary library, string package) in ((ImageLibrary, string)[])[(ImageLibrary.Jpeg, "libturbojpeg0"), (ImageLibrary.WebP, "libwebp7")])
        {
            Assert.Equal(0, library.Load(["libno-such-library.so.0"]));
            EngineException e = Assert.Throws<EngineException>(() => library.Require(isAvailable: false));
            Assert.Contains(package, e.Message);
            Assert.DoesNotContain('\n', e.Message);
        }
    }

    [Fact]
    public void Damaged_exif_leaves_a_image_as_it_is()
    {
        Assert.Equal(Orientation.Upright, Orientations.FromExif([]));
        Assert.Equal(Orientation.Upright, Orientations.FromExif("II*\0\xFF\xFF\xFF\xFF"u8));
        Assert.Equal(Orientation.Upright, Orientations.FromExif([.. "II*\0"u8, 8, 0, 0, 0, 5, 0, 0x12, 1]));
        Assert.Equal(Orientation.Upright, Orientations.FromExif([.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0]));
        Assert.Equal(Orientation.TurnLeft, Orientations.FromExif([.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0]));
    }

    private RgbImage Read(string name, out byte[] expected)
    {
        string stem = Path.GetFileNameWithoutExtension(name);
        RgbImage image = _reader.Decode(ImageFixtures.Read(name), name);
        Assert.Equal(ImageFixtures.Size(stem), (image.Width, image.Height));
        expected = ImageFixtures.Read(stem + ".rgb");
        return image;
    }

    private void AssertRefused(byte[] file, params string[] parts)
    {
        string name = parts[0].StartsWith('\'') ? parts[0].Trim('\'') : "a file";
        EngineException e = Assert.Throws<EngineException>(() => _reader.Decode(file, name));
        Assert.DoesNotContain('\n', e.Message);
        Assert.All(parts, part => Assert.Contains(part, e.Message));
    }
}
