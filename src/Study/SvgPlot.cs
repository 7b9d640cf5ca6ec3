using System.Globalization;
using System.Net;
using System.Text;

namespace Engine.Study;

/// <summary>An axis of a plot.</summary>
/// <param name="Label">What is along it.</param>
/// <param name="Low">Where it begins.</param>
/// <param name="High">Where it ends, above <paramref name="Low"/>.</param>
/// <param name="IsLogarithmic">Whether equal distances are equal ratios.</param>
/// <param name="IsPercent">Whether shares from 0 to 1 are written as percentages.</param>
internal sealed record SvgAxis(string Label, double Low, double High, bool IsLogarithmic = false, bool IsPercent = false)
{
    /// <summary>An axis around numbers, those that are not positive left out of a logarithmic one.</summary>
    public static SvgAxis Around(string label, IEnumerable<double> values, bool isLogarithmic)
    {
        double[] known = [.. values.Where(v => double.IsFinite(v) && (!isLogarithmic || v > 0))];
        (double low, double high) = known.Length == 0 ? (isLogarithmic ? 0.1 : 0, 1) : (known.Min(), known.Max());
        return isLogarithmic ? new SvgAxis(label, low / 1.5, high * 1.5, true) : new SvgAxis(label, low, high > low ? high : low + 1);
    }

    /// <summary>A number's place, from 0 at the beginning to 1 at the end.</summary>
    public double Share(double value) => IsLogarithmic ? Math.Log(value / Low) / Math.Log(High / Low) : (value - Low) / (High - Low);

    /// <summary>Some five numbers along the axis, with their texts.</summary>
    public IEnumerable<(double At, string Text)> Ticks()
    {
        if (IsLogarithmic)
        {
            int first = (int)Math.Ceiling(Math.Log10(Low)), last = (int)Math.Floor(Math.Log10(High));
            int stride = Math.Max(1, (last - first + 5) / 6);
            bool isSparse = last - first < 1;
            for (int e = isSparse ? first - 1 : first; e <= last; e += stride)
            {
                foreach (double m in isSparse ? (double[])[1, 2, 5] : [1])
                {
                    double at = m * Math.Pow(10, e);
                    if (at >= Low && at <= High)
                    {
                        yield return (at, Text(at));
                    }
                }
            }

            yield break;
        }

        double rough = (High - Low) / 6, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((double[])[1, 2, 5, 10]).First(m => m * power >= rough * (1 - 1e-9));
        for (double i = Math.Ceiling((Low / step) - 1e-9); i * step <= High + (step * 1e-9); i++)
        {
            // Adding zero turns a negative zero into a positive one.
            yield return (i * step, IsPercent ? Text(Math.Round(100 * i * step, 6) + 0.0) + " %" : Text(Math.Round(i * step, 9) + 0.0));
        }
    }

