using Engine;
using Engine.Bench.Benchmarks;
using Engine.Bench.Machine;
using Engine.Bench.Reports;
using Engine.Bench.Subjects;

namespace Bench.Tests;

public sealed class DocumentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_section_is_replaced_and_all_else_stays()
    {
        Document document = Open("before\n<!-- begin A -->\nold\n<!-- end A -->\nbetween\n<!-- begin B -->\n<!-- end B -->\nafter\n");
        document.Put("A", "new $1\n");
        document.Put("B", "other");
        document.Put("A", "newer $1\n");
        document.Save();

        Assert.Equal(
            "before\n<!-- begin A -->\n\nnewer $1\n\n<!-- end A -->\nbetween\n<!-- begin B -->\n\nother\n\n<!-- end B -->\nafter\n",
            File.ReadAllText(document.Path));
    }

    [Theory]
    [InlineData("no marks\n")]
    [InlineData("<!-- begin A -->\n without an end\n")]
    [InlineData("<!-- end A -->\n<!-- begin A -->\n")]
    public void A_section_without_its_marks_is_refused_by_name(string text)
    {
        EngineException e = Assert.Throws<EngineException>(() => Open(text).Put("A", "new"));
        Assert.Contains("<!-- begin A -->", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_documentation_has_a_section_for_every_class_and_for_the_peers()
    {
        string text = File.ReadAllText(Path.Combine(new Repository(Sources.Folder).Root, "docs", "benchmarks.md"));
        string[] classes = [.. typeof(DeviceBenchmark).Assembly.GetTypes().Where(
            t => !t.IsAbstract && t.IsSubclassOf(typeof(DeviceBenchmark))).Select(t => t.Name)];
        Assert.Equal(6, classes.Length);
        Assert.All([.. classes, "Peers"], name => Assert.Contains($"<!-- begin {name} -->\n", text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_class_of_one_method_gets_a_row_of_rates_for_each_case()
    {
        PrimitiveSubject subject = Primitive("Copy", new Shape(1024, 1024), operations: 0);
        string[] lines = Lines(BenchmarkTables.Of(
            [new Timing(subject, "Call", 0.001, 0), new Timing(Primitive("Product", new Shape(2), 3e9), "Call", 1.5, 96)]));

        Assert.Equal("| case | time | GB/s | GFLOP/s | of the ceiling | allocated |", lines[0]);
        Assert.Equal("| --- | ---: | ---: | ---: | ---: | ---: |", lines[1]);
        Assert.StartsWith("| cpu Copy [1024, 1024] | 1.00 ms | 8.39 | - | ", lines[2], StringComparison.Ordinal);
        Assert.EndsWith(" % copy | 0 B |", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("| cpu Product [2] | 1.50 s | 0.00 | 2.00 | ", lines[3], StringComparison.Ordinal);
        Assert.EndsWith(" % FMA | 96 B |", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public void A_class_of_several_methods_gets_them_side_by_side_and_fused_ones_their_ratio()
    {
        FusionSubject subject = FusionCatalog.On(BenchDevice.All[0]).First();
        string[] lines = Lines(BenchmarkTables.Of(
            [new Timing(subject, nameof(Fusions.Unfused), 0.004, 0), new Timing(subject, nameof(Fusions.Fused), 0.001, 0)]));

        Assert.Equal("| case | unfused | GB/s | of the ceiling | fused | GB/s | of the ceiling | times faster | allocated |", lines[0]);
        Assert.EndsWith(" | 4.00 | 0 B |", lines[2], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
    }

    [Theory]
    [InlineData(1.5e-8, "15.0 ns")]
    [InlineData(2.346e-5, "23.5 us")]
    [InlineData(0.1234, "123 ms")]
    [InlineData(2, "2.00 s")]
    public void Times_have_three_digits(double seconds, string text) => Assert.Equal(text, Quantity.Time(seconds));

    [Fact]
    public void The_ceiling_is_the_one_that_takes_longer()
    {
        Ceilings ceilings = new(1e9, 1e12, "made up");
        Assert.Equal("50 % copy", Quantity.Share(new Work(1e9, 1e11), 2, ceilings));
        Assert.Equal("25 % FMA", Quantity.Share(new Work(1e8, 1e12), 4, ceilings));
        Assert.Equal("-", Quantity.Share(new Work(0), 4, ceilings));
    }

    private static PrimitiveSubject Primitive(string name, Shape shape, double operations) =>
        new(BenchDevice.All[0], name, shape, s => 2 * s.Size, _ => () => { }, operations);

    private static string[] Lines(string table) => table.TrimEnd('\n').Split('\n');

    private Document Open(string text)
    {
        string path = Path.Combine(_folder.Path, "document.md");
        File.WriteAllText(path, text);
        return Document.Open(path);
    }
}
