namespace Engine.Formats;

/// <summary>
/// A file that is written beside the one whose place it will take. It is locked while its process lives, so that another one that writes the
/// same file takes another name, and one that finds what a killed process left removes it.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    private const int Attempts = 1000;
    private readonly string _target;
    private bool _isThere = true;

    private TemporaryFile(FileStream stream, string target) => (Stream, _target) = (stream, target);

    /// <summary>Where the content goes.</summary>
    public FileStream Stream { get; }

    /// <summary>Makes one.</summary>
    /// <param name="target">The file whose place it will take: a regular one, or none.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static TemporaryFile Create(string target)
    {
        int number = 1;
        for (int attempt = 1; ; attempt++)
        {
            string path = number == 1 ? target + AtomicFile.TemporarySuffix : $"{target}.{number}{AtomicFile.TemporarySuffix}";
            FileStream stream;
            try
            {
                stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
            }
            catch (IOException e) when (attempt < Attempts && IsTaken(e))
            {
                number += TryRemoveLeftover(path) ? 0 : 1;
                continue;
            }

            // Between the making and the locking somebody may have taken it for a leftover.
            if (FileIdentity.IsStillAt(stream.SafeFileHandle, path))
            {
                return new TemporaryFile(stream, target);
            }

            stream.Dispose();
            if (attempt == Attempts)
            {
                throw new IOException("others keep removing its temporary file");
            }
        }
    }

    /// <summary>Makes sure that the content is on the disk, and puts the file in its place.</summary>
    /// <exception cref="IOException">The target is as it was.</exception>
    public void Commit()
    {
        Stream.Flush();
        Disk.Sync(Stream.SafeFileHandle, _target);
        if (OperatingSystem.IsWindows())
        {
            Stream.Dispose(); // An open file cannot be renamed there.
        }
        else
        {
            KeepMode();
        }

        Disk.Rename(Stream.Name, _target);
        _isThere = false;
    }

    /// <summary>Closes the file, and removes it where it has not taken its place.</summary>
    public void Dispose()
    {
        try
        {
            if (_isThere && !OperatingSystem.IsWindows())
            {
                File.Delete(Stream.Name);
            }

            Stream.Dispose();
            if (_isThere && OperatingSystem.IsWindows())
            {
                File.Delete(Stream.Name);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            // What is not written any more is not missed, and the error that led here is the one to report.
        }
    }

    // It exists (EEXIST, ERROR_FILE_EXISTS), or somebody locked it as soon as it was made; it may be gone by now.
    private static bool IsTaken(IOException e) => e.HResult is 17 or unchecked((int)0x80070050) || FolderLock.IsLocked(e);

    // Who may read a file is the user's to say, once.
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private void KeepMode()
    {
        try
        {
            if (File.Exists(_target) && File.GetUnixFileMode(_target) is var mode && mode != File.GetUnixFileMode(Stream.SafeFileHandle))
            {
                File.SetUnixFileMode(Stream.SafeFileHandle, mode);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // File systems without modes have nothing to keep.
        }
    }

    // Only what nobody has locked, and by the lock's own handle, so that a file which another process has just made is never meant.
    private static bool TryRemoveLeftover(string path)
    {
        try
        {
            switch (FileIdentity.Of(path, followLinks: false).Kind)
            {
                case FileKind.Missing:
                    return true;
                case FileKind.Folder:
                    return false;
                case FileKind.Regular:
                    using (FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.None, bufferSize: 0))
                    {
                        if (!OperatingSystem.IsWindows())
                        {
                            if (FileIdentity.IsStillAt(stream.SafeFileHandle, path))
                            {
                                File.Delete(path);
                            }

                            return true;
                        }
                    }

                    break;
            }

            File.Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e is FileNotFoundException;
        }
    }
}
