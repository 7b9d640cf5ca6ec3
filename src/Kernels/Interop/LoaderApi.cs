using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>
/// The loader of Linux itself (dlopen(3)). .NET loads a library lazily: a function that it lacks, because what it needs is of another
/// version, is missed only at its first call, and then the loader ends the process.
/// </summary>
internal static unsafe partial class LoaderApi
{
    // Every glibc has it: dlopen is in it, or in the C library that it brings.
    private const string Library = "libdl.so.2";
    private const int Now = 2;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string path, int flags);

    [LibraryImport(Library)]
    private static partial int dlclose(nint handle);

    [LibraryImport(Library)]
    private static partial byte* dlerror();

    /// <summary>Loads a library with all that it asks for.</summary>
    /// <param name="path">The file, or a bare name.</param>
    /// <param name="reason">The loader's own words when it does not load.</param>
    /// <returns>.NET's handle; 0 when it does not load.</returns>
    internal static nint Load(string path, out string reason)
    {
        reason = "";
        nint handle;
        try
        {
            // Called once before, it is bound by then: binding it asks the loader, which forgets its last error over that.
            _ = dlerror();
            handle = dlopen(path, Now);
            if (handle == 0)
            {
                string text = Marshal.PtrToStringUTF8((nint)dlerror()) ?? "the loader gives no reason";
                reason = text.StartsWith(path + ": ", StringComparison.Ordinal) ? text[(path.Length + 2)..] : text;
                return 0;
            }
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library: .NET's own loading has to do.
            return NativeLibrary.Load(path);
        }

        // Loaded once more, by .NET, it keeps what was resolved.
        nint kept = NativeLibrary.Load(path);
        _ = dlclose(handle);
        return kept;
    }
}
