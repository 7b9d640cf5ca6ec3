using System.Runtime.InteropServices;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>What the system tells of a file without opening it, links followed.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Device">The file system that it is on; 0 where the system is not asked.</param>
/// <param name="Node">Its number there; 0 where the system is not asked.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Modified">When it was written last, in units that differ between systems.</param>
internal readonly unsafe partial record struct FileFacts(FileKind Kind, ulong Device, ulong Node, long Length, long Modified)
{
    /// <summary>Looks at a path.</summary>
    public static FileFacts Of(string path)
    {
        if (OperatingSystem.IsLinux() && FromStatx(path) is { } facts)
        {
            return facts;
        }

        FileIdentity identity = FileIdentity.Of(path, followLinks: true);
        FileInfo info = new(path);
        FileSystemInfo end = info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
        return new FileFacts(
            identity.Kind, identity.Device, identity.Node, (end as FileInfo)?.Exists == true ? ((FileInfo)end).Length : 0, end.LastWriteTimeUtc.Ticks);
    }

    /// <summary>Why what stands at a path must not be opened as a file; null where it may be, or where nothing is there.</summary>
    public string? Problem => Kind switch
    {
        FileKind.Regular or FileKind.Missing => null,
        FileKind.Folder => "it is a folder",
        FileKind.Device => "it is a device, but must be a file",
        FileKind.Pipe => "it is a pipe, but must be a file",
        FileKind.Socket => "it is a socket, but must be a file",
        _ => "it is no file",
    };

    // struct statx of linux/stat.h. Null where there is no such call.
    private static FileFacts? FromStatx(string path)
    {
        const int currentFolder = -100, notPermitted = 1, notThere = 38;
        const uint wanted = 0x341;
        byte* buffer = stackalloc byte[256];
        try
        {
            fixed (byte* bytes = RawNames.Bytes(path))
            {
                if (statx(currentFolder, bytes, 0, wanted, buffer) != 0)
                {
                    return Marshal.GetLastPInvokeError() is notPermitted or notThere ? null : default(FileFacts);
                }
            }
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }

        FileKind kind = (*(ushort*)(buffer + 28) & 0xF000) switch
        {
            0x4000 => FileKind.Folder,
            0x1000 => FileKind.Pipe,
            0xC000 => FileKind.Socket,
            0x2000 or 0x6000 => FileKind.Device,
            _ => FileKind.Regular,
        };
        return new FileFacts(
            kind, *(ulong*)(buffer + 136), *(ulong*)(buffer + 32), (long)*(ulong*)(buffer + 40), (*(long*)(buffer + 112) * 1_000_000_000)
                + *(uint*)(buffer + 120));
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int folder, byte* path, int flags, uint mask, byte* buffer);
}
