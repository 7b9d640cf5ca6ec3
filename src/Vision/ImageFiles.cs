using System.Text;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>Finds image files that a user names.</summary>
public static class ImageFiles
{
    /// <summary>The image files that paths name: files as they are, of folders all in them and below, in the order of their names.</summary>
    /// <param name="paths">Files and folders.</param>
    /// <param name="remark">Told what is left out of a folder.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="EngineException">A folder has no image, or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<string> Expand(IEnumerable<string> paths, Action<string> remark, CancellationToken cancellation = default) =>
        [.. paths.Select(Resolve).SelectMany(p => FileFacts.Of(p).Kind == FileKind.Folder ? In(p, remark, cancellation) : [p])];

    /// <summary>A path for people, without control characters; bytes of it that are not UTF-8 are taken for Latin-1.</summary>
    public static string Shown(string path) => ShownName.Whole(RawNames.Shown(path));

    private static List<string> In(string folder, Action<string> remark, CancellationToken cancellation)
    {
        try
        {
            FolderListing listing = new(cancellation);
            listing.Shut(folder);
            List<string> images = listing.Images(folder);
            string? others = FolderListing.Remark(listing.Others, folder);
            if (images.Count == 0)
            {
                throw new EngineException(
                    $"the folder '{Shown(folder)}' has no image; expected {FolderListing.ExtensionList} files{(others is null ? "" : $" ({others})")}");
            }

            if (others is not null)
            {
                remark(others);
            }

            return images;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the folder '{Shown(folder)}' cannot be read: {FileProblem.Of(e)}", e);
        }
    }

    // .NET has put U+FFFD in the place of what is not UTF-8 on the command line: the file is the one whose name looks so.
    private static string Resolve(string path)
    {
        if (!RawNames.AreSupported || !path.Contains('\uFFFD') || Path.Exists(path))
        {
            return path;
        }

        try
        {
            string place = Path.IsPathRooted(path) ? "/" : "";
            foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] alike = part.Contains('\uFFFD')
                    ? [.. RawNames.In(place.Length == 0 ? "." : place).Where(n => Encoding.UTF8.GetString(RawNames.Bytes(n).AsSpan()[..^1]) == part)]
                    : [part];
                if (alike.Length != 1)
                {
                    return path;
                }

                place = Path.Join(place, alike[0]);
            }

            return place;
        }
        catch (IOException)
        {
            return path;
        }
    }
}