    /// <summary>A number of an axis, or the end of a scale: small and large ones as powers of ten.</summary>
    public static string Text(double value)
    {
        if (Math.Abs(value) is (>= 1e-3 and < 1e5) or 0)
        {
            return value.ToString("G4", CultureInfo.InvariantCulture);
        }

        string[] parts = value.ToString("0.#E+0", CultureInfo.InvariantCulture).Split('E');
        string power = string.Concat(parts[1].TrimStart('+').Select(
            c => c == '-' ? '\u207b' : "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[c - '0']));
        return parts[0] == "1" ? $"10{power}" : $"{parts[0]}\u00b710{power}";
    }
}

/// <summary>A line of a plot.</summary>
/// <param name="Name">As the legend has it.</param>
/// <param name="Color">As CSS has it.</param>
/// <param name="Width">In pixels.</param>
/// <param name="IsDashed">Whether it is dashed.</param>
/// <param name="Points">From left to right; gaps where there is no number.</param>
internal sealed record SvgLine(string Name, string Color, double Width, bool IsDashed, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Draws plots into one SVG image of 960 x 540 pixels with a white background, as a slide wants it.</summary>
internal sealed class SvgPlot
{
    private const int Width = 960, Height = 540, Left = 84, Right = 24, Top = 106, Bottom = 70, Gap = 84;
    private readonly StringBuilder _text = new();
    private readonly int _panels;

    /// <summary>Begins an image.</summary>
    /// <param name="title">Its heading.</param>
    /// <param name="description">What is drawn, for those who do not see it.</param>
    /// <param name="panels">Plots beside each other.</param>
    public SvgPlot(string title, string description, int panels)
    {
        _panels = panels;
        _text.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" "
            + $"height=\"{Height}\" role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"15\" fill=\"#1d2025\">\n")
            .Append(
                CultureInfo.InvariantCulture,
                $"<title>{Escape(title)}</title>\n<desc>{Escape(description)}</desc>\n<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/>\n");
        Text(Left, 34, title, "start", "font-size=\"22\" font-weight=\"bold\"");
    }

    /// <summary>A legend under the title, one entry a line; entries that do not fit in the first row go to a second.</summary>
    public void Legend(IEnumerable<SvgLine> lines)
    {
        (double x, double y) = (Left, 54);
        foreach (SvgLine line in lines)
        {
            double width = 44 + (line.Name.Length * 8.2);
            if (x + width > Width - Right)
            {
                (x, y) = (Left, y + 19);
            }

            Line(x, y, x + 24, y, line.Color, line.Width + 1, line.IsDashed);
            Text(x + 30, y + 5, line.Name, "start");
            x += width;
        }
    }

    /// <summary>Draws lines into a panel.</summary>
    public void Lines(int panel, string heading, SvgAxis x, SvgAxis y, IEnumerable<SvgLine> lines)
    {
        Frame(panel, heading, x, y);
        foreach (SvgLine line in lines)
        {
            // A point without neighbors gets a round end and becomes a dot.
            StringBuilder path = new();
            bool isOpen = false;
            foreach ((double px, double py) in line.Points)
            {
                bool isKnown = double.IsFinite(py) && (!y.IsLogarithmic || py > 0);
                if (isKnown)
                {
                    path.Append(CultureInfo.InvariantCulture, $"{(isOpen ? "L" : "M")}{X(panel, x.Share(px)):F1} {Y(y.Share(py)):F1}{(isOpen ? "" : "h0")}");
                }

                isOpen = isKnown;
            }

            _text.Append(CultureInfo.InvariantCulture, $"<path fill=\"none\" stroke=\"{line.Color}\" stroke-width=\"{line.Width}\" stroke-linejoin=\"round\" "
                + $"stroke-linecap=\"round\"{Dash(line.IsDashed)} d=\"{path}\"><title>{Escape(line.Name)}</title></path>\n");
        }
    }

    /// <summary>Draws colored cells into a panel: columns at steps, rows from the top.</summary>
    /// <param name="panel">Which.</param>
    /// <param name="heading">Above it.</param>
    /// <param name="x">From the first step to the end of the last column.</param>
    /// <param name="columns">The steps.</param>
    /// <param name="rows">A number a row and column; NaN for none.</param>
    /// <param name="color">What gives colors: its ends are the darkest and the brightest.</param>
    public void Cells(int panel, string heading, SvgAxis x, IReadOnlyList<double> columns, IReadOnlyList<double[]> rows, SvgAxis color)
    {
        Frame(panel, heading, x, new SvgAxis("layer", rows.Count + 0.5, 0.5));
        double height = (double)(Height - Top - Bottom) / Math.Max(1, rows.Count);
        for (int r = 0; r < rows.Count; r++)
        {
            for (int c = 0; c < columns.Count; c++)
            {
                if (double.IsFinite(rows[r][c]) && (!color.IsLogarithmic || rows[r][c] > 0))
                {
                    double from = X(panel, x.Share(columns[c])), to = X(panel, c + 1 < columns.Count ? x.Share(columns[c + 1]) : 1);
                    _text.Append(CultureInfo.InvariantCulture, $"<rect shape-rendering=\"crispEdges\" x=\"{from:F2}\" y=\"{Top + (r * height):F2}\" "
                        + $"width=\"{to - from + 0.4:F2}\" height=\"{height + 0.4:F2}\" fill=\"{Color(color.Share(rows[r][c]))}\"/>\n");
                }
            }
        }
    }

    /// <summary>A bar of the colors under the title, with its ends' numbers.</summary>
    public void Scale(SvgAxis color)
    {
        const int Parts = 40;
        for (int i = 0; i < Parts; i++)
        {
            _text.Append(
                CultureInfo.InvariantCulture,
                $"<rect x=\"{Left + 80 + (i * 4)}\" y=\"46\" width=\"4.4\" height=\"13\" fill=\"{Color((i + 0.5) / Parts)}\"/>\n");
        }

        Text(Left + 72, 57, SvgAxis.Text(color.Low), "end");
        Text(Left + 88 + (Parts * 4), 57, $"{SvgAxis.Text(color.High)} \u2014 {color.Label}", "start");
    }

    /// <summary>The image.</summary>
    public override string ToString() => _text + "</svg>\n";

    private double PanelWidth => (double)(Width - Left - Right - ((_panels - 1) * Gap)) / _panels;

    private double X(int panel, double share) => Left + (panel * (PanelWidth + Gap)) + (share * PanelWidth);

    private static double Y(double share) => Height - Bottom - (share * (Height - Top - Bottom));

    private void Frame(int panel, string heading, SvgAxis x, SvgAxis y)
    {
        double left = X(panel, 0), right = X(panel, 1), bottom = Y(0);
        SvgAxis upright = y.Low < y.High ? y : y with { Low = y.High, High = y.Low };
        foreach ((double at, string text) in upright.Ticks())
        {
            Line(left, Y(y.Share(at)), right, Y(y.Share(at)), "#d9dbdf", 1, false);
            Text(left - 8, Y(y.Share(at)) + 5, text, "end");
        }

        (double At, string Text)[] ticks = [.. x.Ticks()];
        int every = Math.Max(1, (int)Math.Ceiling(ticks.Length * 62 / PanelWidth));
        for (int i = 0; i < ticks.Length; i += every)
        {
            Line(X(panel, x.Share(ticks[i].At)), bottom, X(panel, x.Share(ticks[i].At)), bottom + 5, "#585e68", 1, false);
            Text(X(panel, x.Share(ticks[i].At)), bottom + 22, ticks[i].Text, "middle");
        }

        Line(left, bottom, right, bottom, "#585e68", 1, false);
        Text((left + right) / 2, bottom + 48, x.Label, "middle");
        Text(right, Top - 8, heading, "end", "font-weight=\"bold\"");
        if (y.Label.Length > 0)
        {
            Text(left, Top - 8, y.Label, "start", "fill=\"#585e68\"");
        }
    }

    private void Line(double x1, double y1, double x2, double y2, string color, double width, bool isDashed) => _text.Append(
        CultureInfo.InvariantCulture, $"<line x1=\"{x1:F1}\" y1=\"{y1:F1}\" x2=\"{x2:F1}\" y2=\"{y2:F1}\" stroke=\"{color}\" "
            + $"stroke-width=\"{width}\"{Dash(isDashed)}/>\n");

    private void Text(double x, double y, string text, string anchor, string more = "") => _text.Append(
        CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" text-anchor=\"{anchor}\"{(more.Length > 0 ? " " : "")}{more}>{Escape(text)}</text>\n");

    private static string Dash(bool isDashed) => isDashed ? " stroke-dasharray=\"7 5\"" : "";

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    // The same colors as the page's.
    private static string Color(double share)
    {
        ReadOnlySpan<(double R, double G, double B)> stops = [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)];
        double at = Math.Clamp(share, 0, 1) * (stops.Length - 1);
        int i = Math.Min(stops.Length - 2, (int)at);
        (double r, double g, double b) = (
            stops[i].R + ((stops[i + 1].R - stops[i].R) * (at - i)), stops[i].G + ((stops[i + 1].G - stops[i].G) * (at - i)), stops[i].B
                + ((stops[i + 1].B - stops[i].B) * (at - i)));
        return string.Create(CultureInfo.InvariantCulture, $"#{(int)Math.Round(r):x2}{(int)Math.Round(g):x2}{(int)Math.Round(b):x2}");
    }
}
