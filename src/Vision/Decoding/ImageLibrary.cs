using System.Reflection;
using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>
/// A native library that decodes one kind of images, looked for when the first such file is read: of JPEG and WebP there is no decoder in .NET, and
/// systems have these. JPEG files are read without it too, more slowly. PNG, BMP, GIF and TIFF need none.
/// </summary>
public sealed class ImageLibrary
{
    private readonly string _kind, _fileName;
    private readonly string[] _functions;
    private readonly Lazy<nint> _handle;

    static ImageLibrary() => NativeLibrary.SetDllImportResolver(typeof(ImageLibrary).Assembly, (name, _, _) => name switch
    {
        TurboJpegApi.Library => Jpeg._handle.Value,
        WebPApi.Library => WebP._handle.Value,
        _ => 0,
    });

    private ImageLibrary(string kind, string name, string fileName, string[] functions, string howToGet, Func<IReadOnlyList<string>> candidates)
    {
        (_kind, Name, _fileName, _functions, HowToGet) = (kind, name, fileName, functions, howToGet);
        _handle = new Lazy<nint>(() => Load(candidates()));
    }

    /// <summary>libjpeg-turbo's TurboJPEG library, for JPEG files.</summary>
    public static ImageLibrary Jpeg { get; } = new(
        "JPEG", "TurboJPEG", "libturbojpeg", ["tjDecompress2", "tjGetErrorCode"],
        "install the package libturbojpeg0 (Debian), libturbojpeg (Ubuntu), turbojpeg (Fedora), jpeg-turbo (Homebrew), or libjpeg-turbo's own installer (Windows)",
        () => OperatingSystem.IsWindows()
            ? ["turbojpeg.dll", "libturbojpeg.dll", @"C:\libjpeg-turbo64\bin\turbojpeg.dll", @"C:\libjpeg-turbo-gcc64\bin\libturbojpeg.dll"]
            : OperatingSystem.IsMacOS()
                ? ["libturbojpeg.0.dylib", "libturbojpeg.dylib", .. Brewed("jpeg-turbo", "libturbojpeg.dylib"), "/opt/libjpeg-turbo/lib/libturbojpeg.dylib"]
                : ["libturbojpeg.so.0", "libturbojpeg.so", "/opt/libjpeg-turbo/lib64/libturbojpeg.so.0"]);

    /// <summary>libwebp, for WebP files.</summary>
    public static ImageLibrary WebP { get; } = new(
        "WebP", "libwebp", "libwebp.", ["WebPGetInfo", "WebPDecodeRGBInto"],
        "install the package libwebp7 (Debian, Ubuntu), libwebp (Fedora), webp (Homebrew), or put libwebp.dll on the path (Windows)",
        () => OperatingSystem.IsWindows() ? ["libwebp.dll", "webp.dll"]
            : OperatingSystem.IsMacOS() ? ["libwebp.7.dylib", "libwebp.dylib", .. Brewed("webp", "libwebp.dylib")]
            : ["libwebp.so.7", "libwebp.so.6", "libwebp.so"]);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ImageLibrary> All => [Jpeg, WebP];

    /// <summary>The library's name, with what it is for.</summary>
    public string Title => $"{Name} ({_kind} images)";

    /// <summary>The library's name.</summary>
    public string Name { get; }

    /// <summary>What is used where the library is missing, in a few words; null for nothing.</summary>
    public string? Fallback => _kind == "JPEG" ? "JPEG images are read by the built-in decoder, to the same pixels but more slowly" : null;

    /// <summary>How to get the library, in a few words.</summary>
    public string HowToGet { get; }

    /// <summary>Whether the library is here.</summary>
    public bool IsAvailable => _handle.Value != 0;

    /// <summary>The file that was loaded, as far as the system tells; null where the library is missing.</summary>
    public string? Path { get; private set; }

    /// <summary>Loads the library unless it is loaded.</summary>
    /// <exception cref="EngineException">It is missing; the message names the package.</exception>
    internal void Require() => Require(IsAvailable);

    /// <summary>The error for a library that is missing.</summary>
    internal void Require(bool isAvailable)
    {
        if (!isAvailable)
        {
            throw new EngineException($"{_kind} images need the library {Name}, which is not on this machine: {HowToGet}");
        }
    }

    /// <summary>The first of some libraries that loads and has the functions in use; 0 for none.</summary>
    internal nint Load(IEnumerable<string> candidates)
    {
        foreach (string candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
            {
                if (Array.TrueForAll(_functions, function => NativeLibrary.TryGetExport(library, function, out _)))
                {
                    Path = LoadedFile() ?? candidate;
                    return library;
                }

                NativeLibrary.Free(library);
            }
        }

        return 0;
    }

    private static string[] Brewed(string package, string file) => [$"/opt/homebrew/opt/{package}/lib/{file}", $"/usr/local/opt/{package}/lib/{file}"];

    // Linux tells which files are mapped into the process.
    private string? LoadedFile()
    {
        const string maps = "/proc/self/maps";
        string? line = File.Exists(maps) ? File.ReadLines(maps).FirstOrDefault(l => l.Contains('/' + _fileName, StringComparison.Ordinal)) : null;
        return line?[line.IndexOf('/')..];
    }
}
