using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Engine.Vision;

/// <summary>
/// Names of files that are not UTF-8, as of old disks and archives in Latin-1. Linux allows any bytes; .NET puts U+FFFD in the place of what it
/// cannot decode, and then finds no such file. Here, as in Python (PEP 383), such a byte becomes a lone surrogate from U+DC80 to U+DCFF, from which it
/// is made again.
/// </summary>
internal static unsafe partial class RawNames
{
    private const int Escape = 0xDC00;

    /// <summary>Whether such names are read here: not where the file system has none.</summary>
    public static bool AreSupported { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>Whether a path has bytes that are not UTF-8.</summary>
    public static bool AreIn(string path)
    {
        for (int i = 0; i < path.Length; i++)
        {
            if (IsEscape(path, i))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A path for people: bytes that are not UTF-8 are taken for Latin-1.</summary>
    public static string Shown(string path) => !AreIn(path) ? path : string.Create(path.Length, path, (shown, text) =>
    {
        for (int i = 0; i < shown.Length; i++)
        {
            shown[i] = IsEscape(text, i) ? (char)(text[i] - Escape) : text[i];
        }
    });

    /// <summary>The bytes of a path as the system takes them, with a zero at the end.</summary>
    public static byte[] Bytes(string path)
    {
        byte[] bytes = new byte[(path.Length * 3) + 1];
        int count = 0;
        for (int i = 0; i < path.Length; i++)
        {
            if (IsEscape(path, i))
            {
                bytes[count++] = (byte)(path[i] - Escape);
                continue;
            }

            int length = char.IsHighSurrogate(path[i]) && i + 1 < path.Length && char.IsLowSurrogate(path[i + 1]) ? 2 : 1;
            count += Encoding.UTF8.GetBytes(path.AsSpan(i, length), bytes.AsSpan(count));
            i += length - 1;
        }

        return bytes[..(count + 1)];
    }

    /// <summary>A name from its bytes.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        StringBuilder name = new();
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == System.Buffers.OperationStatus.Done)
            {
                name.Append(rune.ToString());
                bytes = bytes[length..];
            }
            else
            {
                name.Append((char)(Escape + bytes[0]));
                bytes = bytes[1..];
            }
        }

        return name.ToString();
    }

    /// <summary>The names in a folder, without . and ..</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static List<string> In(string folder)
    {
        nint stream;
        fixed (byte* path = Bytes(folder))
        {
            stream = opendir(path);
        }

        if (stream == 0)
        {
            throw Failed(folder);
        }

        try
        {
            List<string> names = [];

            // struct dirent of 64-bit Linux, in glibc as in musl: the name begins at byte 19.
            for (byte* entry = readdir(stream); entry is not null; entry = readdir(stream))
            {
                ReadOnlySpan<byte> name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                {
                    names.Add(Decode(name));
                }
            }

            return names;
        }
        finally
        {
            _ = closedir(stream);
        }
    }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafeFileHandle Open(string file)
    {
        const int closeOnExec = 0x80000;
        fixed (byte* path = Bytes(file))
        {
            int descriptor = open(path, closeOnExec, 0);
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failed(file);
        }
    }

    private static IOException Failed(string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return error == 2 ? new FileNotFoundException("there is no such file", path) : new IOException(Marshal.GetPInvokeErrorMessage(error));
    }

    private static bool IsEscape(string text, int at) =>
        text[at] is >= '\uDC80' and <= '\uDCFF' && (at == 0 || !char.IsHighSurrogate(text[at - 1]));

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint opendir(byte* path);

    [LibraryImport("libc", SetLastError = true)]
    private static partial byte* readdir(nint stream);

    [LibraryImport("libc")]
    private static partial int closedir(nint stream);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open(byte* path, int flags, int mode);
}
