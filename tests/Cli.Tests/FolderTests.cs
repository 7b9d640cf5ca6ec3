using System.Text.Json;
using Engine.Vision;

namespace Cli.Tests;

public sealed class FolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public FolderTests()
    {
        foreach (string part in (string[])["train", "valid"])
        {
            for (int i = 0; i < 4; i++)
            {
                Write(Path.Combine("images", part, "dark", $"{i}.png"), 20 + (5 * i));
                Write(Path.Combine("images", part, "light", $"{i}.png"), 200 + (5 * i));
            }
        }
    }

    private string Data => FolderSet.Prefix + _folder["images"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Evaluation_labels_images_by_the_names_of_the_classes()
    {
        Assert.Equal((0, 8), Counted(await TrainAsync()));

        // A class less, so that the other's place is another.
        Write("fewer/test/light/1.png", 210);
        Write("fewer/test/light/2.png", 220);
        Assert.Equal((0, 2), Counted(await EvaluateAsync("fewer")));

        // Another class, before or after those that are known.
        Write("more/test/light/1.png", 210);
        Write("more/test/zebra/2.png", 220);
        (await EvaluateAsync("more")).AssertFails(1, "'zebra' is none of the 2 classes that the network has: 'dark', 'light'");

        // What the folder trains on is another matter.
        Write("other/train/ant/1.png", 210);
        Write("other/test/dark/2.png", 20);
        Assert.Equal((0, 1), Counted(await EvaluateAsync("other")));
        (await EngineRun.InProcessAsync(
            "eval", "--weights", _folder["run"], "--data", "digits", "--device", "cpu", "--channels",
            "3")).AssertFails(1, "'0', '1'", "none of the 2 classes");
    }

    [Fact]
    public async Task Training_says_which_folder_is_used_for_what_and_what_is_left_out()
    {
        File.WriteAllText(_folder["images/train/dark/x.heic"], "");
        Write("images/train/.ipynb_checkpoints/1.png", 100);
        EngineRun run = await TrainAsync();
        Assert.Equal((0, 8), Counted(run));
        Assert.Contains("note: trains on train/, tests on valid/ after each epoch\n", run.Error);
        Assert.Contains($"note: 1 file in '{_folder["images"]}' is left out", run.Error);
        EngineRun held = await TrainAsync("--validation", "3", "--out", _folder["held"]);
        Assert.Contains("note: 3 training images are held out for testing", held.Error);
    }

    [Fact]
    public async Task A_damaged_image_is_found_before_the_training_begins()
    {
        byte[] file = FlatPng.Make(24, 24, 9);
        File.WriteAllBytes(_folder["images/valid/light/broken.png"], file[..50]);
        EngineRun run = await TrainAsync();
        run.AssertFails(1, "broken.png' cannot be read", "1 of 17 images must be repaired or removed");
        Assert.DoesNotContain("run folder", run.Error);
        Assert.False(Directory.Exists(_folder["run"]));

        // Without its end it is read, as elsewhere, and that is told.
        File.WriteAllBytes(_folder["images/valid/light/broken.png"], file[..^12]);
        run = await TrainAsync();
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("broken.png' is read, but its end is missing", run.Error);
        EngineRun predict = await EngineRun.InProcessAsync("predict", "--weights", _folder["run"], "--device", "cpu", _folder["images/valid/light/broken.png"]);
        Assert.Equal(0, predict.ExitCode);
        Assert.Contains("its end is missing", predict.Error);
    }

    [Fact]
    public async Task Predict_takes_folders_and_names_of_classes_in_json()
    {
        Assert.Equal(0, (await TrainAsync()).ExitCode);
        File.WriteAllText(_folder["images/valid/notes.txt"], "");
        await File.WriteAllTextAsync(_folder["index.json"], """{"0": ["n1", "night\u001b[31m"], "1": ["n2", "day"]}""");
        string[] command = ["predict", "--weights", _folder["run"], "--device", "cpu", "--labels", _folder["index.json"], "--top", "1"];
        EngineRun run = await EngineRun.InProcessAsync([.. command, "--json", _folder["images/valid"], _folder["images/train/dark/0.png"]]);
        Assert.Equal((0, 9), (run.ExitCode, run.Json.Length));
        Assert.Equal(Path.Combine(_folder["images/valid"], "dark", "0.png"), run.Json[0].GetProperty("image").GetString());
        Assert.Equal("day", run.Json[7].GetProperty("top")[0].GetProperty("label").GetString());
        Assert.Contains("1 .txt", run.Error);

        EngineRun people = await EngineRun.InProcessAsync([.. command, _folder["images/train/dark/0.png"]]);
        Assert.Contains("night?[31m (0)", people.Output);
        Directory.CreateDirectory(_folder["empty"]);
        (await EngineRun.InProcessAsync([.. command, _folder["empty"]])).AssertFails(1, "has no image");
        File.WriteAllText(_folder["bad.json"], "{");
        (await EngineRun.InProcessAsync([.. command[..5], "--labels", _folder["bad.json"], _folder["empty"]])).AssertFails(1, "labels", "not understood");
    }

    [Fact]
    public async Task The_interpolation_is_an_option_that_a_run_keeps()
    {
        Assert.Equal(0, (await TrainAsync("--interpolation", "bicubic")).ExitCode);
        JsonElement options = JsonDocument.Parse(File.ReadAllText(_folder["run/options.json"])).RootElement;
        Assert.Equal("bicubic", options.GetProperty("interpolation").GetString());
        (await TrainAsync("--interpolation", "lanczos")).AssertFails(2, "lanczos");
        (await EngineRun.InProcessAsync("train", "--data", "digits", "--interpolation", "bicubic")).AssertFails(2, "--interpolation", "for image folders");
        Assert.Equal(0, (await EngineRun.InProcessAsync(
            "predict", "--weights", _folder["run"], "--device", "cpu", "--interpolation", "bilinear", _folder["images/train/dark/0.png"])).ExitCode);
    }

    [Fact]
    public async Task A_tilde_is_the_home_folder()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        (await EngineRun.InProcessAsync("train", "--data", "folder:~/no-such-folder")).AssertFails(2, Path.Join(home, "no-such-folder"));
    }

    [Theory]
    [InlineData("/dev/zero", "device")]
    [InlineData("pipe", "pipe")]
    public async Task Pipes_and_devices_are_no_archives_and_no_weights(string name, string part)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // They are not among its files.
        }

        string path = name;
        if (name == "pipe")
        {
            path = _folder[name];
            using System.Diagnostics.Process make = System.Diagnostics.Process.Start("mkfifo", path);
            await make.WaitForExitAsync();
        }

        (await EngineRun.InProcessAsync("train", "--data", "cifar10", "--data-dir", path, "--device", "cpu")).AssertFails(1, path, part, "must be a file");
        (await EngineRun.InProcessAsync("eval", "--weights", path)).AssertFails(1, path, part, "must be a file");
        (await EngineRun.InProcessAsync("predict", "--model", "resnet8", "--weights", path, "x.png")).AssertFails(1, path, "must be a file");
    }

    private static (int ExitCode, int Correct) Counted(EngineRun run) =>
        (run.ExitCode, run.ExitCode == 0 ? run.Json[^1].GetProperty("correct").GetInt32() : -1);

    private Task<EngineRun> TrainAsync(params string[] more) => EngineRun.InProcessAsync([
        "train", "--data", Data, "--model", "resnet8", "--image-size", "16", "--epochs", "5", "--batch-size", "4", "--lr", "0.02", "--device", "cpu",
        .. more.Contains("--out") ? [] : (string[])["--out", _folder["run"]], "--json", .. more]);

    private Task<EngineRun> EvaluateAsync(string name) => EngineRun.InProcessAsync(
        "eval", "--weights", _folder["run"], "--data", FolderSet.Prefix + _folder[name], "--device", "cpu", "--json");

    // A flat image, so that all its crops and sizes are alike.
    private void Write(string name, int gray)
    {
        string path = _folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, FlatPng.Make(width: 24, height: 24, (byte)gray));
    }
}
