using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Engine.Site;

/// <summary>Lays out what docfx reads: the Markdown pages, a page for each source file that they link to, the contents, and the list of libraries.</summary>
/// <param name="root">The repository's root.</param>
/// <param name="folder">Where the pages go.</param>
/// <param name="binaries">Where the libraries lie with their doc comments.</param>
internal sealed partial class SitePages(string root, string folder, string binaries)
{
    // What a page would only make slow, such as recorded data.
    private const int LargestSource = 200_000;

    private static readonly Dictionary<string, string> Languages = new()
    {
        [".cs"] = "csharp",
        [".cu"] = "cpp",
        [".cpp"] = "cpp",
        [".py"] = "python",
        [".json"] = "json",
        [".csproj"] = "xml",
    };

    private readonly Queue<string> _sources = new();
    private readonly HashSet<string> _seen = [];

    /// <summary>Writes everything; returns what is wrong, such as a page of docs/ that the table of docs/README.md does not name.</summary>
    public IEnumerable<string> Write()
    {
        string[] pages = [.. MarkdownLinks.PagesOf(root)];
        foreach (string page in pages)
        {
            WritePage(page == "README.md" ? "index.md" : page, Prepared(page));
        }

        while (_sources.TryDequeue(out string? source))
        {
            WritePage($"source/{source}.md", Directory.Exists(Path.Combine(root, source)) ? Listing(source) : Source(source));
        }

        CopyFolder(Path.Combine(root, "docs", "images"), Path.Combine(folder, "docs", "images"));
        CopyFolder(Path.Combine(root, "eng", "Site", "template"), Path.Combine(folder, "template"));

        // With the packages that they use: docfx looks for these beside them.
        CopyFolder(binaries, Path.Combine(folder, "libraries"), "*.dll");
        CopyFolder(binaries, Path.Combine(folder, "libraries"), "Engine.*.xml");

        File.Copy(Path.Combine(root, "eng", "Site", "docfx.json"), Path.Combine(folder, "docfx.json"), overwrite: true);
        WritePage("toc.yml", """
            - name: Guide
              href: docs/
            - name: API
              href: api/
              homepage: api/index.md
            - name: Changes
              href: CHANGELOG.md
            - name: Contributing
              href: CONTRIBUTING.md

            """);
        WritePage("api/index.md", Api());

        string table = File.ReadAllText(Path.Combine(root, "docs", "README.md"));
        WritePage("docs/toc.yml", Contents(table, out HashSet<string> named));
        return pages.Where(page => page.StartsWith("docs/", StringComparison.Ordinal) && page != "docs/README.md" && !named.Contains(page[5..]))
            .Select(page => $"docs/README.md: its table does not name {page}");
    }

    // The page with links to the pages of the site: a source file has one of its own.
    private string Prepared(string page)
    {
        string text = File.ReadAllText(Path.Combine(root, page));
        string at = page == "README.md" ? "index.md" : page;
        foreach ((string target, int start, int _) in MarkdownLinks.Of(text).OrderByDescending(link => link.Start))
        {
            string path = MarkdownLinks.Resolve(page, target);
            string anchor = target.Contains('#') ? target[target.IndexOf('#')..] : "";
            if (target.StartsWith('#') || path.StartsWith("docs/images/", StringComparison.Ordinal))
            {
                continue;
            }

            string inSite = path == "README.md" ? "index.md" : MarkdownLinks.PagesOf(root).Contains(path) ? path : SourcePage(path);
            text = string.Concat(text.AsSpan(0, start), Relative(at, inSite) + anchor, text.AsSpan(start + target.Length));
        }

        text = Fences().Replace(text, match => $"```{Language(match.Groups["language"].Value, match.Groups["code"].Value)}\n{match.Groups["code"].Value}```");

        // On lines of its own, or it is set as small as one inside a sentence.
        text = Formula().Replace(text, match => $"$$\n{match.Groups["formula"].Value.Trim()}\n$$");
        return page == "README.md" ? Front(text) : text;
    }

    // The table of readers stands before the first section of the front page.
    private string Front(string text)
    {
        string table = Prepared("docs/README.md");
        table = table[table.IndexOf('|')..].TrimEnd();
        table = LinkOf().Replace(table, match => $"]({MarkdownLinks.Resolve("docs/README.md", match.Groups["target"].Value)})");
        string front = text.Insert(text.IndexOf("\n## ", StringComparison.Ordinal), $"\n## What to read\n\n{table}\n");
        return $"---\n_disableToc: true\n_disableBreadcrumb: true\n---\n\n{front}";
    }

