using System.Net;
using System.Text.Json;
using Engine.Data;
using Engine.Live;

namespace Engine.Study.Tests;

/// <summary>The live report: what browsers get while a study runs, and what others do not get.</summary>
public sealed class LiveServerTests : IDisposable
{
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(60) };
    private readonly StudyRunner _runner = new(new StudyOptions { Depths = [8], MaxSteps = 6, Every = 2, CurveInterval = 2 }, DataSets.Open("digits"));

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task A_reader_is_told_the_run_so_far_and_then_every_event()
    {
        await using LiveServer server = await LiveServer.StartAsync(_runner.Run, 0);
        Assert.Matches(@"^http://127\.0\.0\.1:\d+/$", server.Address);
        using HttpResponseMessage answer = await _client.GetAsync(server.Address + "events", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        using StreamReader reader = new(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("event: run", await reader.ReadLineAsync());
        using JsonDocument before = JsonDocument.Parse((await reader.ReadLineAsync())!["data: ".Length..]);
        Assert.Equal(JsonValueKind.Null, before.RootElement.GetProperty("completed").ValueKind);
        Assert.Equal("", await reader.ReadLineAsync());

        List<string> events = [];
        using (_runner.Run.Follow(_ => 0, happened => events.Add(StudyJson.Write(happened)), out _))
        {
            Task<bool> training = Task.Run(() => _runner.Train(() => new CpuDevice(1), 1));
            string[] lines = (await reader.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.True(await training);
            Assert.Equal(events.Select(e => $"data: {e}"), lines);
        }
    }

    [Fact]
    public async Task The_page_is_served_with_the_run_so_far_and_to_this_machine_only()
    {
        await using LiveServer server = await LiveServer.StartAsync(_runner.Run, 0);
        string page = await _client.GetStringAsync(server.Address);
        Assert.Contains("\"live\":true", page, StringComparison.Ordinal);
        Assert.Contains("plain8", page, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await _client.GetAsync(server.Address + "other")).StatusCode);
        using HttpResponseMessage posted = await _client.PostAsync(server.Address, null);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "GET"), (posted.StatusCode, Assert.Single(posted.Content.Headers.Allow)));
        using HttpRequestMessage foreign = new(HttpMethod.Get, server.Address) { Headers = { Host = "example.com" } };
        Assert.Equal(HttpStatusCode.Forbidden, (await _client.SendAsync(foreign)).StatusCode);
    }

    [Fact]
    public async Task A_server_that_ends_lets_its_readers_go_and_frees_the_port()
    {
        LiveServer server = await LiveServer.StartAsync(_runner.Run, 0);
        using HttpResponseMessage answer = await _client.GetAsync(server.Address + "events", HttpCompletionOption.ResponseHeadersRead);
        Task<string> rest = answer.Content.ReadAsStringAsync();
        await server.DisposeAsync();
        Assert.StartsWith("event: run", await rest, StringComparison.Ordinal);
        await using LiveServer next = await LiveServer.StartAsync(_runner.Run, new Uri(server.Address).Port);
        Assert.Equal(server.Address, next.Address);
    }

    [Fact]
    public async Task A_port_that_is_taken_or_out_of_range_is_named()
    {
        await using LiveServer server = await LiveServer.StartAsync(_runner.Run, 0);
        int port = new Uri(server.Address).Port;
        EngineException taken = await Assert.ThrowsAsync<EngineException>(() => LiveServer.StartAsync(_runner.Run, port));
        Assert.Contains($"port {port}", taken.Message, StringComparison.Ordinal);
        Assert.Contains("--port", taken.Message, StringComparison.Ordinal);
        EngineException wrong = await Assert.ThrowsAsync<EngineException>(() => LiveServer.StartAsync(_runner.Run, 65536));
        Assert.Contains("65536", wrong.Message, StringComparison.Ordinal);
    }
}
