using System.Buffers.Binary;

namespace Engine.Vision;

/// <summary>Refuses JPEG files that would take much more memory or time than an image of their length is worth, before they are decoded.</summary>
internal static class JpegCost
{
    // Pixels times scans: twelve scans, two more than programs write, of the largest image.
    private const long MostPixelScans = 1L << 30;

    /// <summary>Checks a file.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="header">What was found in it.</param>
    /// <param name="limit">The bytes that decoding it may take.</param>
    /// <param name="isManaged">Whether <see cref="ManagedJpeg"/> decodes it.</param>
    /// <exception cref="InvalidDataException">It is too short for its pixels, or takes too much; the message says what.</exception>
    public static void Check(ReadOnlySpan<byte> file, JpegHeader header, long limit, bool isManaged = false)
    {
        (long width, long height) = (header.Width, header.Height);
        bool isArithmetic = header.Marker >= 0xC9, isProgressive = header.Marker is 0xC2 or 0xC6 or 0xCA or 0xCE;

        // Huffman's codes have at least a bit, and each block of 64 pixels at least one code, in the first scan of its component.
        long blocks = ((width + 7) / 8) * ((height + 7) / 8);
        if (!isArithmetic && blocks > 8L * file.Length)
        {
            throw new InvalidDataException($"it is truncated or damaged: {file.Length:N0} bytes cannot hold {width}x{height} pixels");
        }

        int scans = CountScans(file[header.End..]);
        if (scans * width * height > MostPixelScans)
        {
            throw new InvalidDataException(
                $"it has {scans:N0} scans, but at its size of {width}x{height} only {Math.Max(1, MostPixelScans / (width * height)):N0} are decoded: each "
                    + "goes over all pixels");
        }

        // Pixels, for CMYK the inks as well, for a turned image a second copy; and where there are several scans, two bytes for each sample until the last.
        int bytes = header.Components == 4 ? 7 : 3;
        bytes += header.Orientation == Orientation.Upright ? 0 : 3;
        double coefficients = isProgressive || scans > 1 ? 2 * header.SamplesPerPixel : 0;

        // The managed decoder holds all samples before it makes pixels of them.
        coefficients += isManaged ? header.SamplesPerPixel : 0;
        ImageMemory.Check((long)(width * height * (bytes + coefficients)), limit, $"its size of {width}x{height}{(isProgressive ? ", progressive," : "")}");
    }

    // Markers in what is coded are 0xFF and a byte that is neither 0 nor a restart; all other segments tell their length.
    private static int CountScans(ReadOnlySpan<byte> rest)
    {
        const byte startOfScan = 0xDA, endOfImage = 0xD9;
        int scans = 0;
        while (true)
        {
            int at = rest.IndexOf((byte)0xFF);
            if (at < 0 || at + 1 >= rest.Length)
            {
                return scans;
            }

            byte marker = rest[at + 1];
            if (marker is 0 or 0x01 or 0xFF or (>= 0xD0 and <= 0xD8))
            {
                rest = rest[(at + (marker == 0xFF ? 1 : 2))..];
                continue;
            }

            scans += marker == startOfScan ? 1 : 0;
            int length = marker == endOfImage || at + 4 > rest.Length ? -1 : BinaryPrimitives.ReadUInt16BigEndian(rest[(at + 2)..]);
            if (length < 2 || at + 2 + length > rest.Length)
            {
                return scans;
            }

            rest = rest[(at + 2 + length)..];
        }
    }
}
