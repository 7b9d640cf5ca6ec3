using System.Globalization;
using System.Xml.Linq;

namespace Engine.Models.Figures;

/// <summary>
/// Draws networks as Figure 3 of "Deep Residual Learning for Image Recognition" does (He et al., 2015): a column a network, from the
/// image at the top to the last linear layer, a box a layer, colored by its filters; shortcuts as arcs, dotted where they change
/// the dimensions; and the output sizes at the left, at which columns of equal image size are aligned.
/// </summary>
public sealed class NetworkFigure
{
    /// <summary>From how many layers on equal blocks are drawn once, unless asked otherwise.</summary>
    public const int MaxDepthInFull = 40;

    private const double BoxHeight = 20, Pitch = 38, Top = 92, SectionGap = 12, LabelWidth = 76, Bulge = 40, ColumnGap = 30, LetterWidth = 7.1,
        LegendPitch = 24;
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";
    private readonly List<FigureColumn> _columns;
    private readonly List<int> _widths;
    private readonly XElement _root = new(Svg + "svg");
    private double _right, _bottom;

    private NetworkFigure(List<FigureColumn> columns)
    {
        _columns = columns;
        _widths = [.. columns.SelectMany(c => c.Layers).Select(l => l.Filters).OfType<int>().Distinct().Order()];
    }

    /// <summary>Draws networks side by side.</summary>
    /// <param name="networks">The networks with their headings; they need not be on a device.</param>
    /// <param name="collapse">Whether equal blocks that follow each other are drawn once, with their number; null to do so in networks of more than
    /// <see cref="MaxDepthInFull"/> layers.</param>
    /// <returns>An SVG file's text, legible on a light page and on a dark one.</returns>
    /// <exception cref="EngineException">No network is given.</exception>
    public static string Draw(IReadOnlyList<(string Name, Network Network)> networks, bool? collapse = null)
    {
        if (networks.Count == 0)
        {
            throw new EngineException("a figure needs at least one network");
        }

        return new NetworkFigure([.. networks.Select(n => Column(n.Name, n.Network, collapse))]).Draw();
    }

    private static FigureColumn Column(string name, Network network, bool? collapse)
    {
        FigureColumn whole = FigureColumn.Of(name, network, isCollapsed: false);
        return collapse ?? whole.Depth > MaxDepthInFull ? FigureColumn.Of(name, network, isCollapsed: true) : whole;
    }

    private string Draw()
    {
        bool isAligned = _columns.Select(c => c.ImageSize).Distinct().Count() == 1;
        double left = 8;
        foreach (FigureColumn[] together in isAligned ? [[.. _columns]] : _columns.Select(c => new[] { c }))
        {
            Dictionary<int, (double Top, double Height)> sections = Sections(together);
            double start = left;
            left += LabelWidth;
            foreach (FigureColumn column in together)
            {
                double boxWidth = BoxWidth(column);
                DrawColumn(column, left + (boxWidth / 2), boxWidth, sections);
                left += boxWidth + Bulge + TimesWidth(column) + ColumnGap;
            }

            DrawSizes(sections, start, left - ColumnGap);
            _bottom = Math.Max(_bottom, sections.Values.Max(s => s.Top + s.Height));
        }

        _right = Math.Max(_right, left - ColumnGap);
        DrawLegend();
        return Finish();
    }

    private static double BoxWidth(FigureColumn column) => Math.Max(132, 18 + (LetterWidth * column.Layers.Max(l => l.Text.Length)));

    // What the numbers of equal blocks need beside the arcs.
    private static double TimesWidth(FigureColumn column) =>
        column.Blocks.Where(b => b.Count > 1).Select(b => LetterWidth * Times(b).Length).DefaultIfEmpty(0).Max();

    private static string Times(FigureBlock block) => $"× {block.Count}";

    // Each output size takes as much height as the column that has the most layers of it.
    private static Dictionary<int, (double Top, double Height)> Sections(FigureColumn[] columns)
    {
        Dictionary<int, (double Top, double Height)> sections = [];
        double top = Top;
        foreach (int size in columns.SelectMany(c => c.Layers).Select(l => l.Size).Distinct().OrderDescending())
        {
            double height = (Pitch * columns.Max(c => c.Layers.Count(l => l.Size == size))) + SectionGap;
            sections.Add(size, (top, height));
            top += height;
        }

        return sections;
    }

