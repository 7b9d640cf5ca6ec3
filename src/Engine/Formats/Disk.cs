using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>
/// The calls by which a file comes to be on the disk. They are the system's own where .NET keeps an error of theirs to itself: once fsync has
/// failed, what was written may never arrive and a second fsync would not tell, so that the file must not take an older one's place.
/// </summary>
internal static partial class Disk
{
    private const int Interrupted = 4, BadDescriptor = 9, AccessDenied = 13, InvalidArgument = 22;
    private const int SwapOnLinux = 2, SwapOnMac = 2, CurrentFolder = -100;

    /// <summary>Stands in for a failing disk in tests of this thread: told each call and its path, answers with an error's number or 0.</summary>
    [ThreadStatic]
    internal static Func<string, string, int>? Fault;

    private static int NotSupported => OperatingSystem.IsMacOS() ? 45 : 95;

    private static int CloseOnExec => OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    /// <summary>Whether two folders can change places in one step.</summary>
    public static bool CanExchange => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    /// <summary>Waits until a file's content is on the disk.</summary>
    /// <exception cref="IOException">It is not known to be there.</exception>
    public static void Sync(SafeFileHandle file, string path)
    {
        if (OperatingSystem.IsWindows() || OperatingSystem.IsMacOS())
        {
            // FlushFileBuffers; on macOS F_FULLFSYNC, which empties the drive's own cache as well, where fsync does not.
            RandomAccess.FlushToDisk(file);
        }

        if (!OperatingSystem.IsWindows() && Retry("fsync", path, () => fsync(file)) is var error and not 0)
        {
            throw Failed(error);
        }
    }

    /// <summary>Waits until a folder's entries are on the disk, without which a file that was renamed or made may be gone after a power failure.</summary>
    /// <exception cref="IOException">They are not known to be there.</exception>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS writes its entries to a journal by itself, and has no such call.
        }

        int descriptor = -1;
        int error = Retry("open", path, () => descriptor = open(path, CloseOnExec));
        if (error == 0)
        {
            using SafeFileHandle folder = new(descriptor, ownsHandle: true);
            error = Retry("fsync", path, () => fsync(folder));
        }

        // Some file systems have no such thing for folders, and a folder may be for writing only.
        if (error != 0 && error != BadDescriptor && error != AccessDenied && error != InvalidArgument && error != NotSupported)
        {
            throw Failed(error);
        }
    }

    /// <summary>Gives a file or folder another name in one step; a file there is replaced.</summary>
    /// <exception cref="IOException">It still has the old name.</exception>
    public static void Rename(string from, string to)
    {
        if (OperatingSystem.IsWindows())
        {
            File.Move(from, to, overwrite: true);
        }
        else if (Retry("rename", to, () => rename(from, to)) is var error and not 0)
        {
            throw Failed(error);
        }
    }

    /// <summary>Lets two folders change their names in one step.</summary>
    /// <returns>Whether it was done; false where the file system does not know how, or one of them is a mount point.</returns>
    public static bool TryExchange(string one, string other)
    {
        try
        {
            return OperatingSystem.IsLinux() ? Retry("rename", other, () => renameat2(CurrentFolder, one, CurrentFolder, other, SwapOnLinux)) == 0
                : OperatingSystem.IsMacOS() && Retry("rename", other, () => renamex_np(one, other, SwapOnMac)) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false; // A C library older than the call.
        }
    }

    /// <summary>Opens a file for reading without regard to locks, which .NET's own ways always ask for. Not for Windows.</summary>
    /// <returns>The file; null where it cannot be opened.</returns>
    public static SafeFileHandle? OpenPastLocks(string path) =>
        open(path, CloseOnExec) is >= 0 and var descriptor ? new SafeFileHandle(descriptor, ownsHandle: true) : null;

    private static int Retry(string name, string path, Func<int> call)
    {
        while (true)
        {
            int error = Fault?.Invoke(name, path) ?? 0;
            if (error == 0 && call() < 0)
            {
                error = Marshal.GetLastPInvokeError();
            }

            if (error != Interrupted)
            {
                return error;
            }
        }
    }

    private static IOException Failed(int error) => new(Marshal.GetPInvokeErrorMessage(error), error);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int renameat2(int fromFolder, string from, int toFolder, string to, uint flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int renamex_np(string from, string to, uint flags);
}
