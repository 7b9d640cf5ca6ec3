using System.Reflection;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Study;
using Engine.Training;

namespace Engine.Browser.Tests;

/// <summary>The report as a browser shows it, at the widths of a telephone and of a screen, light and dark.</summary>
public class ReportTests(Chromium browser, SmallStudy study) : IClassFixture<Chromium>, IClassFixture<SmallStudy>
{
    private static readonly string[] Figures = ["figure-errors", "figure-depth", "figure-heat", "figure-responses", "figure-split"];

    [Theory]
    [InlineData(390, "light")]
    [InlineData(390, "dark")]
    [InlineData(1440, "light")]
    [InlineData(1440, "dark")]
    public async Task Nothing_is_complained_about_asked_for_cut_off_or_overlapping(int width, string theme)
    {
        await using BrowserPage page = await OpenAsync(width, theme);
        Assert.Equal(theme, await page.TextAsync("document.documentElement.dataset.theme"));
        foreach (string figure in Figures)
        {
            Assert.True(await page.NumberAsync($"document.querySelectorAll('#{figure} svg.plot').length") > 0, $"{figure} has no chart");
            Assert.True(await page.NumberAsync($"document.querySelectorAll('#{figure} svg.plot :is(path, rect)').length") > 0, $"{figure} has an empty chart");
        }

        Assert.Empty(await LayoutAsync(page));
        if (Environment.GetEnvironmentVariable("ENGINE_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, $"report-{width}-{theme}.png"), await page.ImageAsync());
        }

        await page.EvaluateAsync("document.querySelectorAll('details').forEach(d => d.open = true)");
        Assert.Empty(await LayoutAsync(page));
        Assert.Equal([study.Address], page.Requests);
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task The_check_of_the_layout_finds_what_is_wide_or_overlaps()
    {
        await using BrowserPage page = await OpenAsync(390, "light");
        await page.EvaluateAsync("document.querySelector('h2').style.width = '500px'; document.querySelector('h2').style.textAlign = 'right'; 0");
        await page.EvaluateAsync("document.querySelectorAll('#findings li').forEach(li => li.style.marginBottom = '-1.2em'); 0");
        string[] found = await LayoutAsync(page);
        Assert.Contains(found, f => f.Contains("pixels wide", StringComparison.Ordinal));
        Assert.Contains(found, f => f.Contains("reaches from", StringComparison.Ordinal));
        Assert.Contains(found, f => f.Contains("overlap", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("figure-depth")]
    [InlineData("figure-responses")]
    [InlineData("figure-split")]
    public async Task The_slider_moves_through_the_training_by_keyboard(string figure)
    {
        await using BrowserPage page = await OpenAsync(1440, "light");
        const string Slider = "input[type=range]";
        await page.EvaluateAsync($"document.querySelector('#{figure} {Slider}').focus()");
        await page.PressAsync("Home");
        (string drawn, string table) = (await DrawnAsync(page, figure), await page.TextAsync($"document.querySelector('#{figure} table').textContent"));
        Assert.Equal("step 0", await page.TextAsync($"document.querySelector('#{figure} output').textContent"));
        await page.PressAsync("ArrowRight");
        Assert.NotEqual("step 0", await page.TextAsync($"document.querySelector('#{figure} {Slider}').getAttribute('aria-valuetext')"));
        Assert.NotEqual(drawn, await DrawnAsync(page, figure));
        Assert.NotEqual(table, await page.TextAsync($"document.querySelector('#{figure} table').textContent"));
        await page.PressAsync("End");
        Assert.Equal(
            await page.TextAsync($"document.querySelector('#{figure} {Slider}').max"),
            await page.TextAsync($"document.querySelector('#{figure} {Slider}').value"));
        await page.PressAsync("Home");
        Assert.Equal(drawn, await DrawnAsync(page, figure));
        Assert.Empty(page.Complaints);
    }

    [Theory]
    [InlineData("figure-errors")]
    [InlineData("figure-depth")]
    [InlineData("figure-responses")]
    public async Task The_legend_hides_and_shows_a_network_by_keyboard(string figure)
    {
        await using BrowserPage page = await OpenAsync(1440, "light");
        string button = $"document.querySelector('#{figure} .legend button[aria-pressed=true]')";
        string name = await page.TextAsync($"{button}.textContent");
        string drawn = $"document.querySelectorAll('#{figure} svg.plot [data-series=\"{name}\"]').length";
        Assert.True(await page.NumberAsync(drawn) > 0);
        await page.EvaluateAsync($"{button}.focus()");
        await page.PressAsync(" ");
        Assert.Equal(0, await page.NumberAsync(drawn));
        Assert.Equal("false", await page.TextAsync("document.activeElement.getAttribute('aria-pressed')"));
        Assert.Equal(0, await page.NumberAsync($"[...document.querySelectorAll('#{figure} thead th')].filter(th => th.textContent === '{name}').length"));
        await page.PressAsync(" ");
        Assert.True(await page.NumberAsync(drawn) > 0);
        Assert.Equal("true", await page.TextAsync("document.activeElement.getAttribute('aria-pressed')"));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Every_chart_has_a_name_a_table_and_is_read_by_arrow_keys()
    {
        await using BrowserPage page = await OpenAsync(390, "light");
        foreach (string figure in Figures)
        {
            string panel = $"document.querySelector('#{figure} .panel')";
            Assert.True((await page.TextAsync($"{panel}.getAttribute('aria-label') ?? ''")).Length > 40);
            await page.EvaluateAsync($"{panel}.focus()");
            await page.PressAsync("ArrowRight");
            await page.PressAsync("ArrowRight");
            string read = await page.TextAsync($"document.querySelector('#{figure} .readout').textContent");
            Assert.Matches("^(Iteration|Layer|Block|[a-z]+[0-9]+).*[0-9]", read);
            Assert.True(await page.NumberAsync($"document.querySelectorAll('#{figure} tbody tr').length") > 1);
            Assert.True(await page.NumberAsync($"document.querySelectorAll('#{figure} caption').length") == 1);
        }

        string unnamed = "[...document.querySelectorAll('button, select, input')].filter(e => !(e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.getAttribute('aria-label'))).length";
        Assert.Equal(0, await page.NumberAsync(unnamed));
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task Tab_reaches_every_control()
    {
        await using BrowserPage page = await OpenAsync(1440, "light");
        int controls = await page.NumberAsync("document.querySelectorAll('button, select, input').length");
        await page.EvaluateAsync("window.reached = new Set(); document.addEventListener('focusin', e => reached.add(e.target)); 0");
        for (int i = 0; i < controls + 40; i++)
        {
            await page.PressAsync("Tab");
        }

        Assert.Equal(controls, await page.NumberAsync("[...document.querySelectorAll('button, select, input')].filter(e => reached.has(e)).length"));
    }

    [Fact]
    public async Task The_button_changes_the_theme_and_the_page_prints()
    {
        await using BrowserPage page = await OpenAsync(1440, "light");
        string color = await page.TextAsync("getComputedStyle(document.body).backgroundColor");
        await page.EvaluateAsync("document.getElementById('theme').focus()");
        await page.PressAsync(" ");
        Assert.Equal("dark", await page.TextAsync("document.documentElement.dataset.theme"));
        Assert.NotEqual(color, await page.TextAsync("getComputedStyle(document.body).backgroundColor"));
        await page.SendAsync("Emulation.setEmulatedMedia", new JsonObject { ["media"] = "print" });
        Assert.Equal("rgb(255, 255, 255)", await page.TextAsync("getComputedStyle(document.body).backgroundColor"));
        Assert.Equal("none", await page.TextAsync("getComputedStyle(document.getElementById('theme')).display"));
        Assert.True((await page.PrintAsync()).Length > 20_000);
        Assert.Empty(page.Complaints);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(double.PositiveInfinity)]
    public async Task A_gradient_that_is_lost_is_told_in_words(double lost)
    {
        StudyRun run = new StudyRunner(new StudyOptions { Depths = [8], UnnormalizedSteps = 1 }, DataSets.Open("digits")).Run;
        foreach ((int index, double gradient) in new[] { (2, lost), (3, 1) })
        {
            LayerStatistics layer = new("", 1, gradient, 1, 1, 1, null, null);
            run.Add(new FlowMeasured(index, new FlowSample(0, [.. run.Networks[index].Info.Layers.Select(_ => layer)], [])));
        }

        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder["report.html"], StudyReport.Html(run));
        await using BrowserPage page = await BrowserPage.OpenAsync(browser, new Uri(folder["report.html"]).AbsoluteUri, 1440, "light");
        Assert.Contains(
            "Without normalization, the gradients of plain8 without norm are zero or beyond single precision from the start.",
            await page.TextAsync("document.getElementById('findings').textContent"));
        Assert.Empty(page.Complaints);
    }

    private Task<BrowserPage> OpenAsync(int width, string theme) => BrowserPage.OpenAsync(browser, study.Address, width, theme);

    private static Task<string> DrawnAsync(BrowserPage page, string figure) =>
        page.TextAsync($"[...document.querySelectorAll('#{figure} svg.plot path')].map(p => p.getAttribute('d')).join()");

    private static async Task<string[]> LayoutAsync(BrowserPage page)
    {
        using StreamReader reader = new(Assembly.GetExecutingAssembly().GetManifestResourceStream("layout.js")!);
        return [.. ((JsonArray)(await page.EvaluateAsync(await reader.ReadToEndAsync()))!).Select(line => (string)line!)];
    }
}