    private string Source(string source)
    {
        string text = File.ReadAllText(Path.Combine(root, source)).TrimEnd();
        string fence = new('~', 4);
        return $"---\n_disableToc: true\n---\n\n# {source}\n\n{fence}{Languages.GetValueOrDefault(Path.GetExtension(source), "plaintext")}\n{text}\n{fence}\n";
    }

    private string Listing(string source)
    {
        StringBuilder list = new($"---\n_disableToc: true\n---\n\n# {source}\n\n");
        string top = Path.Combine(root, source);
        foreach (string file in Directory.GetFiles(top, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(top, file).Replace('\\', '/');
            if (!name.Split('/').Any(part => part is "bin" or "obj" || part.StartsWith('.')))
            {
                bool isPage = Languages.ContainsKey(Path.GetExtension(file)) || Path.GetExtension(file) is ".txt" or ".sh" or ".md" or ".csv";
                bool isSmall = new FileInfo(file).Length <= LargestSource;
                string inSite = $"{source}/{name}";
                list.Append(isPage && isSmall ? $"- [{name}]({Relative($"source/{source}.md", SourcePage(inSite))})\n" : $"- {name}\n");
            }
        }

        return list.ToString();
    }

    private string SourcePage(string path)
    {
        if (_seen.Add(path))
        {
            _sources.Enqueue(path);
        }

        return $"source/{path}.md";
    }

    // A heading for each reader, and below it what the table says to read, by the pages' own titles.
    private string Contents(string table, out HashSet<string> named)
    {
        StringBuilder contents = new("- name: All pages\n  href: README.md\n");
        named = [];
        foreach (Match row in Row().Matches(table))
        {
            string reader = row.Groups["reader"].Value.Trim();
            contents.Append($"- name: For {reader}\n  expanded: true\n  items:\n");
            foreach (Match link in LinkOf().Matches(row.Groups["pages"].Value))
            {
                string target = link.Groups["target"].Value;
                string path = MarkdownLinks.Resolve("docs/README.md", target);
                if (path.StartsWith("docs/", StringComparison.Ordinal) && named.Add(target))
                {
                    string title = File.ReadLines(Path.Combine(root, path)).First(line => line.StartsWith("# ", StringComparison.Ordinal))[2..];
                    contents.Append($"  - name: \"{title.Replace("`", "").Replace("\"", "\\\"")}\"\n    href: {target}\n");
                }
            }
        }

        return contents.ToString();
    }

    private string Api()
    {
        StringBuilder page = new("# API\n\nThe public types and members of the libraries, from their doc comments.\n\n| library | what it is |\n| --- | --- |\n");
        foreach ((string assembly, string description) in Libraries())
        {
            page.Append($"| {assembly} | {description} |\n");
        }

        return page.ToString();
    }

    // Every project of src/ that was built with this one: all but the command and the live server.
    private IEnumerable<(string Assembly, string Description)> Libraries() =>
        from file in Directory.GetFiles(Path.Combine(root, "src"), "*.csproj", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        let project = XDocument.Load(file)
        let assembly = project.Descendants("AssemblyName").First().Value
        where File.Exists(Path.Combine(binaries, assembly + ".dll"))
        select (assembly, project.Descendants("Description").First().Value);

    private void WritePage(string path, string text)
    {
        string full = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }

    private static string Relative(string from, string to) =>
        Path.GetRelativePath(Path.GetDirectoryName("/" + from)!, "/" + to).Replace('\\', '/');

    // The highlighter guesses where no language is given, and guesses formulas and trees of folders wrong.
    private static string Language(string given, string code) => given switch
    {
        "cuda" => "cpp",
        "" => Command().IsMatch(code) ? "bash" : "plaintext",
        _ => given,
    };

    private static void CopyFolder(string from, string to, string pattern = "*")
    {
        foreach (string file in Directory.GetFiles(from, pattern, pattern == "*" ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    [GeneratedRegex(@"^```(?<language>\w*)\r?\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fences();

    [GeneratedRegex(@"^\$\$(?<formula>(?:(?!\$\$)[^\r]|\r(?=\n))+)\$\$(?=\r?$)", RegexOptions.Multiline)]
    private static partial Regex Formula();

    [GeneratedRegex(@"^(engine|dotnet|eng/|\./|git|python|run-on-gpu|ENGINE_)")]
    private static partial Regex Command();

    [GeneratedRegex(@"\]\((?<target>[^()\s]+)\)")]
    private static partial Regex LinkOf();

    [GeneratedRegex(@"^\| (?<reader>(?!you are|-)[^|]+)\|(?<pages>[^\n]+)\|\r?$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
