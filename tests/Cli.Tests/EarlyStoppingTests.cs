using System.Text.Json.Nodes;

namespace Cli.Tests;

/// <summary>Early stopping, the best weights and mirrored evaluation from the command line.</summary>
public sealed class EarlyStoppingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_without_anything_better_stops_and_its_weights_are_the_best_epochs()
    {
        string[] train =
        [
            "train", "--model", "resnet8", "--lr", "3", "--epochs", "12", "--schedule", "constant", "--batch-size", "128",
            "--patience", "2", "--keep-best", "--out", _folder["run"],
        ];
        EngineRun run = await EngineRun.InProcessAsync([.. train, "--json"]);
        Assert.Equal(0, run.ExitCode);
        JsonNode end = JsonNode.Parse(run.Output.Trim().Split('\n')[^1])!;
        int epochs = (int)end["epochs"]!, best = (int)end["best_epoch"]!;
        Assert.InRange(epochs, 3, 11);
        Assert.Equal((epochs - 2, true), (best, (bool)end["stopped_early"]!));
        EngineRun eval = await EngineRun.InProcessAsync(["eval", "--weights", _folder["run"], "--json"]);
        Assert.Equal((int)end["best_correct"]!, (int)JsonNode.Parse(eval.Output)!["correct"]!);

        EngineRun told = await EngineRun.InProcessAsync([.. train, "--overwrite"]);
        Assert.Contains($"stopped after epoch {epochs}: nothing better than epoch {best} in 2 epochs", told.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_evaluation_can_average_over_mirror_images()
    {
        await EngineRun.InProcessAsync("train", "--model", "resnet8", "--epochs", "2", "--out", _folder["run"], "--json");
        JsonNode plain = JsonNode.Parse((await EngineRun.InProcessAsync(["eval", "--weights", _folder["run"], "--json"])).Output)!;
        JsonNode flipped = JsonNode.Parse((await EngineRun.InProcessAsync(["eval", "--weights", _folder["run"], "--flip", "--json"])).Output)!;

        // Digits are no photographs: a mirrored 3 is no 3.
        Assert.NotEqual((double)plain["loss"]!, (double)flipped["loss"]!);
        Assert.Equal(360, (int)flipped["total"]!);

        // Each class's figures come from the same answers.
        JsonNode report = JsonNode.Parse((await EngineRun.InProcessAsync(["eval", "--weights", _folder["run"], "--per-class", "--json"])).Output)!["report"]!;
        Assert.Equal((double)plain["correct"]! / 360, (double)report["accuracy"]!, 1e-9);
        Assert.Equal(360, report["confusion"]!.AsArray().Sum(row => row!.AsArray().Sum(count => (int)count!)));
        string table = (await EngineRun.InProcessAsync(["eval", "--weights", _folder["run"], "--per-class"])).Output;
        Assert.Contains("precision", table, StringComparison.Ordinal);
        Assert.Contains("true classes down", table, StringComparison.Ordinal);
        EngineRun both = await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--flip", "--ten-crop", "--data", $"folder:{_folder.Path}");
        both.AssertFails(2, "--flip", "--ten-crop");
    }
}
