using System.Text.RegularExpressions;

namespace Engine.Tests.Architecture;

/// <summary>What all sources and documents have in common: lines that fit a window, and one spelling.</summary>
public sealed partial class SourceTextTests
{
    private const int Columns = 160;

    private static readonly string[] Extensions = [".cs", ".md", ".cu", ".cpp", ".h"];

    // Facts and data are as they were recorded or generated.
    private static readonly string[] Excluded = ["bin", "obj", "Data", "Facts", "Seeds", "artifacts", "results", "node_modules", ".git"];

    [Fact]
    public void No_line_is_longer_than_160_columns()
    {
        List<string> longLines = [];
        foreach (string file in Files())
        {
            string[] lines = File.ReadAllLines(file);
            bool isFenced = false;
            for (int i = 0; i < lines.Length; i++)
            {
                isFenced ^= lines[i].StartsWith("```", StringComparison.Ordinal);
                if (lines[i].Length > Columns && !isFenced && !CannotBeCut(file, lines[i]))
                {
                    longLines.Add($"{Path.GetRelativePath(Sources.Folder, file)}:{i + 1}: {lines[i].Length} columns");
                }
            }
        }

        Assert.True(longLines.Count == 0, string.Join('\n', longLines));
    }

    [Fact]
    public void Prose_and_names_are_in_american_english()
    {
        List<string> found = [];
        foreach (string file in Files().Where(file => !file.EndsWith("SourceTextTests.cs", StringComparison.Ordinal)))
        {
            found.AddRange(
                from line in File.ReadAllLines(file)
                from Match match in British().Matches(line)

                    // A test of the help texts names what it looks for, and the recorded facts have a key of that name.
                where !line.Contains($"InlineData(\"{match.Value}", StringComparison.Ordinal) && !line.Contains("\"behaviour\"", StringComparison.Ordinal)
                    && !file.EndsWith("cudnn_facts.cpp", StringComparison.Ordinal)
                select $"{Path.GetRelativePath(Sources.Folder, file)}: {match.Value}");
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Theory]
    [InlineData("the colour of a picture", "colour")]
    [InlineData("it is normalised", "normalis")]
    [InlineData("the mechanism promises nothing", null)]
    public void The_spelling_is_told_by_the_word(string text, string? word) => Assert.Equal(word, British().Matches(text).FirstOrDefault()?.Value);

    // A table's row, a link, a formula on a line of its own, and a literal that is longer than a line cannot be cut; nor is what is quoted.
    private static bool CannotBeCut(string file, string line) => file.EndsWith(".md", StringComparison.Ordinal)
        ? line.StartsWith('|') || line.StartsWith("$$", StringComparison.Ordinal) || line.Contains("](", StringComparison.Ordinal)
        : LongLiteral().IsMatch(line) || line.TrimStart().StartsWith('{');

    private static IEnumerable<string> Files()
    {
        Stack<string> folders = new([Sources.Folder]);
        while (folders.TryPop(out string? folder))
        {
            foreach (string inside in Directory.EnumerateDirectories(folder).Where(inside => !Excluded.Contains(Path.GetFileName(inside))))
            {
                folders.Push(inside);
            }

            foreach (string file in Directory.EnumerateFiles(folder).Where(file => Extensions.Contains(Path.GetExtension(file))))
            {
                yield return file;
            }
        }
    }

    [GeneratedRegex("\"[^\"]{90,}\"|@\".{90,}\"|\"\"\".{90,}\"\"\"|\\$\".{90,}\"")]
    private static partial Regex LongLiteral();

    [GeneratedRegex("(?i)colour|neighbour|favour|honour|(?<!ar)centre|artefact|licence|labelled(?!by)|cancelled|travelling|modelling|behaviour"
        + "|(?:normal|optim|initial|recogn|organ|general|standard|serial|util|minim|maxim|quant|summar|visual|regular|random|parallel|synchron|vector|special)is(?=e|i|a)(?!m)")]
    private static partial Regex British();
}
