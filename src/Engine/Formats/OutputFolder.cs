using System.Globalization;

namespace Engine.Formats;

/// <summary>
/// A folder that a process writes and that no other one writes at the same time. A new one is prepared under another name beside its place, and
/// comes there in one step with all that it begins with; one that replaces another changes places with it in one step. So the folder is
/// there as a whole or not at all, whenever the process is killed.
/// </summary>
/// <remarks>
/// The one step needs a file system that can do it (those of Linux and macOS can), a folder that holds nothing but what is replaced and is no mount
/// point nor the process' current folder, and a folder around it that can be written. <see cref="Prepare"/> or <see cref="TryPublish"/> say no
/// otherwise, and the caller then replaces the files one by one.
/// </remarks>
public sealed class OutputFolder : IDisposable
{
    private readonly string _place;
    private readonly List<string> _made = [];
    private FolderLock? _lock;
    private FolderLock? _stagingLock;

    private OutputFolder(string path)
    {
        Path = path;
        _place = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (FileIdentity.Of(_place, followLinks: false).Kind == FileKind.Link)
        {
            _place = Directory.ResolveLinkTarget(_place, returnFinalTarget: true)!.FullName;
        }

        Staging = System.IO.Path.Combine(
            System.IO.Path.GetDirectoryName(_place) ?? _place, $".{System.IO.Path.GetFileName(_place)}{AtomicFile.TemporarySuffix}");
    }

    /// <summary>The folder, as it was given.</summary>
    public string Path { get; }

    private string Staging { get; }

    /// <summary>Takes a folder, new or not, until the claim is disposed. An existing one's content stays as it is.</summary>
    /// <param name="path">The folder; those around it are made if need be.</param>
    /// <exception cref="EngineException">Another process has it, or it cannot be made or written.</exception>
    public static OutputFolder Claim(string path) =>
        Guarded(path, () => TryClaim(path, mustBeNew: false, out string owner) ?? throw new EngineException(
            $"'{path}' is in use by {owner}: wait until that has ended, or choose another folder"));

