using System.Diagnostics;

namespace Cli.Tests;

public sealed class FailureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Missing_data_names_the_folder_and_the_files()
    {
        EngineRun run = await EngineRun.InProcessAsync("train", "--data", "cifar10", "--data-dir", _folder.Path, "--device", "cpu", "--out", _folder["run"]);

        run.AssertFails(1, _folder.Path, "engine data get cifar10");
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Fact]
    public async Task Color_constants_for_gray_images_are_refused_and_leave_no_run_behind()
    {
        EngineRun run = await EngineRun.InProcessAsync("train", "--normalize", "imagenet", "--data", "digits", "--device", "cpu", "--out", _folder["run"]);

        run.AssertFails(1, "imagenet is for color images");
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("wrong magic")]
    [InlineData("truncated")]
    public async Task Damaged_data_is_one_line_and_leaves_no_run_behind(string damage)
    {
        byte[] content = damage switch
        {
            "empty" => [],
            "wrong magic" => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17],
            _ => [0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3],
        };
        foreach (string name in (string[])["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
        {
            File.WriteAllBytes(_folder[name], content);
        }

        EngineRun run = await EngineRun.InProcessAsync(
            "train", "--data", "fashion-mnist", "--data-dir", _folder.Path, "--device", "cpu", "--out", _folder["run"]);

        run.AssertFails(1, "train-images-idx3-ubyte");
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Theory]
    [InlineData("mnist", "train-images-idx3-ubyte.gz")]
    [InlineData("cifar10", "cifar-10-binary.tar.gz")]
    public async Task Compressed_data_that_is_damaged_is_not_called_unsupported(string data, string name)
    {
        foreach (string file in (string[])["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
            "cifar-10-binary.tar.gz"])
        {
            File.WriteAllBytes(_folder[file], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 255, 255, 255, 255, 255]);
        }

        EngineRun run = await EngineRun.InProcessAsync(
            "train", "--data", data, "--data-dir", data == "mnist" ? _folder.Path : _folder[name], "--device", "cpu", "--out", _folder["run"]);
        run.AssertFails(1, name, "is damaged", "its compressed data is not valid");
        Assert.DoesNotContain("unsupported", run.Error);
    }

    [Theory]
    [InlineData("predict", "--weights", "RUN", "--labels", "FOLDER", "x.png")]
    [InlineData("eval", "--weights", "RUN", "--data", "cifar10", "--data-dir", "FOLDER")]
    [InlineData("bench", "--predict", "FOLDER")]
    [InlineData("check", "--device", "cpu", "--plans", "FOLDER")]
    [InlineData("convert", "RUN", "FOLDER")]
    [InlineData("export", "--weights", "RUN", "FOLDER")]
    [InlineData("info", "resnet8", "--graph", "FOLDER")]
    public async Task A_folder_in_a_files_place_is_named_as_one(params string[] args)
    {
        Assert.Equal(0, (await EngineRun.InProcessAsync(
            "train", "--model", "resnet8", "--epochs", "1", "--batch-size", "512", "--device", "cpu", "--out", _folder["run"])).ExitCode);
        string folder = _folder["folder.pth"];
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory(Path.Combine(folder, "cifar-10-batches-bin"));
        foreach (
            string name in (string[])["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"])
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
        }

        EngineRun run = await EngineRun.InProcessAsync([.. args.Select(a => a switch { "RUN" => _folder["run"], "FOLDER" => folder, _ => a })]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.DoesNotContain("denied", run.Error);
        run.AssertFails(run.ExitCode, folder);
    }

    [Theory]
    [InlineData("options", "model", "nosuch", "cannot be made: there is no network 'nosuch'")]
    [InlineData("options", "model_options", "foo=1", "network option foo is '1'")]
    [InlineData("options", "epochs", "x", "damaged", "training options")]
    [InlineData("options", "data", "nosuch", "was trained on 'nosuch'")]
    [InlineData("data", "mean", "x", "damaged", "description")]
    [InlineData("data", "channels", 7, "damaged", "does not fit images of 8x8x7")]
    [InlineData("data", "height", 0, "damaged", "does not fit images of 0x8x1")]
    public async Task What_is_wrong_in_a_files_header_is_told_with_the_files_name(string text, string name, object value, params string[] parts)
    {
        Assert.Equal(0, (await EngineRun.InProcessAsync(
            "train", "--model", "resnet8", "--epochs", "1", "--batch-size", "512", "--device", "cpu", "--out", _folder["run"])).ExitCode);
        SafetensorsHeader.Edit(_folder["run/weights.safetensors"], text, name, System.Text.Json.Nodes.JsonValue.Create(value)!);
        (await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu")).AssertFails(1, [_folder["run/weights.safetensors"], .. parts]);
    }

    [Theory]
    [InlineData("batch_size", 0, "options.json", "damaged: batch size is 0")]
    [InlineData("schedule", "no", "options.json", "damaged: there is no schedule 'no'")]
    [InlineData("model", "nosuch", "run", "there is no network 'nosuch'")]
    [InlineData("data", "nosuch", "run", "'nosuch', which is no data set")]
    public async Task What_is_wrong_in_a_runs_options_is_told_with_their_place(string name, object value, string file, string part)
    {
        Assert.Equal(0, (await EngineRun.InProcessAsync(
            "train", "--model", "resnet8", "--epochs", "1", "--batch-size", "512", "--device", "cpu", "--out", _folder["run"])).ExitCode);
        System.Text.Json.Nodes.JsonObject options = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(_folder["run/options.json"]))!.AsObject();
        options[name] = System.Text.Json.Nodes.JsonValue.Create(value);
        File.WriteAllText(_folder["run/options.json"], options.ToJsonString());
        (await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--epochs", "2", "--device", "cpu")).AssertFails(1, file, _folder["run"], part);

        SafetensorsHeader.Edit(_folder["run/checkpoint.safetensors"], metadata => metadata["options"] = "{");
        File.Delete(_folder["run/options.json"]);
        (await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--device", "cpu")).AssertFails(
            1, _folder["run/checkpoint.safetensors"], "damaged", "training options");
    }

    [Fact]
    public async Task A_checkpoint_or_weights_of_another_network_are_refused()
    {
        Assert.Equal(0, (await EngineRun.InProcessAsync(
            "train", "--model", "resnet8", "--epochs", "1", "--batch-size", "256", "--device", "cpu", "--out", _folder["run"])).ExitCode);
        byte[] weights = File.ReadAllBytes(_folder["run/weights.safetensors"]);

        (await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--model", "resnet14", "--device", "cpu")).AssertFails(1, "resnet8", "resnet14");
        (await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--lr", "0.7", "--device", "cpu")).AssertFails(1, "other options");
        (await EngineRun.InProcessAsync(
            "eval", "--weights", _folder["run"], "--model", "resnet14", "--device", "cpu")).AssertFails(1, "does not fit the model");
        Assert.Equal(weights, File.ReadAllBytes(_folder["run/weights.safetensors"]));

        File.WriteAllBytes(_folder["run/weights.safetensors"], weights[..(weights.Length / 2)]);
        (await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu")).AssertFails(1, "weights.safetensors");
    }

    [Fact]
    public async Task Folders_without_a_run_and_files_that_are_not_there_are_named()
    {
        (await EngineRun.InProcessAsync("train", "--resume", _folder["nowhere"])).AssertFails(1, _folder["nowhere"]);
        (await EngineRun.InProcessAsync("eval", "--weights", _folder["nowhere"], "--model", "resnet8", "--data", "digits")).AssertFails(1, _folder["nowhere"]);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named()
    {
        File.WriteAllText(_folder["file"], "");
        EngineRun run = await EngineRun.InProcessAsync("train", "--model", "resnet8", "--device", "cpu", "--out", _folder["file/run"]);

        run.AssertFails(1, _folder["file/run"]);
    }

    [Fact]
    public async Task A_loss_that_is_not_finite_stops_the_run_and_leaves_a_checkpoint()
    {
        EngineRun run = await EngineRun.InProcessAsync(
            "train", "--model", "resnet8", "--device", "cpu", "--lr", "1e30", "--schedule", "constant", "--epochs", "3", "--out", _folder["run"]);

        run.AssertFails(1, "diverged", "checkpoint.safetensors");
        Assert.True(File.Exists(_folder["run/checkpoint.safetensors"]));
        Assert.False(File.Exists(_folder["run/weights.safetensors"]));
    }

    [Theory]
    [InlineData(2, "--out is empty", "train", "--out", "")]
    [InlineData(2, "--weights is empty", "eval", "--weights", "")]
    [InlineData(1, "too large", "bench", "--batch-size", "2147483647", "--device", "cpu")]
    [InlineData(1, "too large", "bench", "--batch-size", "1000000", "--model", "resnet50", "--device", "cpu")]
    [InlineData(2, "up to 10000", "train", "--model", "resnet99999998")]
    public async Task Empty_paths_and_figures_that_are_too_large_are_one_line(int exitCode, string part, params string[] args) =>
        (await EngineRun.InProcessAsync(args)).AssertFails(exitCode, part);

    [Fact]
    public async Task A_pipe_in_the_weights_place_is_one_line()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Its pipes are not among the files.
        }

        using Process make = Process.Start("mkfifo", _folder["pipe"]);
        await make.WaitForExitAsync();
        using FileStream pipe = new(_folder["pipe"], FileMode.Open, FileAccess.ReadWrite);
        (await EngineRun.InProcessAsync("eval", "--weights", _folder["pipe"])).AssertFails(1, _folder["pipe"], "must be a file");
    }

    [Fact]
    public async Task A_mistyped_option_leaves_a_finished_run_as_it_was_and_no_new_folders()
    {
        string[] tiny = ["train", "--model", "resnet8", "--epochs", "1", "--batch-size", "256", "--device", "cpu", "--out"];
        Assert.Equal(0, (await EngineRun.InProcessAsync([.. tiny, _folder["run"]])).ExitCode);
        Dictionary<string, byte[]> before = Directory.GetFiles(_folder["run"]).ToDictionary(f => f, File.ReadAllBytes);
        Directory.CreateDirectory(_folder["empty"]);

        foreach (string folder in (string[])["run", "empty", "new/nested/run"])
        {
            (await EngineRun.InProcessAsync([.. tiny, _folder[folder], "--overwrite", "--validation", "5000"])).AssertFails(1, "5,000");
            (await EngineRun.InProcessAsync([.. tiny, _folder[folder], "--overwrite", "--momentum", "0", "--nesterov"])).AssertFails(2, "momentum is 0");
        }

        Assert.Equal(before, Directory.GetFiles(_folder["run"]).ToDictionary(f => f, File.ReadAllBytes));
        Assert.Empty(Directory.GetFileSystemEntries(_folder["empty"]));
        Assert.False(Directory.Exists(_folder["new"]));
    }

    [Fact]
    public async Task A_gpu_that_is_not_there_is_one_line()
    {
        if (Engine.Kernels.Interop.CudaLibraries.Probe().IsAvailable)
        {
            (await EngineRun.InProcessAsync("bench", "--device", "cuda:99")).AssertFails(1, "99");
            return;
        }

        (await EngineRun.InProcessAsync("bench", "--device", "cuda")).AssertFails(1, "CUDA is not available");
    }

    // A limit on the size of files stands in for a full disk: writing the checkpoint fails in the same way. The runtime
    // must not map its own code from a file then.
    [Fact]
    public async Task A_disk_that_is_full_is_one_line_and_leaves_nothing_half_written()
    {
        if (OperatingSystem.IsWindows())
        {
            File.WriteAllText(_folder["file"], "");
            (await EngineRun.InProcessAsync("train", "--device", "cpu", "--out", _folder["file"])).AssertFails(1, _folder["file"]);
            return;
        }

        ProcessStartInfo start = new("sh", ["-c", $"trap '' XFSZ; ulimit -f 64; DOTNET_EnableWriteXorExecute=0 exec dotnet "
            + $"'{typeof(Engine.Cli.Program).Assembly.Location}' train --model resnet8 --device cpu --out '{_folder["run"]}'"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        new EngineRun(process.ExitCode, await output, error).AssertFails(1, "checkpoint.safetensors");
        Assert.False(Directory.Exists(_folder["run"]));
    }
}
