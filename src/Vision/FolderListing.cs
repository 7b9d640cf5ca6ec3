using System.IO.Enumeration;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>
/// Finds the image files below folders, as torchvision's ImageFolder does, links followed; but no folder is entered twice, so that a link to a folder
/// above it neither goes on for ever nor counts an image again, and what is hidden or made by a system for itself is no data.
/// </summary>
/// <param name="cancellation">Stops it.</param>
internal sealed class FolderListing(CancellationToken cancellation = default)
{
    /// <summary>The endings of names that are taken for images, in any capitals.</summary>
    public static readonly string[] Extensions = [.. ImageFormat.All.SelectMany(f => f.Endings)];

    /// <summary>The endings as a message lists them.</summary>
    public static string ExtensionList => string.Join(", ", Extensions[..^1]) + " or " + Extensions[^1];

    // Of Synology and QNAP, macOS' archives, Windows, Linux' disk repair, and Python.
    private static readonly string[] SystemFolders =
        ["@eaDir", "#recycle", "@Recycle", "@Recently-Snapshot", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__"];

    private static readonly string[] SystemFiles = ["Thumbs.db", "ehthumbs.db", "desktop.ini"];
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };
    private readonly HashSet<(ulong, ulong)> _entered = [];
    private readonly SortedDictionary<string, int> _others = new(StringComparer.Ordinal);

    /// <summary>How many files of other kinds were met, by the ending of their names in small letters; "" for none.</summary>
    public IReadOnlyDictionary<string, int> Others => _others;

    /// <summary>What to say of the files of other kinds; null for nothing.</summary>
    /// <param name="others">How many there are, by ending.</param>
    /// <param name="place">Where they lie.</param>
    public static string? Remark(IEnumerable<KeyValuePair<string, int>> others, string place)
    {
        (string Ending, int Count)[] kinds = [.. others.GroupBy(
            o => o.Key, (ending, group) => (ending, group.Sum(o => o.Value))).OrderByDescending(k => k.Item2)];
        const int most = 6;
        int sum = kinds.Sum(k => k.Count);
        string rest = kinds.Length > most ? ", ..." : "";
        return sum == 0 ? null
            : $"{sum:N0} {(sum == 1 ? "file" : "files")} in '{ShownName.Of(RawNames.Shown(place))}' {(sum == 1 ? "is" : "are")} left out, as only "
                + $"{string.Join(", ", Extensions)} are read: "
            + string.Join(
                ", ",
                kinds.Take(most).Select(k => $"{k.Count:N0} {(k.Ending.Length == 0 ? "without an ending" : ShownName.Of(RawNames.Shown(k.Ending)))}")) + rest;
    }

    /// <summary>Whether a folder's name says that its content is no data.</summary>
    public static bool IsHidden(string folderName) => folderName.StartsWith('.') || SystemFolders.Contains(folderName, StringComparer.OrdinalIgnoreCase);

    /// <summary>Notes a folder and those above it, so that no link from below leads there.</summary>
    public void Shut(string folder)
    {
        for (string? place = Path.GetFullPath(folder); place is not null; place = Path.GetDirectoryName(place))
        {
            Enter(place);
        }
    }

    /// <summary>Notes a folder.</summary>
    /// <returns>Whether it was not noted before. Where the system does not tell, the path that links lead to counts.</returns>
    public bool Enter(string folder)
    {
        FileFacts facts = FileFacts.Of(folder);
        if (facts.Node != 0 || facts.Device != 0)
        {
            return _entered.Add((facts.Device, facts.Node));
        }

        DirectoryInfo info = new(folder);
        return _entered.Add((0, Fnv1a.Of(info.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? info.FullName)));
    }

    /// <summary>The names of a folder's folders, in ordinal order, without hidden ones.</summary>
    public List<string> Folders(string folder)
    {
        List<string> folders = [.. Entries(folder).Where(e => e.IsFolder && !IsHidden(e.Name)).Select(e => e.Name)];
        folders.Sort(StringComparer.Ordinal);
        return folders;
    }

    /// <summary>The images in a folder that was entered and in all folders below it, in the ordinal order of their paths.</summary>
    public List<string> Images(string folder)
    {
        List<string> found = [];
        Stack<string> open = new([folder]);
        while (open.TryPop(out string? place))
        {
            if (place != folder && !Enter(place))
            {
                continue;
            }

            foreach ((string name, bool isFolder) in Entries(place).OrderByDescending(e => e.Name, StringComparer.Ordinal))
            {
                string path = Path.Join(place, name);
                if (isFolder)
                {
                    if (!IsHidden(name))
                    {
                        open.Push(path);
                    }
                }
                else if (IsImage(name))
                {
                    found.Add(path);
                }
                else if (!name.StartsWith('.') && !SystemFiles.Contains(name, StringComparer.OrdinalIgnoreCase))
                {
                    string ending = Path.GetExtension(name).ToLowerInvariant();
                    _others[ending] = _others.GetValueOrDefault(ending) + 1;
                }
            }
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }

    /// <summary>How many images lie in a folder itself.</summary>
    public int ImagesIn(string folder) => Entries(folder).Count(e => !e.IsFolder && IsImage(e.Name));

    /// <summary>Whether a file's name is that of an image which is not hidden.</summary>
    public static bool IsImage(string name) => !name.StartsWith('.') && Extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private List<(string Name, bool IsFolder)> Entries(string folder)
    {
        List<(string, bool)> entries = [];
        bool isRaw = RawNames.AreIn(folder);
        if (!isRaw)
        {
            foreach ((string name, bool isFolder) in new FileSystemEnumerable<(string, bool)>(
                folder, (ref FileSystemEntry e) => (e.FileName.ToString(), e.IsDirectory), Everything))
            {
                cancellation.ThrowIfCancellationRequested();
                entries.Add((name, isFolder));
                isRaw |= RawNames.AreSupported && name.Contains('\uFFFD');
            }
        }

        if (isRaw)
        {
            entries.Clear();
            foreach (string name in RawNames.In(folder))
            {
                cancellation.ThrowIfCancellationRequested();
                entries.Add((name, FileFacts.Of(Path.Join(folder, name)).Kind == FileKind.Folder));
            }
        }

        return entries;
    }
}
