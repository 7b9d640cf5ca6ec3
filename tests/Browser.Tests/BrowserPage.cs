using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Engine.Browser.Tests;

/// <summary>A page of the browser, with all that it complained about and asked for.</summary>
public sealed class BrowserPage : IAsyncDisposable
{
    private readonly Chromium _browser;
    private readonly string _target, _session;
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private BrowserPage(Chromium browser, string target, string session)
    {
        (_browser, _target, _session) = (browser, target, session);
        browser.Reported += Listen;
    }

    /// <summary>Errors and warnings of the console, and exceptions that nobody caught.</summary>
    public ConcurrentQueue<string> Complaints { get; } = [];

    /// <summary>The addresses that were asked for.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Opens an address in a window of a given width.</summary>
    /// <param name="browser">The browser.</param>
    /// <param name="address">Such as file:///tmp/report.html.</param>
    /// <param name="width">In pixels; 390 is a telephone.</param>
    /// <param name="theme">What the system prefers: light or dark.</param>
    public static async Task<BrowserPage> OpenAsync(Chromium browser, string address, int width, string theme)
    {
        string target = (string)(await browser.SendAsync("Target.createTarget", new JsonObject { ["url"] = "about:blank" }))["targetId"]!;
        string session = (string)(await browser.SendAsync("Target.attachToTarget", new JsonObject { ["targetId"] = target, ["flatten"] = true }))["sessionId"]!;
        BrowserPage page = new(browser, target, session);
        foreach (string domain in (string[])["Page", "Runtime", "Log", "Network"])
        {
            await page.SendAsync($"{domain}.enable");
        }

        await page.SendAsync("Emulation.setDeviceMetricsOverride", new JsonObject
        {
            ["width"] = width,
            ["height"] = 900,
            ["deviceScaleFactor"] = 1,
            ["mobile"] = width < 600,
        });
        await page.SendAsync("Emulation.setEmulatedMedia", new JsonObject
        {
            ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = theme }),
        });
        await page.SendAsync("Page.navigate", new JsonObject { ["url"] = address });
        await page._loaded.Task.WaitAsync(TimeSpan.FromSeconds(60));

        // Charts are drawn when their width is known, before the next image.
        await page.EvaluateAsync("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
        return page;
    }

    /// <summary>The value of a JavaScript expression; a promise is waited for.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        JsonObject answer = await SendAsync("Runtime.evaluate", new JsonObject
        {
            ["expression"] = expression,
            ["returnByValue"] = true,
            ["awaitPromise"] = true,
        });
        return answer["exceptionDetails"] is { } failed ? throw new InvalidOperationException($"{expression}: {failed}") : answer["result"]!["value"];
    }

    /// <summary>An expression that is a text.</summary>
    public async Task<string> TextAsync(string expression) => (string)(await EvaluateAsync(expression))!;

    /// <summary>An expression that is a whole number.</summary>
    public async Task<int> NumberAsync(string expression) => (int)(double)(await EvaluateAsync(expression))!;

    /// <summary>Waits until an expression becomes true.</summary>
    public async Task WaitForAsync(string expression, int seconds = 60)
    {
        for (int i = 0; i < seconds * 10; i++)
        {
            if ((bool)(await EvaluateAsync($"Boolean({expression})"))!)
            {
                return;
            }

            await Task.Delay(100);
        }

        throw new TimeoutException($"{expression} did not become true in {seconds} seconds");
    }

    /// <summary>Presses and releases a key where the focus is.</summary>
    /// <param name="key">As DOM events name it: ArrowRight, Tab, End, or " ".</param>
    public async Task PressAsync(string key)
    {
        int code = key switch { "Tab" => 9, " " => 32, "End" => 35, "Home" => 36, "ArrowLeft" => 37, "ArrowUp" => 38, "ArrowRight" => 39, _ => 40 };
        foreach (string type in (string[])["keyDown", "keyUp"])
        {
            JsonObject parameters = new() { ["type"] = type, ["key"] = key, ["code"] = key == " " ? "Space" : key, ["windowsVirtualKeyCode"] = code };
            if (key == " " && type == "keyDown")
            {
                parameters["text"] = " ";
            }

            await SendAsync("Input.dispatchKeyEvent", parameters);
        }
    }

    /// <summary>An image of the whole page, as PNG.</summary>
    public async Task<byte[]> ImageAsync()
    {
        JsonObject size = (JsonObject)(await SendAsync("Page.getLayoutMetrics"))["cssContentSize"]!;
        JsonObject answer = await SendAsync("Page.captureScreenshot", new JsonObject
        {
            ["captureBeyondViewport"] = true,
            ["clip"] = new JsonObject { ["x"] = 0, ["y"] = 0, ["width"] = (double)size["width"]!, ["height"] = (double)size["height"]!, ["scale"] = 1 },
        });
        return Convert.FromBase64String((string)answer["data"]!);
    }

    /// <summary>The page as it is printed, as PDF.</summary>
    public async Task<byte[]> PrintAsync() => Convert.FromBase64String((string)(await SendAsync("Page.printToPDF"))["data"]!);

    /// <summary>Sends the page a command.</summary>
    public Task<JsonObject> SendAsync(string method, JsonObject? parameters = null) => _browser.SendAsync(method, parameters, _session);

    public async ValueTask DisposeAsync()
    {
        _browser.Reported -= Listen;
        await _browser.SendAsync("Target.closeTarget", new JsonObject { ["targetId"] = _target });
    }

    private void Listen(string? session, string method, JsonObject parameters)
    {
        if (session != _session)
        {
            return;
        }

        switch (method)
        {
            case "Page.loadEventFired":
                _loaded.TrySetResult();
                break;
            case "Runtime.exceptionThrown":
                Complaints.Enqueue(parameters.ToJsonString());
                break;
            case "Runtime.consoleAPICalled" when (string)parameters["type"]! is "error" or "warning" or "assert":
                Complaints.Enqueue(parameters.ToJsonString());
                break;
            case "Log.entryAdded" when (string)parameters["entry"]!["level"]! is "error" or "warning":
                Complaints.Enqueue(parameters.ToJsonString());
                break;
            case "Network.requestWillBeSent"
                when (string)parameters["request"]!["url"]! is { } address && !address.StartsWith("data:", StringComparison.Ordinal):
                Requests.Enqueue(address);
                break;
        }
    }
}