    private void DrawColumn(FigureColumn column, double center, double boxWidth, Dictionary<int, (double Top, double Height)> sections)
    {
        Text(column.Name, center, 20, "name", "middle");
        Text($"{Short(column.Parameters)} parameters", center, 36, "note", "middle");
        Text($"{Short(column.MultiplyAdds)} multiply-adds", center, 51, "note", "middle");
        Text("image", center, 72, "", "middle");
        double[] tops = Tops(column, sections);
        double above = 77;
        foreach ((FigureLayer layer, double top) in column.Layers.Zip(tops))
        {
            Path($"M{N(center)} {N(above)}V{N(top)}", "flow").SetAttributeValue("marker-end", "url(#arrow)");
            above = top + BoxHeight;
        }

        foreach ((FigureLayer layer, double top) in column.Layers.Zip(tops))
        {
            _root.Add(new XElement(
                Svg + "rect", Attributes(
                    ("class", Color(layer)), ("x", N(center - (boxWidth / 2))), ("y", N(top)), ("width", N(boxWidth)), ("height", N(BoxHeight)),
                    ("rx", "4"))));
            Text(layer.Text, center, top + 14, "", "middle");
        }

        foreach (FigureBlock block in column.Blocks)
        {
            DrawShortcut(block, center, center + (boxWidth / 2) + 2, tops[block.First] - 9, tops[block.Last] + BoxHeight + 5);
        }
    }

    // A layer stands in its size's section, or right below the layer before where that section has begun above: sizes may also grow.
    private static double[] Tops(FigureColumn column, Dictionary<int, (double Top, double Height)> sections)
    {
        double[] tops = new double[column.Layers.Count];
        for (int i = 0; i < tops.Length; i++)
        {
            tops[i] = Math.Max(sections[column.Layers[i].Size].Top, i == 0 ? 0 : tops[i - 1] + Pitch);
        }

        return tops;
    }

    private void DrawShortcut(FigureBlock block, double center, double edge, double from, double to)
    {
        if (block.Shortcut != FigureShortcut.None)
        {
            string bend = $"C{N(edge + (Bulge * 0.9))} {N(from)} {N(edge + (Bulge * 0.9))} {N(to)} {N(edge)} {N(to)}";
            Path($"M{N(center)} {N(from)}H{N(edge)}{bend}H{N(center + 1)}", $"shortcut {block.Shortcut.ToString().ToLowerInvariant()}")
                .SetAttributeValue("marker-end", "url(#arrow)");
        }
        else if (block.Count > 1)
        {
            Path($"M{N(edge + 4)} {N(from + 7)}h6V{N(to - 5)}h-6", "flow");
        }

        if (block.Count > 1)
        {
            double x = edge + (block.Shortcut == FigureShortcut.None ? 14 : (Bulge * 0.675) + 5);
            Text(Times(block), x, ((from + to) / 2) + 4, "times", "start");
        }
    }

    private void DrawSizes(Dictionary<int, (double Top, double Height)> sections, double left, double right)
    {
        foreach ((int size, (double top, _)) in sections)
        {
            Text("output", left, top + 8, "note", "start");
            Text($"size: {size}", left, top + 22, "note", "start");
            if (top > Top)
            {
                XElement line = new(Svg + "path", Attributes(("class", "section"), ("d", $"M{N(left)} {N(top - SectionGap)}H{N(right)}")));
                _root.AddFirst(line);
            }
        }
    }

    private void DrawLegend()
    {
        FigureBlock[] blocks = [.. _columns.SelectMany(c => c.Blocks)];
        double y = _bottom + 14;
        foreach ((FigureShortcut shortcut, string text) in ((FigureShortcut, string)[])[
            (FigureShortcut.Identity, "identity shortcut"),
            (FigureShortcut.Changing, "shortcut that projects, or pads with zeros"),
            (FigureShortcut.Gated, "gated shortcut: carries 1 - T of its input")])
        {
            if (blocks.Any(b => b.Shortcut == shortcut))
            {
                Path($"M10 {N(y)}H50", $"shortcut {shortcut.ToString().ToLowerInvariant()}").SetAttributeValue("marker-end", "url(#arrow)");
                Text(text, 60, y + 4, "note", "start");
                _right = Math.Max(_right, 60 + (LetterWidth * text.Length));
                y += LegendPitch;
            }
        }

        if (blocks.Any(b => b.Count > 1))
        {
            const string text = "so many equal blocks, one after another";
            Text("× n", 20, y + 4, "times", "start");
            Text(text, 60, y + 4, "note", "start");
            _right = Math.Max(_right, 60 + (LetterWidth * text.Length));
            y += LegendPitch;
        }

        _bottom = y;
    }

    private string Finish()
    {
        (string width, string height) = (N(Math.Ceiling(_right + 8)), N(Math.Ceiling(_bottom)));
        _root.AddFirst(
            new XElement(Svg + "title", Attributes(("id", "title")), string.Join(", ", _columns.Select(c => c.Name)) + ": layers and shortcuts"),
            new XElement(Svg + "desc", Attributes(("id", "desc")), string.Join(" ", _columns.Select(Describe))),
            new XElement(Svg + "style", Style(_widths.Count)),
            new XElement(Svg + "defs", new XElement(
                Svg + "marker",
                Attributes(
                    ("id", "arrow"), ("viewBox", "0 0 8 8"), ("refX", "7"), ("refY", "4"), ("markerWidth", "7"), ("markerHeight", "7"),
                    ("markerUnits", "userSpaceOnUse"), ("orient", "auto")),
                new XElement(Svg + "path", Attributes(("class", "head"), ("d", "M0 0.5L8 4L0 7.5Z"))))));
        _root.Add(Attributes(
            ("viewBox", $"0 0 {width} {height}"), ("width", width), ("height", height), ("role", "img"), ("aria-labelledby", "title desc"),
            ("font-family", "Helvetica, Arial, sans-serif"), ("font-size", "12")));
        return $"{_root}\n";
    }

