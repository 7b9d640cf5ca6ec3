using System.Globalization;
using System.Xml.Linq;
using Engine.Models.Figures;

namespace Engine.Models.Tests;

public class NetworkFigureTests
{
    public static TheoryData<string> AllNames => [.. Networks.Names];

    [Theory]
    [MemberData(nameof(AllNames))]
    public void Every_network_is_drawn_within_the_figure_without_boxes_that_overlap(string name)
    {
        XElement svg = Draw([name]);
        double[] view = [.. svg.Attribute("viewBox")!.Value.Split(' ').Select(Number)];
        (double X, double Y, double Width, double Height)[] boxes = Boxes(svg);
        Assert.All(boxes, b => Assert.True(b.X >= 0 && b.Y >= 0 && b.X + b.Width <= view[2] && b.Y + b.Height <= view[3]));
        for (int i = 1; i < boxes.Length; i++)
        {
            Assert.True(boxes[i - 1].Y + boxes[i - 1].Height + 10 < boxes[i].Y, $"box {i} begins before the one above ends");
        }

        Assert.All(Of(svg, "text"), t => Assert.InRange(Number(t.Attribute("x")!.Value), 0, view[2]));
        Assert.Equal(name, Of(svg, "text").Single(t => (string?)t.Attribute("class") == "name").Value);
        Assert.Equal(2, Of(svg, "title").Concat(Of(svg, "desc")).Count(e => e.Value.Contains(name, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("resnet34", 34, 13, 3, 0)]
    [InlineData("resnet50", 50, 12, 4, 0)]
    [InlineData("plain34", 34, 0, 0, 0)]
    [InlineData("vgg11_bn", 11, 0, 0, 0)]
    [InlineData("vgg19", 19, 0, 0, 0)]
    [InlineData("resnet20", 20, 7, 2, 0)]
    [InlineData("highway20", 20, 0, 0, 9)]
    public void Layers_and_shortcuts_are_as_many_as_the_network_has(string name, int layers, int identity, int changing, int gated)
    {
        XElement svg = Draw([name], collapse: false);
        string[] texts = Texts(svg);
        Assert.Equal(layers, texts.Count(t => t.Contains("conv", StringComparison.Ordinal) || t.StartsWith("fc", StringComparison.Ordinal)));
        Assert.Equal((identity, changing, gated), (Arcs(svg, "identity"), Arcs(svg, "changing"), Arcs(svg, "gated")));
    }

    [Fact]
    public void Resnet34_reads_as_in_the_paper()
    {
        string[] expected =
        [
            "7x7 conv, 64, /2", "pool, /2", .. Enumerable.Repeat("3x3 conv, 64", 6),
            "3x3 conv, 128, /2", .. Enumerable.Repeat("3x3 conv, 128", 7),
            "3x3 conv, 256, /2", .. Enumerable.Repeat("3x3 conv, 256", 11),
            "3x3 conv, 512, /2", .. Enumerable.Repeat("3x3 conv, 512", 5), "avg pool", "fc 1000",
        ];
        Assert.Equal(expected, FigureColumn.Of("resnet34", Networks.Create("resnet34"), isCollapsed: false).Layers.Select(l => l.Text));
    }

    [Fact]
    public void Equal_blocks_of_deep_networks_are_drawn_once_with_their_number()
    {
        Assert.Equal(["× 18", "× 17", "× 17"], Times(Draw(["resnet110"])));
        Assert.Empty(Times(Draw(["resnet110"], collapse: false)));
        Assert.Empty(Times(Draw(["resnet34"])));
        Assert.Equal(["× 3", "× 3", "× 5", "× 2"], Times(Draw(["resnet34"], collapse: true)));
        Assert.Equal(["× 200", "× 199", "× 199"], Times(Draw(["plain1202"])));
        Assert.Contains("110 layers with weights", Draw(["resnet110"]).ToString(), StringComparison.Ordinal);

        static string[] Times(XElement svg) =>
            [.. Of(svg, "text").Where(t => (string?)t.Attribute("class") == "times" && t.Value != "× n").Select(t => t.Value)];
    }

    [Fact]
    public void Networks_of_one_image_size_stand_side_by_side_with_equal_sizes_at_equal_heights()
    {
        XElement svg = Draw(["vgg19", "plain34", "resnet34"]);
        string[] sizes = [.. Of(svg, "text").Select(t => t.Value).Where(t => t.StartsWith("size: ", StringComparison.Ordinal))];
        Assert.Equal(["size: 224", "size: 112", "size: 56", "size: 28", "size: 14", "size: 7", "size: 1"], sizes);
        double[] pools = [.. Of(svg, "text").Where(t => t.Value == "avg pool").Select(t => Number(t.Attribute("y")!.Value))];
        Assert.Equal(2, pools.Length);
        Assert.Equal(pools[0], pools[1]);
        double[] columns = [.. Boxes(svg).Select(b => b.X + (b.Width / 2)).Distinct()];
        Assert.Equal(3, columns.Length);
        Assert.All(columns.Zip(columns.Skip(1)), pair => Assert.True(pair.Second - pair.First > 150));

        // Of other image sizes each has its own.
        Assert.Equal(2, Texts(Draw(["resnet18", "resnet20"]), all: true).Count(t => t == "size: 1"));
    }

    [Fact]
    public void No_network_is_refused() => Assert.Throws<EngineException>(() => NetworkFigure.Draw([]));

    private static XElement Draw(string[] names, bool? collapse = null) =>
        XElement.Parse(NetworkFigure.Draw([.. names.Select(name => (name, Networks.Create(name)))], collapse));

    private static IEnumerable<XElement> Of(XElement svg, string name) => svg.Elements().Where(e => e.Name.LocalName == name);

    private static (double X, double Y, double Width, double Height)[] Boxes(XElement svg) => [.. Of(svg, "rect").Select(
        r => (Number(r.Attribute("x")!.Value), Number(r.Attribute("y")!.Value), Number(r.Attribute("width")!.Value), Number(r.Attribute("height")!.Value)))];

    private static string[] Texts(XElement svg, bool all = false) => [.. Of(svg, "text").Where(t => all || t.Attribute("class") is null).Select(t => t.Value)];

    // The legend has one more.
    private static int Arcs(XElement svg, string kind) =>
        Math.Max(0, Of(svg, "path").Count(p => (string?)p.Attribute("class") == $"shortcut {kind}") - 1);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
