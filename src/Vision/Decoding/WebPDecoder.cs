namespace Engine.Vision;

/// <summary>Decodes WebP files, lossy and lossless, of an animation the first frame, through libwebp.</summary>
/// <remarks>As Pillow's convert("RGB"): alpha is dropped, not blended, and what a frame leaves free is black.</remarks>
internal sealed class WebPDecoder : ImageDecoder
{
    // libwebp's lossless decoder holds four bytes a pixel besides the result.
    private const int BytesPerPixel = 3 + 4;
    private readonly RgbImage _frame = new();

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        ImageLibrary.WebP.Require();
        WebPFile parts = WebPFile.Read(file);
        if (parts.Place is not { } place)
        {
            DecodePixels(parts.Image, image);
            return parts.Orientation;
        }

        DecodePixels(parts.Image, _frame);
        if (_frame.Width != place.Width || _frame.Height != place.Height)
        {
            throw new InvalidDataException("its first frame has another size than it says");
        }

        CheckSize(parts.Canvas.Width, parts.Canvas.Height);
        image.Reserve(parts.Canvas.Width, parts.Canvas.Height);
        Span<byte> pixels = image.Pixels;
        pixels.Clear();
        for (int y = 0; y < place.Height; y++)
        {
            int target = ((place.Top + y) * image.Width) + place.Left;
            _frame.Pixels.Slice(3 * y * place.Width, 3 * place.Width).CopyTo(pixels[(3 * target)..]);
        }

        return parts.Orientation;
    }

    private static unsafe void DecodePixels(ReadOnlySpan<byte> data, RgbImage image)
    {
        fixed (byte* start = data)
        {
            if (WebPApi.GetInfo(start, (nuint)data.Length, out int width, out int height) == 0)
            {
                throw new InvalidDataException("it is truncated or damaged before its pixels begin");
            }

            CheckSize(width, height);
            image.Reserve(width, height);
            fixed (byte* pixels = image.Buffer)
            {
                if (WebPApi.DecodeRgb(start, (nuint)data.Length, pixels, (nuint)(3L * width * height), 3 * width) == null)
                {
                    throw new InvalidDataException("its pixels are truncated or damaged");
                }
            }
        }
    }

    private static void CheckSize(int width, int height)
    {
        ImageReader.CheckSize(width, height);
        ImageMemory.Check(width, height, BytesPerPixel);
    }
}
