using System.Text;
using Engine.Vision;

namespace Cli.Tests;

/// <summary>Where an image folder is stored is nobody's business but the run's, and a run goes on with the images that it began with.</summary>
public sealed class FolderPlaceTests : IDisposable
{
    private static readonly string[] Cpu = ["--device", "cpu", "--threads", "1"];
    private readonly TemporaryFolder _folder = new();

    public FolderPlaceTests()
    {
        foreach (string part in (string[])["train", "val"])
        {
            for (int i = 0; i < 4; i++)
            {
                Write($"images/{part}/dark/{i}.png", 20 + (5 * i));
                Write($"images/{part}/light/{i}.png", 200 + (5 * i));
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Weights_and_exports_name_the_image_folder_without_its_place_and_the_run_still_finds_it()
    {
        await TrainAsync();
        byte[] place = Encoding.UTF8.GetBytes(_folder.Path);
        Assert.False(Contains("run/weights.safetensors", place));
        Assert.True(Contains("run/weights.safetensors", "folder:images"u8));
        await Succeeds("export", "--weights", _folder["run"], _folder["x.onnx"]);
        Assert.False(Contains("x.onnx", place));
        Assert.True(Contains("x.onnx", "folder:images"u8));

        // The run's own options have the place, which its weights alone do not.
        await Succeeds(["eval", "--weights", _folder["run"], .. Cpu]);
        File.Copy(_folder["run/weights.safetensors"], _folder["alone.safetensors"]);
        (await EngineRun.InProcessAsync(["eval", "--weights", _folder["alone.safetensors"], .. Cpu])).AssertFails(
            2, "alone.safetensors", "the image folder 'images'", "--data folder:DIR");
        await Succeeds(["eval", "--weights", _folder["alone.safetensors"], "--data", Data(), .. Cpu]);
    }

    [Fact]
    public async Task Weights_of_earlier_versions_with_the_place_are_read_and_lose_it_when_they_are_rewritten()
    {
        await TrainAsync();
        string old = _folder["old.safetensors"];
        File.Copy(_folder["run/weights.safetensors"], old);
        SafetensorsHeader.Edit(old, "options", "data", Data());
        SafetensorsHeader.Edit(old, "data", "name", Data());

        byte[] place = Encoding.UTF8.GetBytes(_folder.Path);
        Assert.True(Contains("old.safetensors", place));
        await Succeeds(["eval", "--weights", old, .. Cpu]);
        await Succeeds("convert", old, _folder["new.safetensors"]);
        await Succeeds("export", "--weights", old, _folder["x.onnx"]);
        Assert.False(Contains("new.safetensors", place));
        Assert.False(Contains("x.onnx", place));
        Assert.True(Contains("new.safetensors", "folder:images"u8));
    }

    [Theory]
    [InlineData("images/train/dark/new.png", "the training images have changed", "there were 8, now there are 9")]
    [InlineData("images/val/light/new.png", "the test images have changed", "there were 8, now there are 9")]
    public async Task A_run_is_not_resumed_on_a_set_that_has_grown(string added, params string[] parts)
    {
        await TrainAsync();
        byte[] checkpoint = File.ReadAllBytes(_folder["run/checkpoint.safetensors"]);
        Write(added, 100);
        (await EngineRun.InProcessAsync(["train", "--resume", _folder["run"], "--epochs", "2", .. Cpu])).AssertFails(
            1, [.. parts, "checkpoint.safetensors", "--weights"]);
        Assert.Equal(checkpoint, File.ReadAllBytes(_folder["run/checkpoint.safetensors"]));

        File.Delete(_folder[added]);
        await Succeeds(["train", "--resume", _folder["run"], "--epochs", "2", .. Cpu]);
    }

    [Fact]
    public async Task An_image_under_another_name_is_another_image()
    {
        await TrainAsync();
        File.Move(_folder["images/train/dark/0.png"], _folder["images/train/dark/9.png"]);
        (await EngineRun.InProcessAsync(["train", "--resume", _folder["run"], "--epochs", "2", .. Cpu])).AssertFails(
            1, "there are still 8, but their names or labels differ");
    }

    [Fact]
    public async Task A_run_goes_on_where_its_image_folder_has_moved()
    {
        await TrainAsync();
        Directory.CreateDirectory(_folder["elsewhere"]);
        Directory.Move(_folder["images"], _folder["elsewhere/images"]);
        (await EngineRun.InProcessAsync(["train", "--resume", _folder["run"], "--epochs", "2", .. Cpu])).AssertFails(
            1, _folder["images"], "was not found", "--data folder:DIR");
        await Succeeds(["train", "--resume", _folder["run"], "--data", Data("elsewhere/images"), "--epochs", "2", .. Cpu]);
        await Succeeds(["eval", "--weights", _folder["run"], .. Cpu]);
    }

    [Fact]
    public async Task A_run_of_an_earlier_version_that_does_not_say_which_images_it_had_is_resumed()
    {
        await TrainAsync();
        SafetensorsHeader.Edit(_folder["run/checkpoint.safetensors"], metadata => Assert.True(metadata.Remove("images")));
        await Succeeds(["train", "--resume", _folder["run"], "--epochs", "2", .. Cpu]);
    }

    private static async Task Succeeds(params string[] args)
    {
        EngineRun run = await EngineRun.InProcessAsync(args);
        Assert.True(run.ExitCode == 0, run.Error);
    }

    private string Data(string name = "images") => FolderSet.Prefix + _folder[name];

    private Task TrainAsync() => Succeeds(
        ["train", "--data", Data(), "--model", "resnet8", "--image-size", "16", "--epochs", "1", "--batch-size", "4", "--out", _folder["run"], .. Cpu]);

    private bool Contains(string name, ReadOnlySpan<byte> text) => File.ReadAllBytes(_folder[name]).AsSpan().IndexOf(text) >= 0;

    private void Write(string name, int gray)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], FlatPng.Make(width: 24, height: 24, (byte)gray));
    }
}
