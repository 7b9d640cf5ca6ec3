using Engine;
using Engine.Vision;

namespace Vision.Tests;

/// <summary>JPEG files without TurboJPEG.</summary>
public sealed class ManagedJpegTests : IDisposable
{
    private readonly ImageReader _reader = new();

    public ManagedJpegTests() => JpegDecoder.PrefersManaged = true;

    public static TheoryData<string> Jpegs => [.. ImageFixtures.Names("", ".jpg")];

    public void Dispose()
    {
        JpegDecoder.PrefersManaged = false;
        _reader.Dispose();
    }

    [Theory]
    [MemberData(nameof(Jpegs))]
    public void Jpeg_files_decode_to_pillows_pixels_without_a_native_library(string name)
    {
        (double mean, int largest) = ImageFixtures.Difference(
            _reader.Decode(ImageFixtures.Read(name), name).Pixels, ImageFixtures.Read(Path.GetFileNameWithoutExtension(name) + ".rgb"));
        Assert.Equal((0, 0), (mean, largest));
    }

    [Theory]
    [MemberData(nameof(Jpegs))]
    [Trait("Needs", "TurboJPEG")]
    public void Both_decoders_give_the_same_pixels(string name)
    {
        byte[] managed = [.. _reader.Decode(ImageFixtures.Read(name), name).Pixels];
        JpegDecoder.PrefersManaged = false;
        Assert.Equal((0.0, 0), ImageFixtures.Difference(managed, _reader.Decode(ImageFixtures.Read(name), name).Pixels));
    }

    [Theory]
    [InlineData("baseline.jpg")]
    [InlineData("progressive.jpg")]
    public void Every_truncation_is_refused_in_one_line_without_a_native_library(string name)
    {
        byte[] file = ImageFixtures.Read(name);
        for (int length = 0; length < file.Length - 2; length += 1 + (file.Length / 150))
        {
            string message = Assert.Throws<EngineException>(() => _reader.Decode(file.AsSpan(0, length), name)).Message;
            Assert.StartsWith($"the image '{name}' cannot be read: ", message);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void A_missing_table_and_an_arithmetic_coder_are_refused_by_name()
    {
        byte[] file = [.. ImageFixtures.Read("baseline.jpg")];
        file[file.AsSpan().IndexOf([(byte)0xFF, (byte)0xC4]) + 1] = 0xEF;
        Assert.Contains("Huffman table 0 is not defined", Assert.Throws<EngineException>(() => _reader.Decode(file, "x.jpg")).Message);
        file = [.. ImageFixtures.Read("baseline.jpg")];
        file[file.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]) + 1] = 0xC9;
        Assert.EndsWith(
            "it is coded arithmetically, which needs the library TurboJPEG", Assert.Throws<EngineException>(() => _reader.Decode(file, "x.jpg")).Message);
    }

    [Fact]
    public void The_samples_that_the_managed_decoder_holds_count_as_memory()
    {
        byte[] file = ImageFixtures.Read("baseline.jpg");
        JpegHeader header = JpegHeader.Read(file);
        long pixels = header.Width * header.Height;
        JpegCost.Check(file, header, pixels * 3);
        Assert.Throws<InvalidDataException>(() => JpegCost.Check(file, header, pixels * 3, isManaged: true));
        JpegCost.Check(file, header, pixels * 6, isManaged: true);
    }
}
