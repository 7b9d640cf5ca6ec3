using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Engine;
using Engine.Cli;
using Engine.Data;
using Engine.Models;
using Engine.Study.Tests;
using Engine.Training;

namespace Cli.Tests;

/// <summary>The event files of engine train, and engine study --live with its orderly end.</summary>
public sealed class EventFileTests : IDisposable
{
    private static readonly string[] Tiny = ["train", "--model", "resnet8", "--device", "cpu", "--threads", "1", "--batch-size", "64", "--seed", "5"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Training_writes_an_event_file_with_the_numbers_of_its_metrics()
    {
        EngineRun train = await EngineRun.InProcessAsync([.. Tiny, "--epochs", "2", "--out", _folder["run"]]);
        Assert.Equal(0, train.ExitCode);
        EventFileReader.Contents contents = EventFileReader.Read(Assert.Single(EventFiles()));
        Assert.Equal(["brain.Event:2"], contents.Versions);
        Assert.Equal([0L], contents.Starts);

        JsonElement[] epochs = [.. File.ReadLines(_folder["run/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)];
        foreach ((string tag, string member) in new[] { ("epoch/train_loss", "train_loss"), ("epoch/test_loss", "test_loss"), (
            "epoch/train_accuracy", "train_accuracy"), ("epoch/learning_rate", "learning_rate") })
        {
            Assert.Equal(
                epochs.Select(e => (e.GetProperty("global_step").GetInt64(), (float)e.GetProperty(member).GetDouble())),
                contents.Entries.Where(e => e.Tag == tag).Select(e => (e.Step, e.Scalar!.Value)));
        }

        long steps = epochs[^1].GetProperty("global_step").GetInt64();
        foreach (string tag in (string[])["step/loss", "step/accuracy", "step/learning_rate"])
        {
            Assert.Equal(Enumerable.Range(0, (int)steps).Select(i => (long)i), contents.Entries.Where(e => e.Tag == tag).Select(e => e.Step));
        }

        double mean = contents.Entries.Where(e => e.Tag == "step/loss" && e.Step < steps / 2).Average(e => (double)e.Scalar!.Value);
        Assert.Equal(epochs[0].GetProperty("train_loss").GetDouble(), mean, 1e-5);
        EventFileReader.Entry[] filters = [.. contents.Entries.Where(e => e.Tag == "weights/conv1.weight")];
        Assert.Equal(epochs.Select(e => e.GetProperty("global_step").GetInt64()), filters.Select(e => e.Step));
        Assert.All(filters, e => Assert.Equal(16 * 9, e.Histogram!["num"][0]));
    }

    [Fact]
    public void A_resumed_training_adds_a_file_that_starts_where_it_went_on_and_a_new_one_replaces_all()
    {
        TrainingOptions options = new() { BatchSize = 32, MaxSteps = 12, Seed = 5 };
        Assert.False(Train(RunFolder.Create(_folder["run"], new RunManifest { Model = "resnet8", Training = options }), isResumed: false, stopAfter: 7));
        Assert.True(Train(RunFolder.Open(_folder["run"]), isResumed: true));
        string[] files = EventFiles();
        EventFileReader.Contents[] contents = [.. files.Select(EventFileReader.Read)];
        Assert.Equal([0L, 7L], contents.Select(c => Assert.Single(c.Starts)));
        Assert.Equal(Enumerable.Range(0, 12).Select(i => (long)i), contents.SelectMany(c => c.Entries.Where(e => e.Tag == "step/loss").Select(e => e.Step)));

        Assert.True(Train(RunFolder.Create(_folder["run"], new RunManifest { Model = "resnet8", Training = options }, overwrite: true), isResumed: false));
        Assert.DoesNotContain(Assert.Single(EventFiles()), files);
    }

    [Fact]
    public async Task A_live_study_serves_its_page_and_control_c_still_writes_the_report()
    {
        using Process process = EngineRun.Start(
            "study", "--depths", "8", "--epochs", "1000", "--bare-steps", "0", "--every", "5", "--device", "cpu", "--live", "--port", "0", "--out",
            _folder["study"]);
        string? address = null;
        while (address is null && await process.StandardOutput.ReadLineAsync() is { } line)
        {
            address = line.Split(' ').FirstOrDefault(word => word.StartsWith("http://127.0.0.1:", StringComparison.Ordinal));
        }

        Assert.NotNull(address);
        Task<string> rest = process.StandardOutput.ReadToEndAsync();
        using HttpClient client = new();
        Assert.Contains("Why residual networks train", await client.GetStringAsync(address), StringComparison.Ordinal);
        using HttpResponseMessage answer = await client.GetAsync(address + "events", HttpCompletionOption.ResponseHeadersRead);
        using StreamReader events = new(await answer.Content.ReadAsStreamAsync());
        string? sample;
        do
        {
            sample = await events.ReadLineAsync();
            Assert.NotNull(sample);
        }
        while (!sample.Contains("\"event\":\"sample\"", StringComparison.Ordinal));

        using (Process kill = Process.Start("sh", ["-c", $"kill -INT {process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        string last = (await events.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.Equal("data: {\"event\":\"end\",\"completed\":false}", last);
        await process.WaitForExitAsync();
        Assert.Equal((130, ""), (process.ExitCode, await process.StandardError.ReadToEndAsync()));
        Assert.Contains("report.html", await rest, StringComparison.Ordinal);
        Assert.Contains("\"completed\":false", File.ReadAllText(Path.Combine(_folder["study"], "report.html")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_without_live_or_out_of_range_is_refused_before_anything_is_written()
    {
        (await EngineRun.InProcessAsync("study", "--port", "0", "--out", _folder["study"], "--device", "cpu")).AssertFails(2, "--live");
        (await EngineRun.InProcessAsync(
            "study", "--live", "--port", "70000", "--out", _folder["study"], "--device", "cpu")).AssertFails(2, "--port is 70000", "65535");
        Assert.False(Path.Exists(_folder["study"]));
    }

    private static bool Train(RunFolder folder, bool isResumed, long? stopAfter = null)
    {
        using CpuDevice device = new(1);
        using Trainer trainer = new(
            Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 10 }), DataSets.Open("digits"), device, folder.Manifest.Training, folder);
        if (isResumed)
        {
            trainer.Resume();
        }

        using TrainingEvents events = new(trainer, folder);
        using CancellationTokenSource stop = new();
        trainer.StepEnded += step =>
        {
            if (step.GlobalStep == stopAfter)
            {
                stop.Cancel();
            }
        };
        bool isCompleted = trainer.Run(stop.Token).IsCompleted;
        events.Close();
        return isCompleted;
    }

    private string[] EventFiles() => [.. Directory.GetFiles(_folder["run"], "events.out.tfevents.*").Order(StringComparer.Ordinal)];
}
