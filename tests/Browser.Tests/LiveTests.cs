using Engine.Data;
using Engine.Live;
using Engine.Study;

namespace Engine.Browser.Tests;

/// <summary>The page that engine study --live serves: its charts grow while the study runs.</summary>
public class LiveTests(Chromium browser) : IClassFixture<Chromium>
{
    [Fact]
    public async Task Charts_grow_while_the_study_runs_and_keep_the_focus()
    {
        StudyRunner runner = new(SmallStudy.Options, DataSets.Open("digits"));
        await using LiveServer server = await LiveServer.StartAsync(runner.Run, 0);
        await using BrowserPage page = await BrowserPage.OpenAsync(browser, server.Address, 1440, "dark");
        const string Lines = "document.querySelectorAll('#figure-errors svg.plot path[d*=L]').length";
        Assert.Equal(0, await page.NumberAsync(Lines));
        Assert.Contains("Training", await page.TextAsync("document.getElementById('status').textContent"));
        await page.EvaluateAsync("document.querySelector('#figure-depth .legend button').focus()");

        bool isCompleted = await Task.Run(() => runner.Train(() => new CpuDevice(1), 2));
        Assert.True(isCompleted);
        await page.WaitForAsync("document.getElementById('status').hidden");
        await page.WaitForAsync($"{Lines} >= 6");
        Assert.Equal(runner.Run.Networks[0].Info.Name, await page.TextAsync("document.activeElement.textContent"));
        Assert.Equal("step 7", await page.TextAsync("document.querySelector('#figure-responses output').textContent"));
        Assert.DoesNotContain("Nothing has been measured", await page.TextAsync("document.getElementById('findings').textContent"));
        Assert.Equal([server.Address, server.Address + "events"], page.Requests);
        Assert.Empty(page.Complaints);
    }

    [Fact]
    public async Task A_page_whose_study_has_gone_says_so()
    {
        StudyRunner runner = new(SmallStudy.Options, DataSets.Open("digits"));
        LiveServer server = await LiveServer.StartAsync(runner.Run, 0);
        await using BrowserPage page = await BrowserPage.OpenAsync(browser, server.Address, 390, "light");
        await page.WaitForAsync("performance.getEntriesByType('resource').length >= 0");
        await server.DisposeAsync();
        await page.WaitForAsync("document.getElementById('status').textContent.includes('cannot be reached')");
    }
}
