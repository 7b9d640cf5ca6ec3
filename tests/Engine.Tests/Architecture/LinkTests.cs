using Engine.Site;

namespace Engine.Tests.Architecture;

/// <summary>Every relative link and anchor of the Markdown pages leads somewhere; eng/docs checks the site that is built of them.</summary>
public sealed class LinkTests
{
    [Fact]
    public void Every_link_and_anchor_leads_somewhere()
    {
        string[] broken = [.. MarkdownLinks.Broken(Sources.Folder, MarkdownLinks.PagesOf(Sources.Folder))];

        Assert.True(broken.Length == 0, string.Join('\n', broken));
    }

    [Fact]
    public void A_broken_link_is_told_with_its_file_and_line()
    {
        string folder = Directory.CreateTempSubdirectory("links").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "README.md"), "# A `title`, twice\n\n[a](#a-title-twice) [b](missing.md)\n\n<img src=\"no.svg\">\n");
            File.WriteAllText(Path.Combine(folder, "other.md"), "```\n[c](missing.md)\n# no heading\n```\n`[d](x)` [e](README.md#nowhere) [f](https://example.org)\n");

            Assert.Equal(
                [
                    "README.md:3: missing.md leads to missing.md, which does not exist",
                    "README.md:5: no.svg leads to no.svg, which does not exist",
                    "other.md:5: README.md#nowhere: README.md has no heading #nowhere",
                ],
                MarkdownLinks.Broken(folder, ["README.md", "other.md"]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
