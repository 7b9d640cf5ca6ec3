using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>What stands at a path.</summary>
internal enum FileKind
{
    /// <summary>Nothing.</summary>
    Missing,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link, where links are not followed.</summary>
    Link,

    /// <summary>A device.</summary>
    Device,

    /// <summary>A pipe.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,
}

/// <summary>
/// Which file a path or a handle leads to, without opening it: opening a pipe may wait for ever, and opening a device may do something. .NET tells
/// neither the kind nor the inode, so the system is asked: statx(2) on Linux, whose structure is the same on every processor, stat(2) on macOS.
/// </summary>
/// <param name="Kind">What it is.</param>
/// <param name="Device">The file system that it is on; 0 where the system is not asked.</param>
/// <param name="Node">Its number there; 0 where the system is not asked.</param>
internal readonly unsafe partial record struct FileIdentity(FileKind Kind, ulong Device, ulong Node)
{
    private const int CurrentFolder = -100, NoFollow = 0x100, EmptyPath = 0x1000;
    private const uint TypeAndNode = 0x101;

    /// <summary>Looks at a path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLinks">Whether what a link leads to is looked at, instead of the link.</param>
    public static FileIdentity Of(string path, bool followLinks)
    {
        byte* buffer = stackalloc byte[512];
        if (OperatingSystem.IsLinux() && Statx(CurrentFolder, path, followLinks ? 0 : NoFollow, buffer) is { } found)
        {
            return found ? FromStatx(buffer) : default;
        }

        if (OperatingSystem.IsMacOS())
        {
            nint text = Marshal.StringToCoTaskMemUTF8(path);
            try
            {
                var call = (delegate* unmanaged<nint, byte*, int>)MacFunction(followLinks ? "stat" : "lstat");
                return call(text, buffer) == 0 ? FromMac(buffer) : default;
            }
            finally
            {
                Marshal.FreeCoTaskMem(text);
            }
        }

        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        bool isLink = info.LinkTarget is not null;
        FileKind kind = isLink && !followLinks ? FileKind.Link
            : isLink ? (info.ResolveLinkTarget(returnFinalTarget: true) is { Exists: true } end ? KindOf(end) : FileKind.Missing)
            : info.Exists ? KindOf(info) : FileKind.Missing;
        return new FileIdentity(kind, 0, 0);
    }

    /// <summary>Whether a path still leads to the very file that a handle was opened on; taken for granted where the system does not tell.</summary>
    public static bool IsStillAt(SafeFileHandle handle, string path)
    {
        byte* buffer = stackalloc byte[512];
        int descriptor = (int)handle.DangerousGetHandle();
        if (OperatingSystem.IsLinux() && Statx(descriptor, "", EmptyPath, buffer) is { } found)
        {
            return found && FromStatx(buffer) == Of(path, followLinks: false);
        }

        return !OperatingSystem.IsMacOS()
            || (((delegate* unmanaged<int, byte*, int>)MacFunction("fstat"))(descriptor, buffer) == 0 && FromMac(buffer) == Of(path, followLinks: false));
    }

    // Null where there is no such call: some containers forbid it, and C libraries before 2018 do not have it.
    private static bool? Statx(int folder, string path, int flags, byte* buffer)
    {
        const int notPermitted = 1, notThere = 38;
        try
        {
            return statx(folder, path, flags, TypeAndNode, buffer) == 0 ? true
                : Marshal.GetLastPInvokeError() is notPermitted or notThere ? null : false;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    private static FileKind KindOf(FileSystemInfo info) => info.Attributes.HasFlag(FileAttributes.Directory) ? FileKind.Folder : FileKind.Regular;

    // struct statx of linux/stat.h: stx_mode at 28, stx_ino at 32, stx_dev_major and stx_dev_minor at 136.
    private static FileIdentity FromStatx(byte* buffer) => new(KindOf(*(ushort*)(buffer + 28)), *(ulong*)(buffer + 136), *(ulong*)(buffer + 32));

    // struct stat of macOS' sys/stat.h with 64-bit inodes: st_dev at 0, st_mode at 4, st_ino at 8.
    private static FileIdentity FromMac(byte* buffer) => new(KindOf(*(ushort*)(buffer + 4)), *(uint*)buffer, *(ulong*)(buffer + 8));

    private static FileKind KindOf(ushort mode) => (mode & 0xF000) switch
    {
        0x4000 => FileKind.Folder,
        0xA000 => FileKind.Link,
        0x1000 => FileKind.Pipe,
        0xC000 => FileKind.Socket,
        0x2000 or 0x6000 => FileKind.Device,
        _ => FileKind.Regular,
    };

    // On x64 the plain names are those of an older structure.
    private static nint MacFunction(string name) => NativeLibrary.GetExport(
        NativeLibrary.Load("libSystem.dylib"), RuntimeInformation.ProcessArchitecture == Architecture.X64 ? $"{name}$INODE64" : name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* buffer);
}
