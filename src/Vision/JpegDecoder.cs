using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>Decodes JPEG files (baseline and progressive; gray, YCbCr, RGB, CMYK, YCCK) through TurboJPEG; for one thread at a time.</summary>
/// <remarks>
/// The accurate integer transform and smooth chroma upsampling are libjpeg's defaults and Pillow's, so that pixels are equal to the bit
/// where both use the same libjpeg-turbo. Files are always decoded in full size: the library's half-size transform is not what an
/// antialiased resize of the full image gives.
/// </remarks>
internal sealed class JpegDecoder : IDisposable
{
    private readonly DecompressorHandle _handle;
    private byte[] _inks = [];

    /// <summary>Takes a decoder from the library.</summary>
    /// <exception cref="EngineException">The library is missing.</exception>
    public JpegDecoder()
    {
        TurboJpegLibrary.Require();
        _handle = new DecompressorHandle();
        if (_handle.IsInvalid)
        {
            throw new EngineException("TurboJPEG cannot make a decoder: there is not enough memory");
        }
    }

    /// <summary>Decodes a file as it is stored, whatever its orientation.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="header">What <see cref="JpegHeader.Read"/> found in it.</param>
    /// <param name="image">Takes the pixels.</param>
    /// <exception cref="InvalidDataException">The file is damaged or truncated.</exception>
    public unsafe void Decode(ReadOnlySpan<byte> file, JpegHeader header, RgbImage image)
    {
        image.Reserve(header.Width, header.Height);
        if (header.Components < 4)
        {
            fixed (byte* pixels = image.Buffer)
            {
                Decompress(file, pixels, header, 3, TurboJpegApi.Rgb);
            }

            return;
        }

        int inks = checked(header.Width * header.Height * 4);
        if (_inks.Length < inks)
        {
            _inks = GC.AllocateUninitializedArray<byte>(inks);
        }

        fixed (byte* pixels = _inks)
        {
            Decompress(file, pixels, header, 4, TurboJpegApi.Cmyk);
        }

        ToRgb(_inks.AsSpan(0, inks), image.Pixels);
    }

    /// <summary>Frees the decoder.</summary>
    public void Dispose() => _handle.Dispose();

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

    private unsafe void Decompress(ReadOnlySpan<byte> file, byte* pixels, JpegHeader header, int bytesPerPixel, int format)
    {
        bool isAdded = false;
        _handle.DangerousAddRef(ref isAdded);
        try
        {
            nint handle = _handle.DangerousGetHandle();
            int result;
            fixed (byte* data = file)
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
