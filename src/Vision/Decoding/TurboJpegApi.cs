using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>The functions of turbojpeg.h in use: those of version 2, which version 3 still has.</summary>
internal static partial class TurboJpegApi
{
    /// <summary>The name that the declarations use; <see cref="ImageLibrary"/> finds the file.</summary>
    public const string Library = "turbojpeg";

    /// <summary>TJPF_RGB.</summary>
    public const int Rgb = 0;

    /// <summary>TJPF_CMYK: four bytes a pixel, as they are in the file or converted from YCCK.</summary>
    public const int Cmyk = 11;

    /// <summary>TJFLAG_ACCURATEDCT: the integer transform that libjpeg and Pillow use.</summary>
    public const int AccurateDct = 4096;

    /// <summary>TJFLAG_LIMITSCANS: a progressive file of more than 500 scans is an error (a small file could keep a core busy for hours).</summary>
    public const int LimitScans = 32768;

    /// <summary>TJERR_WARNING: the image was decoded, but something in the file is wrong.</summary>
    public const int Warning = 0;

    [LibraryImport(Library, EntryPoint = "tjInitDecompress")]
    public static partial nint InitDecompress();

    [LibraryImport(Library, EntryPoint = "tjDestroy")]
    public static partial int Destroy(nint handle);

    [LibraryImport(Library, EntryPoint = "tjDecompress2")]
    public static unsafe partial int Decompress(
        nint handle, byte* jpeg, CULong jpegBytes, byte* pixels, int width, int pitch, int height, int pixelFormat, int flags);

    [LibraryImport(Library, EntryPoint = "tjGetErrorStr2")]
    public static partial nint GetErrorText(nint handle);

    [LibraryImport(Library, EntryPoint = "tjGetErrorCode")]
    public static partial int GetErrorCode(nint handle);
}
