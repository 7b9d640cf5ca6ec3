using System.Buffers.Binary;
using Engine;
using Engine.Vision;

namespace Vision.Tests;

public sealed class LenientDecodingTests : IDisposable
{
    private readonly ImageReader _reader = new();

    public void Dispose() => _reader.Dispose();

    [Theory]
    [InlineData("color.png")]
    [InlineData("interlaced-16.png")]
    [InlineData("palette-4.png")]
    public void A_png_file_whose_end_is_missing_after_its_pixels_is_read_with_a_warning(string name)
    {
        byte[] whole = ImageFixtures.Read(name), expected = ImageFixtures.Read(Path.GetFileNameWithoutExtension(name) + ".rgb");
        for (int cut = 1; cut <= 16; cut++)
        {
            Assert.Equal(expected, _reader.Decode(whole.AsSpan(..^cut), name).Pixels);
            Assert.Equal($"the image '{name}' is read, but its end is missing", _reader.Warning);
        }

        Assert.Equal(expected, _reader.Decode(whole, name).Pixels);
        Assert.Null(_reader.Warning);
    }

    [Fact]
    public void A_png_file_with_a_wrong_check_sum_of_a_chunk_of_pixels_is_read_with_a_warning()
    {
        byte[] file = [.. ImageFixtures.Read("color.png")];
        int data = Data(file);
        file[data + 4 + Length(file)] ^= 0x55;
        Assert.Equal(ImageFixtures.Read("color.rgb"), _reader.Decode(file, "x.png").Pixels);
        Assert.Contains("check sum of its IDAT chunk", _reader.Warning);
    }

    [Fact]
    public void A_png_file_with_a_wrong_check_sum_of_its_pixels_is_refused_in_words_that_fit()
    {
        byte[] file = [.. ImageFixtures.Read("color.png")];
        file[Data(file) + 4 + Length(file) - 1] ^= 0x55;
        string message = Assert.Throws<EngineException>(() => _reader.Decode(file, "x.png")).Message;
        Assert.Equal("the image 'x.png' cannot be read: its pixels are damaged", message);
    }

    [Theory]
    [InlineData(4, "00000006")]
    [InlineData(9, "00000006")]
    [InlineData(8, "00060000")]
    [InlineData(6, "06000000")]
    [Trait("Needs", "TurboJPEG")]
    public void An_orientation_of_any_integer_type_turns_the_image(int type, string value)
    {
        byte[] file = [.. ImageFixtures.Read("orientation-6.jpg")];
        byte[] entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0];
        int at = file.AsSpan().IndexOf(entry);
        Assert.True(at > 0);
        file[at + 3] = (byte)type;
        Convert.FromHexString(value).CopyTo(file, at + 8);
        Assert.Equal(_reader.Decode(ImageFixtures.Read("orientation-6.jpg"), "as SHORT").Pixels, new ImageReader().Decode(file, "other").Pixels);
    }

    [Fact]
    public void A_small_file_that_claims_a_large_image_takes_no_memory()
    {
        byte[] jpeg = Sized("progressive.jpg", 0xC2, 9000, 9000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(jpeg, "1,639 bytes cannot hold 9000x9000 pixels");
        byte[] png = [.. ImageFixtures.Read("color.png")];
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 9000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 9000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), PngChunks.Crc(png.AsSpan(12, 17)));
        Refused(png, "cannot hold 9000x9000 pixels");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000);
    }

    [Fact]
    public void An_image_that_takes_more_than_its_share_of_the_memory_is_refused_with_both_numbers()
    {
        byte[] file = ImageFixtures.Read("progressive.jpg");
        JpegHeader header = JpegHeader.Read(file);
        long pixels = header.Width * header.Height;
        JpegCost.Check(file, header, pixels * 9);
        string message = Assert.Throws<InvalidDataException>(() => JpegCost.Check(file, header, pixels * 3)).Message;
        Assert.Contains($"{header.Width}x{header.Height}, progressive, takes 1 MiB", message);
        Assert.Contains("1 MiB are for one image", message);

        // Of one scan no coefficients are kept.
        byte[] baseline = ImageFixtures.Read("baseline.jpg");
        JpegCost.Check(baseline, JpegHeader.Read(baseline), pixels * 3);
    }

    [Fact]
    public void Many_scans_of_a_large_image_are_refused_and_those_of_a_thumbnail_do_not_count()
    {
        byte[] jpeg = Sized("progressive.jpg", 0xC2, 8000, 8000);
        byte[] scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
        byte[] file = [.. jpeg[..^2], .. new byte[200_000], .. Enumerable.Repeat(scan, 40).SelectMany(s => s), 0xFF, 0xD9];
        string message = Assert.Throws<InvalidDataException>(() => JpegCost.Check(file, JpegHeader.Read(file), long.MaxValue)).Message;
        Assert.Contains("scans, but at its size of 8000x8000 only 16", message);

        byte[] segment = [0xFF, 0xE5, 0x01, 0x92, .. Enumerable.Repeat(scan, 40).SelectMany(s => s)];
        byte[] hidden = [.. jpeg[..^2], .. new byte[200_000], .. segment, 0xFF, 0xD9];
        JpegCost.Check(hidden, JpegHeader.Read(hidden), long.MaxValue);
    }

    [Fact]
    public void The_memory_of_a_large_image_is_not_kept_for_small_ones()
    {
        RgbImage image = new();
        image.Reserve(6000, 6000);
        image.Reserve(100, 100);
        Assert.True(image.Buffer.Length < 1 << 20);
        byte[] kept = image.Buffer;
        image.Reserve(50, 50);
        Assert.Same(kept, image.Buffer);
    }

    private static int Data(byte[] file) => file.AsSpan().IndexOf("IDAT"u8);

    private static int Length(byte[] file) => BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(Data(file) - 4));

    private static byte[] Sized(string name, byte marker, ushort width, ushort height)
    {
        byte[] file = [.. ImageFixtures.Read(name)];
        int frame = file.AsSpan().IndexOf([(byte)0xFF, marker]);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 5), height);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 7), width);
        return file;
    }

    private void Refused(byte[] file, string part)
    {
        string message = Assert.Throws<EngineException>(() => _reader.Decode(file, "x")).Message;
        Assert.Contains(part, message);
        Assert.DoesNotContain('\n', message);
    }
}