    private static string Describe(FigureColumn column)
    {
        int Count(FigureShortcut shortcut) => column.Blocks.Where(b => b.Shortcut == shortcut).Sum(b => b.Count);
        List<string> shortcuts = [];
        foreach ((FigureShortcut shortcut, string what) in ((FigureShortcut, string)[])[
            (FigureShortcut.Identity, "identity"), (FigureShortcut.Changing, "dimension-changing"), (FigureShortcut.Gated, "gated")])
        {
            if (Count(shortcut) is int count and > 0)
            {
                shortcuts.Add($"{count} {what} shortcut{(count == 1 ? "" : "s")}");
            }
        }

        string past = shortcuts.Count == 0 ? "no shortcuts" : string.Join(" and ", shortcuts);
        return $"{column.Name}: {column.Depth} layers with weights from the image ({column.ImageSize} pixels) at the top to {column.Layers[^1].Text} at the "
            + $"bottom, {past}.";
    }

    private string Color(FigureLayer layer) =>
        layer.Filters is { } filters ? $"box w{_widths.IndexOf(filters) % Palette.Length}" : layer.HasWeights ? "box fc" : "box pool";

    private XElement Path(string data, string kind)
    {
        XElement path = new(Svg + "path", Attributes(("class", kind), ("d", data)));
        _root.Add(path);
        return path;
    }

    private void Text(string text, double x, double y, string kind, string anchor)
    {
        XElement element = new(Svg + "text", Attributes(("x", N(x)), ("y", N(y)), ("text-anchor", anchor)), text);
        if (kind.Length > 0)
        {
            element.SetAttributeValue("class", kind);
        }

        _root.Add(element);
    }

    private static XAttribute[] Attributes(params (string Name, string Value)[] attributes) => [.. attributes.Select(a => new XAttribute(a.Name, a.Value))];

    private static string N(double number) => number.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Short(long count) => count switch
    {
        >= 10_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e9:F1} G"),
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e9:F2} G"),
        >= 100_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:F0} M"),
        >= 10_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:F1} M"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:F2} M"),
    };

    // For each number of filters, fill and border on a light page, then on a dark one.
    private static readonly (string Fill, string Border, string DarkFill, string DarkBorder)[] Palette =
    [
        ("#e5defa", "#7a62c8", "#3b3168", "#a995f2"),
        ("#d7eed5", "#4a9646", "#234a24", "#79c675"),
        ("#fcdeda", "#c9574c", "#5c2722", "#ef8d83"),
        ("#d5e8fa", "#3c7fc0", "#1d3f60", "#78b4ee"),
        ("#fdecc9", "#bb8416", "#533c0c", "#e3b04f"),
        ("#d3f0ed", "#2c9389", "#164843", "#62c8be"),
        ("#f8dbee", "#b54b90", "#55234a", "#e78cc8"),
        ("#e8e8dd", "#80806a", "#42423a", "#b8b8a2"),
    ];

    private static string Style(int colors)
    {
        string light = "", dark = "";
        for (int i = 0; i < Math.Min(colors, Palette.Length); i++)
        {
            light += $".w{i}{{fill:{Palette[i].Fill};stroke:{Palette[i].Border}}}";
            dark += $".w{i}{{fill:{Palette[i].DarkFill};stroke:{Palette[i].DarkBorder}}}";
        }

        return "text{fill:#1f2328}.name{font-size:15px;font-weight:bold}.note{fill:#59636e}.times{font-weight:bold}.box{stroke-width:1}"
            + ".fc{fill:#eaecef;stroke:#818b98}.pool{fill:#fff;stroke:#818b98}.flow{fill:none;stroke:#59636e}"
            + ".head{fill:#59636e}.section{fill:none;stroke:#d1d9e0;stroke-dasharray:2 4}"
            + ".shortcut{fill:none;stroke:#1f2328;stroke-width:1.4}.changing{stroke-dasharray:1.5 3.5;stroke-linecap:round}.gated{stroke-dasharray:9 3 2 3}"
                + light
            + "@media(prefers-color-scheme:dark){text{fill:#f0f3f6}.note{fill:#b1bac4}.fc{fill:#3d444d;stroke:#9198a1}.pool{fill:#151b23;stroke:#9198a1}"
            + ".flow{stroke:#9ea7b3}.head{fill:#9ea7b3}.section{stroke:#3d444d}.shortcut{stroke:#f0f3f6}" + dark + "}";
    }
}
