using System.Diagnostics;
using System.Text.Json;
using Engine;
using Engine.Cli;
using Engine.Data;
using Engine.Formats;
using Engine.Models;
using Engine.Training;

namespace Cli.Tests;

public sealed class TrainingTests : IDisposable
{
    private static readonly string[] Tiny = ["train", "--model", "resnet8", "--device", "cpu", "--threads", "1", "--batch-size", "64", "--seed", "5"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Training_prints_json_lines_alone_and_evaluation_finds_the_same_answers()
    {
        EngineRun train = await EngineRun.InProcessAsync([.. Tiny, "--epochs", "1", "--out", _folder["run"], "--json"]);

        Assert.Equal(0, train.ExitCode);
        Assert.Equal(["epoch", "end"], train.Json.Select(l => l.GetProperty("event").GetString()));
        JsonElement epoch = train.Json[0];
        Assert.Equal(1, epoch.GetProperty("epoch").GetInt32());
        Assert.Equal(360, epoch.GetProperty("total").GetInt32());
        Assert.True(epoch.GetProperty("train_loss").GetDouble() > 0);
        Assert.True(epoch.GetProperty("seconds").GetDouble() > 0);
        Assert.True(epoch.GetProperty("images_per_second").GetDouble() > 0);
        Assert.Equal(_folder["run/weights.safetensors"], train.Json[1].GetProperty("weights").GetString());
        Assert.Contains("device cpu", train.Error);

        int correct = epoch.GetProperty("correct").GetInt32();
        foreach (string[] weights in (string[][])
            [["--weights", _folder["run"]], ["--model", "resnet8", "--data", "digits", "--weights", _folder["run/weights.safetensors"], "--normalize",
                "dataset"]])
        {
            EngineRun eval = await EngineRun.InProcessAsync(["eval", .. weights, "--device", "cpu", "--json"]);
            JsonElement line = Assert.Single(eval.Json);
            Assert.Equal((0, correct, 360), (eval.ExitCode, line.GetProperty("correct").GetInt32(), line.GetProperty("total").GetInt32()));
            Assert.Equal(epoch.GetProperty("test_loss").GetDouble(), line.GetProperty("loss").GetDouble(), 1e-5);
        }

        EngineRun raw = await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu", "--normalize", "none", "--json");
        Assert.NotEqual(epoch.GetProperty("test_loss").GetDouble(), raw.Json[^1].GetProperty("loss").GetDouble(), 1e-5);
    }

    [Fact]
    public async Task AdamW_has_its_own_rate_and_decay_unless_they_are_given_and_the_average_is_told_beside()
    {
        string[] adamw = [.. Tiny, "--epochs", "1", "--optimizer", "adamw", "--no-decay-norm-bias", "--clip-norm", "1", "--ema", "0.9", "--out", _folder["run"],
            "--json"];
        EngineRun train = await EngineRun.InProcessAsync(adamw);
        Assert.Equal(0, train.ExitCode);
        TrainingOptions options = RunFolder.Open(_folder["run"]).Manifest.Training;
        Assert.Equal(
            ("adamw", 1e-3, 1e-2, false, 1.0, 0.9),
            (options.Optimizer, options.LearningRate, options.WeightDecay, options.NormAndBiasDecay, options.ClipNorm, options.Ema));

        // What was evaluated is what was saved.
        JsonElement end = train.Json[^1];
        EngineRun eval = await EngineRun.InProcessAsync("eval", "--weights", _folder["run/weights-ema.safetensors"], "--device", "cpu", "--json");
        Assert.Equal(train.Json[0].GetProperty("ema_correct").GetInt32(), Assert.Single(eval.Json).GetProperty("correct").GetInt32());
        Assert.Equal(_folder["run/weights-ema.safetensors"], end.GetProperty("ema_weights").GetString());

        EngineRun given = await EngineRun.InProcessAsync([.. adamw, "--lr", "0.002", "--weight-decay", "0.1", "--beta2", "0.99", "--overwrite"]);
        options = RunFolder.Open(_folder["run"]).Manifest.Training;
        Assert.Equal((0, 0.002, 0.1, 0.99), (given.ExitCode, options.LearningRate, options.WeightDecay, options.Beta2));
    }

    [Theory]
    [InlineData("--momentum is no option of the optimizer adamw", "--optimizer", "adamw", "--momentum", "0.5")]
    [InlineData("--nesterov is no option of the optimizer adamw", "--optimizer", "adamw", "--nesterov")]
    [InlineData("--beta1 is no option of the optimizer sgd", "--beta1", "0.5")]
    [InlineData("ema is 1.5, but must be from 0 to below 1", "--ema", "1.5")]
    [InlineData("adamww", "--optimizer", "adamww")]
    public async Task What_an_optimizer_does_not_have_is_a_usage_error(string message, params string[] given) =>
        (await EngineRun.InProcessAsync([.. Tiny, .. given])).AssertFails(2, message);

    [Fact]
    public async Task Without_json_there_is_a_line_an_epoch_and_a_table()
    {
        EngineRun run = await EngineRun.InProcessAsync([.. Tiny, "--epochs", "2", "--out", _folder["run"]]);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Error);
        Assert.Contains("epoch 1/2", run.Output);
        Assert.Contains("epoch 2/2", run.Output);
        Assert.Contains("final accuracy", run.Output);
        Assert.Contains("weights.safetensors", run.Output);
        Assert.DoesNotContain('\u001b', run.Output);
        Assert.Contains("(1,437 training images, 360 test images), 2 epochs of 22 steps, batch size 64, ", run.Output);
    }

