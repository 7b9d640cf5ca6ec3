using Engine.Formats;

namespace Engine.Bench.Reports;

/// <summary>
/// A document with sections that commands write: each between a line <c>&lt;!-- begin NAME --&gt;</c> and a line
/// <c>&lt;!-- end NAME --&gt;</c>. All other text is the authors'.
/// </summary>
internal sealed class Document
{
    private Document(string path, string text) => (Path, Text) = (path, text);

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>The text, with the sections that were put in so far.</summary>
    public string Text { get; private set; }

    /// <summary>Reads a document.</summary>
    /// <exception cref="EngineException">There is none.</exception>
    public static Document Open(string path) => File.Exists(path)
        ? new Document(path, File.ReadAllText(path))
        : throw new EngineException($"{path} does not exist: run the command in the repository, or without --update-docs");

    /// <summary>Puts text in a section, in the place of what was there.</summary>
    /// <exception cref="EngineException">The document has no such section, or it has no end.</exception>
    public void Put(string section, string content)
    {
        string begin = $"<!-- begin {section} -->\n", end = $"<!-- end {section} -->";
        int start = Text.IndexOf(begin, StringComparison.Ordinal);
        int stop = start < 0 ? -1 : Text.IndexOf(end, start, StringComparison.Ordinal);
        if (stop < 0)
        {
            throw new EngineException($"{Path} has no section between lines '{begin.Trim()}' and '{end}': add both lines where the table belongs");
        }

        Text = $"{Text[..(start + begin.Length)]}\n{content.TrimEnd('\n')}\n\n{Text[stop..]}";
    }

    /// <summary>Writes it back.</summary>
    public void Save() => AtomicFile.WriteText(Path, Text);
}
