using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>
/// The lock of a folder that one process writes: a file in it that the operating system keeps locked while the process lives (flock, which holds
/// between containers of one machine and, over NFS, between machines), and that says who it is. A process that dies, however it does, leaves
/// the file but not the lock, and the next one takes it over.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    /// <summary>The file's name.</summary>
    public const string FileName = "run.lock";

    private const int Attempts = 1000, MostBytes = 512;
    private readonly FileStream _stream;
    private string _folder;

    private FolderLock(FileStream stream, string folder) => (_stream, _folder) = (stream, folder);

    /// <summary>Takes a folder's lock.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="owner">Who has it instead.</param>
    /// <returns>The lock; null where another one has it, or the folder is not there.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static FolderLock? TryTake(string folder, out string owner)
    {
        string path = Path.Combine(folder, FileName);
        owner = "";
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (FileIdentity.Of(path, followLinks: false).Kind is not FileKind.Regular and not FileKind.Missing)
            {
                throw new IOException($"'{FileName}' in it is not a file");
            }

            FileStream stream;
            try
            {
                // On Windows others may read who has it; elsewhere they can in any case.
                stream = new FileStream(
                    path, FileMode.OpenOrCreate, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None, bufferSize: 0);
            }
            catch (DirectoryNotFoundException)
            {
                return null;
            }
            catch (IOException e) when (IsLocked(e))
            {
                owner = ReadOwner(path);
                return null;
            }

            // It may have been removed, or its folder may have got another name, before it was locked.
            if (FileIdentity.IsStillAt(stream.SafeFileHandle, path))
            {
                FolderLock taken = new(stream, folder);
                try
                {
                    taken.Sign();
                    return taken;
                }
                catch
                {
                    taken.Dispose();
                    throw;
                }
            }

            stream.Dispose();
        }

        throw new IOException($"others keep removing '{FileName}' in it");
    }

    /// <summary>
    /// Whether a file could not be opened because another one has it locked: EWOULDBLOCK of Linux and of macOS, and Windows' sharing violation.
    /// </summary>
    public static bool IsLocked(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    /// <summary>Says that the folder has got another name.</summary>
    public void Follow(string folder) => _folder = folder;

    /// <summary>Removes the file and with it the lock.</summary>
    public void Dispose()
    {
        string path = Path.Combine(_folder, FileName);
        if (!OperatingSystem.IsWindows() && FileIdentity.IsStillAt(_stream.SafeFileHandle, path))
        {
            Remove(path);
        }

        _stream.Dispose();
        if (OperatingSystem.IsWindows())
        {
            Remove(path);
        }
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without its lock the file means nothing.
        }
    }

    private void Sign()
    {
        if (_stream.Length > 0)
        {
            _stream.SetLength(0);
        }

        _stream.Write(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName} since {DateTime.UtcNow:yyyy-MM-dd HH:mm:ss} UTC\n")));
    }

    private static string ReadOwner(string path)
    {
        byte[] bytes = new byte[MostBytes];
        for (int attempt = 0; attempt < 20; attempt++)
        {
            try
            {
                using SafeFileHandle? file = OperatingSystem.IsWindows()
                    ? File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
                    : Disk.OpenPastLocks(path);
                string text = file is null ? "" : Encoding.UTF8.GetString(bytes.AsSpan(0, RandomAccess.Read(file, bytes, 0))).Trim();
                if (text.Length > 0)
                {
                    return ShownName.Of(text);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                break;
            }

            Thread.Sleep(10); // It has just been locked, and is about to be signed.
        }

        return "another process";
    }
}