    [Fact]
    public async Task What_is_one_is_not_called_many_and_held_out_images_are_counted()
    {
        EngineRun run = await EngineRun.InProcessAsync([.. Tiny[..^4], "--batch-size", "1436", "--epochs", "1", "--validation", "1", "--out", _folder["run"]]);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("(1,436 training images, 1 validation image), 1 epoch of 1 step, batch size 1,436, ", run.Output);
        Assert.Contains("s for 1 epoch ", run.Output);
    }

    [Fact]
    public async Task A_run_that_was_interrupted_ends_with_the_same_weights()
    {
        string[] whole = [.. Tiny, "--epochs", "2"];
        Assert.Equal(0, (await EngineRun.InProcessAsync([.. whole, "--out", _folder["whole"]])).ExitCode);

        using CancellationTokenSource now = new();
        await now.CancelAsync();
        EngineRun stopped = await EngineRun.InProcessAsync([.. whole, "--out", _folder["parts"]], now.Token);
        Assert.Equal(130, stopped.ExitCode);
        Assert.Contains($"'engine train --resume {_folder["parts"]} --device cpu --threads 1'", stopped.Output);

        Assert.Equal(0, (await EngineRun.InProcessAsync("train", "--resume", _folder["parts"], "--device", "cpu")).ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder["whole/weights.safetensors"]), File.ReadAllBytes(_folder["parts/weights.safetensors"]));
    }

    [Theory]
    [InlineData("-INT")]
    [InlineData("-TERM")]
    [InlineData("-HUP")]
    public async Task A_signal_makes_the_process_write_a_checkpoint_and_tell_how_to_go_on(string signal)
    {
        using Process process = EngineRun.Start([.. Tiny, "--epochs", "500", "--out", _folder["run"]]);
        while (await process.StandardOutput.ReadLineAsync() is { } line && !line.StartsWith("epoch 1/", StringComparison.Ordinal))
        {
        }

        using Process kill = Process.Start("sh", ["-c", $"kill {signal} {process.Id}"]);
        string rest = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        Assert.Contains($"engine train --resume {_folder["run"]}", rest);
        Assert.True(File.Exists(_folder["run/checkpoint.safetensors"]));
    }

    [Fact]
    public async Task An_earlier_run_is_overwritten_when_asked_for_alone()
    {
        string[] tiny = [.. Tiny, "--epochs", "1", "--out", _folder["run"]];
        Assert.Equal(0, (await EngineRun.InProcessAsync(tiny)).ExitCode);
        Dictionary<string, byte[]> before = Directory.GetFiles(_folder["run"]).ToDictionary(f => f, File.ReadAllBytes);
        (await EngineRun.InProcessAsync(tiny)).AssertFails(1, _folder["run"], "holds a finished run of 1 epoch", "--resume", "another --out", "--overwrite");
        Assert.Equal(before, Directory.GetFiles(_folder["run"]).ToDictionary(f => f, File.ReadAllBytes));

        EngineRun again = await EngineRun.InProcessAsync([.. Tiny[..^2], "--seed", "6", "--epochs", "1", "--out", _folder["run"], "--overwrite"]);
        Assert.Equal(0, again.ExitCode);
        Assert.Contains($"a finished run of 1 epoch in {_folder["run"]} is replaced", again.Error);
        Assert.NotEqual(before[_folder["run/weights.safetensors"]], File.ReadAllBytes(_folder["run/weights.safetensors"]));
        Assert.Equal([_folder["run"]], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(5, Directory.GetFileSystemEntries(_folder["run"]).Length);

        string metrics = File.ReadAllText(_folder["run/metrics.jsonl"]).Replace("\"epochs\":1", "\"epochs\":3", StringComparison.Ordinal);
        File.WriteAllText(_folder["run/metrics.jsonl"], metrics);
        (await EngineRun.InProcessAsync([.. Tiny, "--out", _folder["run"]])).AssertFails(1, "1 of 3 epochs", "--resume", "--overwrite");
        Assert.Equal(metrics, File.ReadAllText(_folder["run/metrics.jsonl"]));
        (await EngineRun.InProcessAsync([.. Tiny, "--overwrite"])).AssertFails(2, "--overwrite", "--out");
    }

    [Fact]
    public async Task What_changes_a_network_is_remembered_by_its_run()
    {
        string[] changed = ["--shortcut", "B", "--norm", "group:4"];
        EngineRun train = await EngineRun.InProcessAsync([.. Tiny, .. changed, "--epochs", "1", "--out", _folder["run"], "--json"]);
        int correct = train.Json[0].GetProperty("correct").GetInt32();
        EngineRun eval = await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu", "--json");
        Assert.Equal(correct, Assert.Single(eval.Json).GetProperty("correct").GetInt32());

        // Under the same name but without its changes, the network is another.
        (await EngineRun.InProcessAsync(
            "eval", "--weights", _folder["run"], "--model", "resnet14", "--device", "cpu")).AssertFails(1, "does not fit the model");
        (await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--norm", "batch", "--epochs", "2")).AssertFails(1, "other options");
        EngineRun resumed = await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--epochs", "2", "--device", "cpu", "--threads", "1", "--json");
        Assert.Equal((0, 2), (resumed.ExitCode, resumed.Json[0].GetProperty("epoch").GetInt32()));
    }

    [Fact]
    public async Task A_head_is_trained_on_a_frozen_backbone_whose_weights_come_from_a_file()
    {
        // Color, a frame of black and other classes than the file's: all of it is remembered by the run.
        Network saved = Networks.Create("resnet8", new NetworkOptions { Classes = 4 });
        using (CpuDevice device = new(1))
        {
            saved.To(device, seed: 7);
            StateDictionary.Save(saved, _folder["four.safetensors"]);
        }

        string[] arguments = [.. Tiny, "--channels", "3", "--pad-to", "10", "--weights", _folder["four.safetensors"]];
        EngineRun train = await EngineRun.InProcessAsync([.. arguments, "--freeze-backbone", "--epochs", "1", "--out", _folder["run"], "--json"]);
        Assert.Equal(0, train.ExitCode);
        Assert.Contains("fc is new, for 10 classes", train.Error);
        using (TensorFile before = TensorFile.Open(_folder["four.safetensors"]), after = TensorFile.Open(_folder["run/weights.safetensors"]))
        {
            Assert.All(
                before.Entries.Where(e => !e.Name.StartsWith("fc", StringComparison.Ordinal)),
                e => Assert.Equal(before.Read(e), after.Read(after.Find(e.Name)!)));
        }

        EngineRun eval = await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu", "--json");
        Assert.Equal(train.Json[0].GetProperty("correct").GetInt32(), Assert.Single(eval.Json).GetProperty("correct").GetInt32());
        (await EngineRun.InProcessAsync([.. arguments, "--shortcut", "B", "--out", _folder["other"]])).AssertFails(1, "does not fit the model", "downsample");
        Assert.False(Directory.Exists(_folder["other"]));
        EngineRun partial = await EngineRun.InProcessAsync(
            [.. arguments, "--shortcut", "B", "--partial", "--epochs", "1", "--out", _folder["other"], "--json"]);
        Assert.Contains("missing (layer2.0.downsample", partial.Error);
    }

    [Fact]
    public async Task A_new_head_is_drawn_for_as_many_classes_as_the_weights_have()
    {
        Network saved = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 10 });
        using (CpuDevice device = new(1))
        {
            saved.To(device, seed: 7);
            StateDictionary.Save(saved, _folder["ten.safetensors"]);
        }

        // The rate is too small to change a number: what the run ends with is what it began with.
        string[] arguments = [.. Tiny, "--weights", _folder["ten.safetensors"], "--freeze-backbone", "--lr", "1e-30", "--weight-decay", "0", "--epochs", "1",
            "--json"];
        EngineRun kept = await EngineRun.InProcessAsync([.. arguments, "--out", _folder["kept"]]);
        EngineRun drawn = await EngineRun.InProcessAsync([.. arguments, "--new-head", "--out", _folder["drawn"]]);
        Assert.Equal((0, 0), (kept.ExitCode, drawn.ExitCode));
        Assert.DoesNotContain("fc is new", kept.Error);
        Assert.Contains("fc is new, for 10 classes", drawn.Error);
        Assert.Equal(Read("ten.safetensors", "fc.weight"), Read("kept/weights.safetensors", "fc.weight"));
        Assert.NotEqual(Read("ten.safetensors", "fc.weight"), Read("drawn/weights.safetensors", "fc.weight"));
        Assert.Equal(Read("ten.safetensors", "conv1.weight"), Read("drawn/weights.safetensors", "conv1.weight"));
        (await EngineRun.InProcessAsync("train", "--resume", _folder["drawn"], "--new-head")).AssertFails(2, "--new-head", "--resume");

        byte[] Read(string name, string entry)
        {
            using TensorFile file = TensorFile.Open(_folder[name]);
            return file.Read(file.Find(entry)!);
        }
    }

    [Fact]
    public async Task A_run_stopped_in_its_first_epoch_is_not_overwritten()
    {
        TrainingOptions options = new() { Epochs = 2, BatchSize = 64 };
        ImageDataset data = DataSets.Open("digits");
        using CancellationTokenSource stop = new();
        using (CpuDevice device = new(1))
        using (Trainer trainer = new(
            Networks.Create("resnet8", channels: 1, classes: 10), data, device, options,
            RunFolder.Create(_folder["run"], new RunManifest { Model = "resnet8", Training = options })))
        {
            trainer.StepEnded += _ => stop.Cancel();
            Assert.False(trainer.Run(stop.Token).IsCompleted);
        }

        byte[] checkpoint = File.ReadAllBytes(_folder["run/checkpoint.safetensors"]);
        (await EngineRun.InProcessAsync([.. Tiny, "--out", _folder["run"]])).AssertFails(1, "after step 1 of epoch 1", "--resume");
        Assert.Equal(checkpoint, File.ReadAllBytes(_folder["run/checkpoint.safetensors"]));

        // Its checkpoint has the weights so far, by the folder's name and by its own.
        string[] lines = new string[2];
        foreach ((string weights, int i) in new[] { ("run", 0), ("run/checkpoint.safetensors", 1) })
        {
            EngineRun eval = await EngineRun.InProcessAsync("eval", "--weights", _folder[weights], "--device", "cpu", "--json");
            Assert.Equal(0, eval.ExitCode);
            lines[i] = Assert.Single(eval.Lines);
        }

        Assert.Contains("\"total\":360", lines[0]);
        Assert.Equal(lines[0], lines[1]);
    }
}
