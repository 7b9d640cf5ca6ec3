using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>
/// Decodes JPEG files (baseline and progressive; gray, YCbCr, RGB, CMYK, YCCK) through TurboJPEG, or without it through <see cref="ManagedJpeg"/>; for one
/// thread at a time.
/// </summary>
/// <remarks>
/// The accurate integer transform and smooth chroma upsampling are libjpeg's defaults and Pillow's, so that pixels are equal to the bit
/// where both use the same libjpeg-turbo. Files are always decoded in full size: the library's half-size transform is not what an
/// antialiased resize of the full image gives.
/// </remarks>
internal sealed class JpegDecoder : ImageDecoder
{
    /// <summary>Leaves TurboJPEG aside on this thread, for tests.</summary>
    [ThreadStatic]
    internal static bool PrefersManaged;

    private DecompressorHandle? _handle;
    private ManagedJpeg? _managed;
    private byte[] _inks = [];

    /// <inheritdoc/>
    public override Orientation Decode(ReadOnlySpan<byte> file, RgbImage image)
    {
        JpegHeader header = JpegHeader.Read(file);
        ImageReader.CheckSize(header.Width, header.Height);
        bool isManaged = PrefersManaged || !ImageLibrary.Jpeg.IsAvailable;
        JpegCost.Check(file, header, ImageMemory.Limit, isManaged);
        image.Reserve(header.Width, header.Height);
        if (header.Components < 4)
        {
            Decompress(file, image.Buffer, header, 3, TurboJpegApi.Rgb, isManaged);
        }
        else
        {
            int inks = checked(header.Width * header.Height * 4);
            ImageMemory.Ensure(ref _inks, inks);
            Decompress(file, _inks, header, 4, TurboJpegApi.Cmyk, isManaged);
            ToRgb(_inks.AsSpan(0, inks), image.Pixels);
        }

        return header.Orientation;
    }

    /// <inheritdoc/>
    public override void Dispose() => _handle?.Dispose();

    /// <summary>
    /// Inks to light, as Pillow converts them: c, m, y and k are stored inverted (Adobe's convention, which all programs follow), and
    /// red = k (1 - c) of the upright values, without a color profile.
    /// </summary>
    internal static void ToRgb(ReadOnlySpan<byte> inks, Span<byte> pixels)
    {
        for (int i = 0, p = 0; i < inks.Length; i += 4, p += 3)
        {
            int light = inks[i + 3];
            for (int c = 0; c < 3; c++)
            {
                // Pillow's rounded x / 255.
                int product = ((255 - inks[i + c]) * light) + 128;
                pixels[p + c] = (byte)Math.Max(0, light - (((product >> 8) + product) >> 8));
            }
        }
    }

    private static DecompressorHandle NewDecompressor()
    {
        ImageLibrary.Jpeg.Require();
        DecompressorHandle handle = new();
        return handle.IsInvalid ? throw new EngineException("TurboJPEG cannot make a decoder: there is not enough memory") : handle;
    }

    private unsafe void Decompress(ReadOnlySpan<byte> file, byte[] target, JpegHeader header, int bytesPerPixel, int format, bool isManaged)
    {
        if (isManaged)
        {
            (_managed ??= new ManagedJpeg()).Decode(file, header, target);
            return;
        }

        _handle ??= NewDecompressor();
        bool isAdded = false;
        _handle.DangerousAddRef(ref isAdded);
        try
        {
            nint handle = _handle.DangerousGetHandle();
            int result;
            fixed (byte* data = file, pixels = target)
            {
                // Never more than width x height pixels are written: where the library sees a larger image it scales it down or refuses.
                result = TurboJpegApi.Decompress(
                    handle, data, new CULong((uint)file.Length), pixels, header.Width, header.Width * bytesPerPixel, header.Height, format,
                    TurboJpegApi.AccurateDct | TurboJpegApi.LimitScans);
            }

            if (result != 0)
            {
                string text = Marshal.PtrToStringUTF8(TurboJpegApi.GetErrorText(handle)) ?? "unknown error";

                // Like Pillow, take what libjpeg could mend (stray bytes between segments), but not half an image.
                bool isTruncated = text.Contains("Premature end", StringComparison.Ordinal) || file.LastIndexOf([(byte)0xFF, (byte)0xD9]) < 0;
                if (isTruncated || TurboJpegApi.GetErrorCode(handle) != TurboJpegApi.Warning)
                {
                    throw new InvalidDataException(isTruncated ? $"it is truncated ({text})" : text);
                }
            }
        }
        finally
        {
            if (isAdded)
            {
                _handle.DangerousRelease();
            }
        }
    }

    private sealed class DecompressorHandle : SafeHandle
    {
        public DecompressorHandle() : base(0, ownsHandle: true) => SetHandle(TurboJpegApi.InitDecompress());

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle() => TurboJpegApi.Destroy(handle) == 0;
    }
}
