using System.Reflection;
using System.Runtime.InteropServices;

namespace Engine.Vision;

/// <summary>
/// Finds libjpeg-turbo's TurboJPEG library, when the first JPEG file is read. It is the one native library here, because there is no
/// JPEG decoder in .NET and every system has this one; PNG needs none (see <see cref="PngDecoder"/>).
/// </summary>
public static class TurboJpegLibrary
{
    /// <summary>The name that the P/Invoke declarations use.</summary>
    internal const string Key = "turbojpeg";

    /// <summary>How to get the library, in a few words.</summary>
    public const string HowToGet =
        "install the package libturbojpeg0 (Debian), libturbojpeg (Ubuntu), turbojpeg (Fedora), jpeg-turbo (Homebrew), or libjpeg-turbo's own installer "
            + "(Windows)";

    private static readonly Lazy<nint> Handle = new(() => Load(Candidates));

    static TurboJpegLibrary() => NativeLibrary.SetDllImportResolver(typeof(TurboJpegLibrary).Assembly, Resolve);

    /// <summary>Whether the library is here.</summary>
    public static bool IsAvailable => Handle.Value != 0;

    /// <summary>The file that was loaded, as far as the system tells; null where the library is missing.</summary>
    public static string? Path { get; private set; }

    private static IReadOnlyList<string> Candidates => OperatingSystem.IsWindows()
        ? ["turbojpeg.dll", "libturbojpeg.dll", @"C:\libjpeg-turbo64\bin\turbojpeg.dll", @"C:\libjpeg-turbo-gcc64\bin\libturbojpeg.dll"]
        : OperatingSystem.IsMacOS()
            ? ["libturbojpeg.0.dylib", "libturbojpeg.dylib", "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib",
                "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.dylib", "/opt/libjpeg-turbo/lib/libturbojpeg.dylib"]
            : ["libturbojpeg.so.0", "libturbojpeg.so", "/opt/libjpeg-turbo/lib64/libturbojpeg.so.0"];

    /// <summary>Loads the library unless it is loaded.</summary>
    /// <exception cref="EngineException">It is missing; the message names the package.</exception>
    internal static void Require() => Require(IsAvailable);

    /// <summary>The error for a library that is missing.</summary>
    internal static void Require(bool isAvailable)
    {
        if (!isAvailable)
        {
            throw new EngineException($"JPEG images need the TurboJPEG library, which is not on this machine: {HowToGet}");
        }
    }

    /// <summary>The first of some libraries that loads and has the functions in use; 0 for none.</summary>
    internal static nint Load(IEnumerable<string> candidates)
    {
        foreach (string candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
            {
                if (NativeLibrary.TryGetExport(library, "tjDecompress2", out _) && NativeLibrary.TryGetExport(library, "tjGetErrorCode", out _))
                {
                    Path = LoadedFile() ?? candidate;
                    return library;
                }

                NativeLibrary.Free(library);
            }
        }

        return 0;
    }

    // Linux tells which files are mapped into the process.
    private static string? LoadedFile()
    {
        const string maps = "/proc/self/maps";
        string? line = File.Exists(maps) ? File.ReadLines(maps).FirstOrDefault(l => l.Contains("libturbojpeg", StringComparison.Ordinal)) : null;
        return line?[line.IndexOf('/')..];
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == Key ? Handle.Value : 0;
}