    /// <summary>Takes the folder with the first free number behind a beginning.</summary>
    /// <param name="beginning">What stands before the number, such as "runs/resnet20-digits-".</param>
    /// <exception cref="EngineException">It cannot be made.</exception>
    public static OutputFolder ClaimNext(string beginning)
    {
        for (int number = 1; ; number++)
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"{beginning}{number}");
            if (!System.IO.Path.Exists(path) && Guarded(path, () => TryClaim(path, mustBeNew: true, out _)) is { } claim)
            {
                return claim;
            }
        }
    }

    /// <summary>Gives a folder in which what the new one begins with is put together.</summary>
    /// <param name="isReplaced">Whether an existing folder's file or folder of this name is replaced; one with others is not replaced as a whole.</param>
    /// <returns>The folder; null where files have to be replaced one by one.</returns>
    public string? Prepare(Func<string, bool> isReplaced)
    {
        if (_stagingLock is not null)
        {
            return Staging;
        }

        try
        {
            if (!Disk.CanExchange || !IsFreeToMove(isReplaced))
            {
                return null;
            }

            if (TryTakeStaging(out _))
            {
                Clear(Staging);
            }
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            RemoveStaging();
        }

        return _stagingLock is null ? null : Staging;
    }

    /// <summary>Puts the folder that <see cref="Prepare"/> gave in its place; what was there before is removed.</summary>
    /// <returns>Whether it was done; where not, nothing has changed, and files have to be replaced one by one.</returns>
    /// <exception cref="EngineException">A new folder cannot be put in its place, or the disk fails.</exception>
    public bool TryPublish() => Guarded(Path, () =>
    {
        string around = System.IO.Path.GetDirectoryName(_place)!;
        Disk.SyncFolder(Staging);
        if (_lock is null)
        {
            Disk.Rename(Staging, _place);
            (_lock, _stagingLock) = (_stagingLock, null);
            _lock?.Follow(_place);
            Disk.SyncFolder(around);
            return true;
        }

        if (!OperatingSystem.IsWindows())
        {
            Try(KeepMode);
        }

        if (!Disk.TryExchange(Staging, _place))
        {
            RemoveStaging();
            return false;
        }

        (_lock, _stagingLock) = (_stagingLock, _lock);
        _lock?.Follow(_place);
        _stagingLock?.Follow(Staging);
        Disk.SyncFolder(around);
        RemoveStaging();
        return true;
    });

    /// <summary>Lets the folder go. One that was never published is removed, with those that were made around it.</summary>
    public void Dispose()
    {
        RemoveStaging();
        _lock?.Dispose();
        _lock = null;
        foreach (string folder in _made)
        {
            Try(() => Directory.Delete(folder)); // Only those in which nothing is.
        }

        _made.Clear();
    }

    private static OutputFolder? TryClaim(string path, bool mustBeNew, out string owner)
    {
        owner = "";
        OutputFolder claim = new(path);
        try
        {
            while (true)
            {
                if (File.Exists(claim._place))
                {
                    throw new IOException("it is a file");
                }

                bool isThere = Directory.Exists(claim._place);
                if (isThere || !Disk.CanExchange)
                {
                    claim.MakeAround(claim._place);
                    claim._lock = isThere && mustBeNew ? null : FolderLock.TryTake(claim._place, out owner);
                    if (claim._lock is not null)
                    {
                        claim.RemoveLeftover();
                        return claim;
                    }

                    if (mustBeNew || owner.Length > 0)
                    {
                        return claim.Released();
                    }
                }
                else if (claim.TryReserve(out owner))
                {
                    return claim;
                }
                else if (owner.Length > 0 && !Directory.Exists(claim._place))
                {
                    return claim.Released();
                }
            }
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    // Who may use a folder is the user's to say, once.
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private void KeepMode() => File.SetUnixFileMode(Staging, File.GetUnixFileMode(_place));

    private OutputFolder? Released()
    {
        Dispose();
        return null;
    }

    // The place beside the folder's own is taken first, and then it is looked whether the folder has come into being meanwhile.
    private bool TryReserve(out string owner)
    {
        MakeAround(System.IO.Path.GetDirectoryName(_place)!);
        if (!TryTakeStaging(out owner))
        {
            return false;
        }

        if (System.IO.Path.Exists(_place))
        {
            RemoveStaging();
            return false;
        }

        Clear(Staging);
        return true;
    }

    private bool TryTakeStaging(out string owner)
    {
        if (!IsMissingOrOurs(Staging))
        {
            throw new IOException($"'{Staging}' is in the way, which is no leftover of this program");
        }

        Directory.CreateDirectory(Staging);
        _stagingLock = FolderLock.TryTake(Staging, out owner);
        return _stagingLock is not null;
    }

    // What is found in it was left by a process that was killed and is going to be removed: such a folder has a lock or is empty.
    private static bool IsMissingOrOurs(string folder)
    {
        try
        {
            return FileIdentity.Of(folder, followLinks: false).Kind switch
            {
                FileKind.Missing => true,
                FileKind.Folder => File.Exists(System.IO.Path.Combine(folder, FolderLock.FileName))
                    || !Directory.EnumerateFileSystemEntries(folder).Any(entry => System.IO.Path.GetFileName(entry) != FolderLock.FileName),
                _ => false,
            };
        }
        catch (DirectoryNotFoundException)
        {
            return true; // It has just been put in its place.
        }
    }

    private void MakeAround(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        string? above = System.IO.Path.GetDirectoryName(folder);
        if (above is not null)
        {
            MakeAround(above);
        }

        if (!_made.Contains(folder))
        {
            _made.Insert(0, folder);
        }

        Directory.CreateDirectory(folder);
        if (above is not null)
        {
            Disk.SyncFolder(above);
        }
    }

    private bool IsFreeToMove(Func<string, bool> isReplaced)
    {
        string here = Environment.CurrentDirectory + System.IO.Path.DirectorySeparatorChar;
        return !here.StartsWith(_place + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal)
            && Directory.EnumerateFileSystemEntries(_place).All(entry => System.IO.Path.GetFileName(entry) is var name
                && (name == FolderLock.FileName || name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal) || isReplaced(name)));
    }

    // What a process left that was killed while it replaced the folder: its own that was not ready, or the older one that was to be removed.
    private void RemoveLeftover()
    {
        if (Directory.Exists(Staging))
        {
            Try(() => TryTakeStaging(out _));
            RemoveStaging();
        }
    }

    private void RemoveStaging()
    {
        if (_stagingLock is not null)
        {
            Try(() => Clear(Staging));
            _stagingLock.Dispose();
            _stagingLock = null;
            Try(() => Directory.Delete(Staging));
        }
    }

    private static void Clear(string folder)
    {
        foreach (string entry in Directory.GetFileSystemEntries(folder))
        {
            if (System.IO.Path.GetFileName(entry) == FolderLock.FileName)
            {
                continue;
            }

            if (FileIdentity.Of(entry, followLinks: false).Kind == FileKind.Folder)
            {
                Directory.Delete(entry, recursive: true);
            }
            else
            {
                File.Delete(entry);
            }
        }
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What stays is removed by the next one that claims the folder.
        }
    }

    private static T Guarded<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWriteTo(path, e);
        }
    }
}
