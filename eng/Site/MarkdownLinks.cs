using System.Text;
using System.Text.RegularExpressions;

namespace Engine.Site;

/// <summary>The relative links of Markdown pages: where they are, and whether what they lead to exists.</summary>
internal static partial class MarkdownLinks
{
    /// <summary>README.md, CONTRIBUTING.md, CHANGELOG.md and docs/*.md, relative to the repository's root.</summary>
    public static IEnumerable<string> PagesOf(string root) => new[] { "README.md", "CONTRIBUTING.md", "CHANGELOG.md" }
        .Concat(Directory.GetFiles(Path.Combine(root, "docs"), "*.md").Select(path => "docs/" + Path.GetFileName(path)).Order(StringComparer.Ordinal));

    /// <summary>One line for each link that leads nowhere, with its file and line.</summary>
    public static IEnumerable<string> Broken(string root, IEnumerable<string> pages) =>
        from page in pages
        from link in Of(File.ReadAllText(Path.Combine(root, page)))
        let problem = Problem(root, page, link.Target)
        where problem is not null
        select $"{page}:{link.Line}: {problem}";

    /// <summary>The targets of links and pictures, without those to other hosts, and the places of the targets in the text.</summary>
    public static IEnumerable<(string Target, int Start, int Line)> Of(string text)
    {
        string visible = WithoutCode(text);
        foreach (Match match in Link().Matches(visible))
        {
            Group target = match.Groups["target"];
            if (!HasScheme().IsMatch(target.Value))
            {
                yield return (target.Value, target.Index, text.AsSpan(0, target.Index).Count('\n') + 1);
            }
        }
    }

    /// <summary>The anchors of a page: its headings, as GitHub and docfx write them, and ids given by hand.</summary>
    public static HashSet<string> Anchors(string text)
    {
        HashSet<string> anchors = [];
        foreach (Match heading in Heading().Matches(WithoutFences(text)))
        {
            string slug = Slug(heading.Groups["text"].Value.Trim());
            string unique = slug;
            for (int i = 1; !anchors.Add(unique); i++)
            {
                unique = $"{slug}-{i}";
            }
        }

        anchors.UnionWith(Identifier().Matches(WithoutCode(text)).Select(match => match.Groups["id"].Value));
        return anchors;
    }

    /// <summary>The file or folder that a link of a page leads to, relative to the root; the page itself where it is only an anchor.</summary>
    public static string Resolve(string page, string target)
    {
        string path = Uri.UnescapeDataString(target.Split('#')[0]);
        if (path.Length == 0)
        {
            return page;
        }

        List<string> parts = [.. page.Split('/')[..^1]];
        foreach (string part in path.Split('/').Where(part => part is not ("" or ".")))
        {
            if (part == ".." && parts.Count > 0 && parts[^1] != "..")
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    private static string? Problem(string root, string page, string target)
    {
        string path = Resolve(page, target);
        string full = Path.Combine(root, path);
        if (target.StartsWith('/') || path.StartsWith("..", StringComparison.Ordinal))
        {
            return $"{target} leads out of the repository; write a path from the page's own folder";
        }

        if (!File.Exists(full) && !Directory.Exists(full))
        {
            return $"{target} leads to {path}, which does not exist";
        }

        string anchor = target.Contains('#') ? Uri.UnescapeDataString(target[(target.IndexOf('#') + 1)..]) : "";
        return anchor.Length == 0 || !path.EndsWith(".md", StringComparison.Ordinal) || Anchors(File.ReadAllText(full)).Contains(anchor) ? null
            : $"{target}: {path} has no heading #{anchor}";
    }

    private static string Slug(string heading)
    {
        string text = Shown().Replace(heading, "${text}").Replace("`", "");
        StringBuilder slug = new();
        foreach (char c in text.ToLowerInvariant())
        {
            slug.Append(char.IsLetterOrDigit(c) || c is '-' or '_' ? c.ToString() : c == ' ' ? "-" : "");
        }

        return slug.ToString();
    }

    // Blanks of the same length, so that places stay where they are.
    private static string WithoutCode(string text) => Code().Replace(WithoutFences(text), Blank);

    private static string WithoutFences(string text) => Fence().Replace(text, Blank);

    private static string Blank(Match match) => string.Concat(match.Value.Select(c => c is '\n' or '\r' ? c : ' '));

    [GeneratedRegex(@"\]\(<?(?<target>[^()\s>]+)>?(\s+""[^""]*"")?\)|<(a|img)\b[^>]*?\b(href|src)=""(?<target>[^""]+)""|^\[[^\]]+\]:\s+<?(?<target>[^\s>]+)",
        RegexOptions.Multiline)]
    private static partial Regex Link();

    [GeneratedRegex(@"^(//|[A-Za-z][A-Za-z0-9+.-]*:)")]
    private static partial Regex HasScheme();

    [GeneratedRegex(@"^#{1,6} +(?<text>.*?)#*\r?$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\b(id|name)=""(?<id>[^""]+)""")]
    private static partial Regex Identifier();

    // A link's text, in a heading.
    [GeneratedRegex(@"!?\[(?<text>[^\]]*)\]\([^)]*\)")]
    private static partial Regex Shown();

    [GeneratedRegex(@"(?<ticks>`+)(?!`)[^\n]*?(?<!`)\k<ticks>(?!`)")]
    private static partial Regex Code();

    [GeneratedRegex(@"^ *(?<fence>```+|~~~+).*?^ *\k<fence>[`~]*[ \r]*$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
