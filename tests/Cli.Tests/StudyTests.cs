using System.Text.Json;

namespace Cli.Tests;

public sealed class StudyTests
{
    [Fact]
    public async Task A_study_writes_its_files_and_says_what_it_found()
    {
        using TemporaryFolder folder = new();
        EngineRun run = await EngineRun.InProcessAsync(
            "study", "--depths", "8", "--steps", "3", "--every", "2", "--bare-steps", "1", "--device", "cpu", "--out", folder["study"]);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("at 8 layers the plain network ends with a training loss of", run.Output);
        Assert.Contains("resnet8 without norm", run.Output);
        using JsonDocument study = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder["study"], "study.json")));
        Assert.True(study.RootElement.GetProperty("completed").GetBoolean());
        Assert.Equal(4, study.RootElement.GetProperty("networks").GetArrayLength());
        Assert.All(["curves.csv", "layers.csv", "branches.csv"], file => Assert.True(File.ReadLines(Path.Combine(folder["study"], file)).Count() > 3, file));
    }

    [Fact]
    public async Task A_study_is_replaced_as_a_whole_when_asked_for_alone_and_is_written_by_one_process()
    {
        using TemporaryFolder folder = new();
        string[] study = ["study", "--depths", "8", "--kinds", "residual", "--steps", "1", "--bare-steps", "0", "--device", "cpu", "--out", folder["study"]];
        Assert.Equal(0, (await EngineRun.InProcessAsync(study)).ExitCode);
        string before = File.ReadAllText(folder["study/study.json"]);
        (await EngineRun.InProcessAsync(study)).AssertFails(1, "holds a study", "--overwrite");
        Assert.Equal(before, File.ReadAllText(folder["study/study.json"]));
        EngineRun again = await EngineRun.InProcessAsync([.. study, "--seed", "3", "--overwrite"]);
        Assert.Equal((0, ""), (again.ExitCode, again.Error));
        Assert.NotEqual(before, File.ReadAllText(folder["study/study.json"]));
        Assert.Equal([folder["study"]], Directory.GetFileSystemEntries(folder.Path));
        (await EngineRun.InProcessAsync([.. study[..^2], "--overwrite"])).AssertFails(2, "--overwrite", "--out");

        using (Engine.Formats.OutputFolder.Claim(folder["study"]))
        {
            (await EngineRun.InProcessAsync([.. study, "--overwrite"])).AssertFails(1, "in use by process");
            (await EngineRun.InProcessAsync(
                "reproduce", "table6", "--data", "digits", "--scale", "0.00005", "--depths", "20", "--batch-size", "16", "--device", "cpu", "--out",
                folder["study"], "--overwrite"))
                .AssertFails(1, "in use by process");
        }
    }

    [Fact]
    public async Task With_json_a_study_streams_its_events()
    {
        using TemporaryFolder folder = new();
        EngineRun run = await EngineRun.InProcessAsync(
            "study", "--depths", "8", "--kinds", "residual", "--steps", "2", "--bare-steps", "0", "--device", "cpu", "--out", folder["study"], "--json");

        Assert.Equal(0, run.ExitCode);
        string[] events = [.. run.Json.Select(e => e.GetProperty("event").GetString()!)];
        Assert.Equal("state", events[0]);
        Assert.Equal(["end", "network"], events[^2..]);
        Assert.Equal(2, events.Count(e => e == "sample"));
    }

    [Fact]
    public async Task Explain_prints_the_derivation_of_a_real_block()
    {
        EngineRun run = await EngineRun.InProcessAsync("study", "--explain");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("This is the \"+1\".", run.Output);
        Assert.Contains("finite difference", run.Output);
        Assert.True((await EngineRun.InProcessAsync("study", "--explain", "--json")).Json.Single().GetProperty("largest_error").GetDouble() < 1e-6);
    }

    [Fact]
    public async Task Figure_6_needs_its_data_and_says_where_to_get_it()
    {
        using TemporaryFolder folder = new();
        EngineRun run = await EngineRun.InProcessAsync("reproduce", "figure6", "--scale", "0.001", "--data-dir", folder.Path);

        run.AssertFails(1, "cifar");
    }

    [Fact]
    public async Task An_experiment_stands_beside_the_papers_figures()
    {
        EngineRun run = await EngineRun.InProcessAsync(
            "reproduce", "table6", "--data", "digits", "--scale", "0.00005", "--depths", "20", "--batch-size", "16", "--device", "cpu", "--json");

        Assert.Equal(0, run.ExitCode);
        JsonElement row = run.Json.Single(e => e.GetProperty("event").GetString() == "row");
        Assert.Equal(("resnet20", "8.75"), (row.GetProperty("network").GetString(), row.GetProperty("paper's test error %").GetString()));
    }
}
