using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>The functions of libwebp's decode.h in use.</summary>
internal static partial class WebPApi
{
    /// <summary>The name that the declarations use; <see cref="ImageLibrary"/> finds the file.</summary>
    public const string Library = "webp";

    /// <summary>1 where the data begin with an image, and its size then.</summary>
    [LibraryImport(Library, EntryPoint = "WebPGetInfo")]
    public static unsafe partial int GetInfo(byte* data, nuint bytes, out int width, out int height);

    /// <summary>The target, or null where the data are damaged. Nothing is written beyond its length.</summary>
    [LibraryImport(Library, EntryPoint = "WebPDecodeRGBInto")]
    public static unsafe partial byte* DecodeRgb(byte* data, nuint bytes, byte* target, nuint targetBytes, int stride);
}
