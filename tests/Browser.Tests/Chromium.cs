using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Engine.Browser.Tests;

/// <summary>A Chromium without a window, driven through its DevTools protocol; shared by all tests.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string _profile = Directory.CreateTempSubdirectory("chromium-").FullName;
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonObject>> _answers = [];
    private readonly CancellationTokenSource _end = new();
    private Process? _process;
    private Task _receiving = Task.CompletedTask;
    private int _last;

    /// <summary>Told everything that the browser reports: session, method, parameters.</summary>
    public event Action<string?, string, JsonObject>? Reported;

    public async ValueTask InitializeAsync()
    {
        string program = ((string[])["chromium", "chromium-browser", "google-chrome"])
            .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException("there is no Chromium on this machine: install Debian's package chromium (apt-get install chromium)");
        ProcessStartInfo start = new(program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])[
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--remote-debugging-port=0", $"--user-data-dir={_profile}", "about:blank"])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        TaskCompletionSource<string> address = new(TaskCreationOptions.RunContinuationsAsynchronously);
        StringBuilder said = new();
        _process.ErrorDataReceived += (_, line) =>
        {
            const string Mark = "DevTools listening on ";
            said.AppendLine(line.Data);
            if (line.Data?.IndexOf(Mark, StringComparison.Ordinal) is >= 0 and int at)
            {
                address.TrySetResult(line.Data[(at + Mark.Length)..]);
            }
            else if (line.Data is null)
            {
                address.TrySetException(new InvalidOperationException($"{program} ended at once: {said}"));
            }
        };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await _socket.ConnectAsync(new Uri(await address.Task.WaitAsync(Patience)), _end.Token);
        _receiving = ReceiveAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        if (_process is not null)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        await _receiving;
        _socket.Dispose();
        for (int attempt = 0; Directory.Exists(_profile) && attempt < 20; attempt++)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
            }
            catch (IOException)
            {
                // A helper of the browser that is just ending has written once more.
                await Task.Delay(100);
            }
        }
    }

    /// <summary>Sends a command and waits for what it returns.</summary>
    public async Task<JsonObject> SendAsync(string method, JsonObject? parameters = null, string? session = null)
    {
        int id = Interlocked.Increment(ref _last);
        JsonObject message = new() { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        if (session is not null)
        {
            message["sessionId"] = session;
        }

        TaskCompletionSource<JsonObject> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _answers[id] = answer;
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, true, _end.Token);
        }
        finally
        {
            _sending.Release();
        }

        JsonObject answered = await answer.Task.WaitAsync(Patience);
        return answered["error"] is { } error ? throw new InvalidOperationException($"{method}: {error}") : (JsonObject)answered["result"]!;
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[1 << 16];
        MemoryStream message = new();
        try
        {
            while (true)
            {
                WebSocketReceiveResult part = await _socket.ReceiveAsync(buffer, _end.Token);
                message.Write(buffer, 0, part.Count);
                if (!part.EndOfMessage)
                {
                    continue;
                }

                JsonObject received = (JsonObject)JsonNode.Parse(message.ToArray())!;
                message.SetLength(0);
                if (received["id"] is { } id && _answers.TryRemove((int)id, out TaskCompletionSource<JsonObject>? answer))
                {
                    answer.SetResult(received);
                }
                else if (received["method"] is { } method)
                {
                    Reported?.Invoke((string?)received["sessionId"], (string)method!, (JsonObject)received["params"]!);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            foreach (TaskCompletionSource<JsonObject> waiting in _answers.Values)
            {
                waiting.TrySetException(new InvalidOperationException("the browser has gone", e));
            }
        }
    }
}
