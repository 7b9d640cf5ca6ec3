using System.Net;
using System.Text.RegularExpressions;

namespace Engine.Site;

/// <summary>Checks the pages that docfx built: every relative link and anchor, and that nothing is fetched from another host.</summary>
internal static partial class BuiltPages
{
    /// <summary>One line for each thing that is wrong, with the page and the line; names of the machine that built it must not occur.</summary>
    public static IEnumerable<string> Problems(string folder, IReadOnlyList<string> machine)
    {
        Dictionary<string, HashSet<string>> anchors = [];
        string[] pages = [.. Directory.GetFiles(folder, "*.html", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        foreach (string page in pages)
        {
            anchors[Path.GetFullPath(page)] = [.. Identifier().Matches(File.ReadAllText(page)).Select(match => WebUtility.HtmlDecode(match.Groups[1].Value))];
        }

        foreach (string page in pages)
        {
            string text = File.ReadAllText(page);
            foreach (Match match in Reference().Matches(text))
            {
                string target = WebUtility.HtmlDecode(match.Groups["target"].Value);
                string? problem = Problem(folder, page, target, match.Groups["tag"].Value != "a", anchors);
                if (problem is not null)
                {
                    yield return $"{page}:{text.AsSpan(0, match.Index).Count('\n') + 1}: {problem}";
                }
            }
        }

        foreach (string sheet in Directory.GetFiles(folder, "*.css", SearchOption.AllDirectories).Where(sheet => Remote().IsMatch(File.ReadAllText(sheet))))
        {
            yield return $"{sheet}: fetches from another host";
        }

        // Short names, as of a container's user, would be found in words.
        string[] names = [.. machine.Where(name => name.Length > 5)];
        foreach (string file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".map", StringComparison.Ordinal)))
        {
            string text = File.ReadAllText(file);
            foreach (string name in names.Where(name => text.Contains(name, StringComparison.Ordinal)))
            {
                yield return $"{file}: has {name}, which is of this machine";
            }
        }
    }

    private static string? Problem(string folder, string page, string target, bool isFetched, Dictionary<string, HashSet<string>> anchors)
    {
        if (target.Length == 0 || Scheme().IsMatch(target))
        {
            return isFetched && !target.StartsWith("data:", StringComparison.Ordinal) ? $"{target} is fetched from another host" : null;
        }

        string[] parts = target.Split('#', 2);
        string path = Uri.UnescapeDataString(parts[0].Split('?')[0]);
        string full = path.Length == 0 ? Path.GetFullPath(page) : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, path));
        full = Directory.Exists(full) ? Path.Combine(full, "index.html") : full;
        bool exists = full.StartsWith(Path.GetFullPath(folder), StringComparison.Ordinal) && File.Exists(full);
        return !exists ? $"{target} leads to a file that does not exist"
            : parts.Length == 1 || parts[1].Length == 0 || !anchors.TryGetValue(full, out HashSet<string>? known)
                || known.Contains(Uri.UnescapeDataString(parts[1]))
                ? null : $"{target}: that page has no #{parts[1]}";
    }

    [GeneratedRegex(@"<(?<tag>a|link|script|img|iframe|source|object)\b[^>]*?\s(?:href|src|data)=""(?<target>[^""]*)""")]
    private static partial Regex Reference();

    [GeneratedRegex(@"\s(?:id|name)=""([^""]+)""")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"^(//|[A-Za-z][A-Za-z0-9+.-]*:)")]
    private static partial Regex Scheme();

    [GeneratedRegex(@"(url\(|@import )\s*[""']?(https?:)?//")]
    private static partial Regex Remote();
}
