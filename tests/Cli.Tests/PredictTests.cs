using System.Text.Json;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Onnx.Tests;
using Engine.Training;
using Engine.Vision;

namespace Cli.Tests;

[Trait("Needs", "TurboJPEG")]
public sealed class PredictTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PredictTests()
    {
        Assert.True(ImageLibrary.Jpeg.IsAvailable, $"these tests need the TurboJPEG library: {ImageLibrary.Jpeg.HowToGet}");
        foreach (string part in (string[])["train", "test"])
        {
            for (int i = 0; i < 6; i++)
            {
                WriteImage(Path.Combine("images", part, "dark", $"{i}.png"), 20 + (5 * i));
                WriteImage(Path.Combine("images", part, "light", $"{i}.png"), 200 + (5 * i));
            }
        }
    }

    private string Data => FolderSet.Prefix + _folder["images"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_network_trained_on_a_folder_tells_the_classes_of_images_by_name()
    {
        EngineRun train = await TrainAsync();
        Assert.Equal((0, 12), (train.ExitCode, train.Json[^1].GetProperty("correct").GetInt32()));

        string[] images = [ImagePath("dark", 1), _folder["no.jpg"], ImagePath("light", 2)];
        EngineRun run = await EngineRun.InProcessAsync(["predict", "--weights", _folder["run"], "--device", "cpu", "--json", .. images]);
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(images, run.Json.Select(l => l.GetProperty("image").GetString()));
        Assert.Equal(["dark", "light"], new[] { run.Json[0], run.Json[2] }.Select(l => l.GetProperty("top")[0].GetProperty("label").GetString()));
        Assert.Contains("no such file", run.Json[1].GetProperty("error").GetString());
        Assert.Contains($"error: the image '{_folder["no.jpg"]}' cannot be read: there is no such file", run.Error);

        JsonElement first = run.Json[0];
        Assert.Equal(["image", "top"], first.EnumerateObject().Select(p => p.Name));
        JsonElement[] top = [.. first.GetProperty("top").EnumerateArray()];
        Assert.Equal(2, top.Length);
        Assert.All(top, t => Assert.Equal(["class", "label", "probability", "logit"], t.EnumerateObject().Select(p => p.Name)));
        double[] logits = [.. top.Select(t => t.GetProperty("logit").GetDouble())];
        Assert.True(logits[0] > logits[1]);
        Assert.Equal(1 / (1 + Math.Exp(logits[1] - logits[0])), top[0].GetProperty("probability").GetDouble(), 1e-9);

        EngineRun people = await EngineRun.InProcessAsync("predict", "--weights", _folder["run"], "--device", "cpu", "--top", "1", ImagePath("light", 0));
        Assert.Equal(0, people.ExitCode);
        Assert.Contains("light (1), logit", people.Output);
        Assert.DoesNotContain("dark (0)", people.Output);
    }

    [Fact]
    public async Task A_network_of_other_shortcuts_and_norms_is_taken_from_its_run_or_from_the_options()
    {
        string[] changes = ["--shortcut", "B", "--norm", "group:4"];
        Assert.Equal(0, (await TrainAsync(changes)).ExitCode);
        string[] images = [ImagePath("dark", 0), ImagePath("light", 1)];
        EngineRun run = await EngineRun.InProcessAsync(["predict", "--weights", _folder["run"], "--device", "cpu", "--json", .. images]);
        Assert.Equal(["dark", "light"], run.Json.Select(l => l.GetProperty("top")[0].GetProperty("label").GetString()));

        // The same numbers in a file that tells nothing of the network.
        using (TensorFile file = TensorFile.Open(Path.Combine(_folder["run"], "weights.safetensors")))
        {
            TensorFile.Write(
                _folder["bare.safetensors"], [.. file.Entries.Select(e => new StoredTensor(e.Name, e.Type, [.. e.Extents], () => file.Read(e)))], null);
        }

        string[] bare = ["predict", "--model", "resnet8", "--weights", _folder["bare.safetensors"], "--image-size", "16", "--device", "cpu", "--json",
            .. images];
        EngineRun given = await EngineRun.InProcessAsync([.. bare, .. changes]);
        Assert.Equal((0, 2), (given.ExitCode, given.Json.Length));
        (await EngineRun.InProcessAsync(bare)).AssertFails(1, "does not fit the model");
        (await EngineRun.InProcessAsync([.. bare, "--norm", "layer"])).AssertFails(2, "'layer'");
    }

    [Fact]
    public async Task Batches_of_images_give_what_single_ones_give()
    {
        await TrainAsync();
        string[] images = [ImagePath("dark", 0), ImagePath("light", 1), ImagePath("dark", 2)];
        EngineRun together = await EngineRun.InProcessAsync(["predict", "--weights", _folder["run"], "--device", "cpu", "--json", .. images]);
        EngineRun alone = await EngineRun.InProcessAsync(["predict", "--weights", _folder["run"], "--device", "cpu", "--batch-size", "1", "--json", .. images]);
        Assert.Equal(Logits(together), Logits(alone), (a, b) => Math.Abs(a - b) < 1e-5);
    }

    [Fact]
    public async Task An_exported_file_has_the_classes_and_the_size_of_the_images_that_were_trained_on()
    {
        Assert.Equal(0, (await TrainAsync()).ExitCode);
        Assert.Equal(0, (await EngineRun.InProcessAsync("export", "--weights", _folder["run"], _folder["images.onnx"])).ExitCode);
        OnnxReader file = new(_folder["images.onnx"]);
        Assert.Equal(["dark", "light"], JsonSerializer.Deserialize<string[]>(file.Metadata["class_names"])!);
        Assert.Equal(("resnet8", DataDescription.WithoutPlace(Data)), (file.Metadata["model"], file.Metadata["data"]));
        Assert.Equal(["batch", "3", "16", "16"], file.Ends["input"]);
    }

    [Fact]
    public async Task Evaluation_by_ten_crops_and_by_scales_agrees_with_the_middle_on_flat_images()
    {
        EngineRun train = await TrainAsync();
        double loss = train.Json[^1].GetProperty("loss").GetDouble();
        foreach (string[] views in (string[][])[[], ["--ten-crop"], ["--scales", "16,16"]])
        {
            EngineRun run = await EngineRun.InProcessAsync(["eval", "--weights", _folder["run"], "--device", "cpu", "--json", .. views]);
            Assert.Equal((0, 12, 12), (run.ExitCode, run.Json[0].GetProperty("correct").GetInt32(), run.Json[0].GetProperty("total").GetInt32()));
            Assert.Equal(loss, run.Json[0].GetProperty("loss").GetDouble(), 1e-4);
        }

        EngineRun larger = await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu", "--json", "--scales", "16,24,40");
        Assert.Equal(12, larger.Json[0].GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task Labels_come_from_a_file_and_must_fit_the_network()
    {
        Module network = Networks.Create("resnet8", new NetworkOptions { Classes = 3 });
        using (Engine.CpuDevice device = new(1))
        {
            StateDictionary.Save(network.To(device), _folder["weights.safetensors"]);
        }

        string[] command = ["predict", "--model", "resnet8", "--weights", _folder["weights.safetensors"], "--device", "cpu", "--json", ImagePath("dark", 0)];
        EngineRun unnamed = await EngineRun.InProcessAsync(command);
        Assert.Equal(0, unnamed.ExitCode);
        Assert.All(unnamed.Json[0].GetProperty("top").EnumerateArray(), t => Assert.Equal(JsonValueKind.Null, t.GetProperty("label").ValueKind));

        await File.WriteAllTextAsync(_folder["labels.txt"], "ant\nbee\ncat\n\n");
        EngineRun named = await EngineRun.InProcessAsync([.. command, "--labels", _folder["labels.txt"]]);
        string[] names = ["ant", "bee", "cat"];
        JsonElement[] top = [.. named.Json[0].GetProperty("top").EnumerateArray()];
        Assert.Equal(3, top.Length);
        Assert.All(top, t => Assert.Equal(names[t.GetProperty("class").GetInt32()], t.GetProperty("label").GetString()));

        await File.WriteAllTextAsync(_folder["labels.txt"], "ant\nbee\n");
        (await EngineRun.InProcessAsync([.. command, "--labels", _folder["labels.txt"]])).AssertFails(1, "2 class names", "3 classes");
        (await EngineRun.InProcessAsync([.. command, "--labels", _folder["nowhere"]])).AssertFails(1, "labels", _folder["nowhere"]);
        (await EngineRun.InProcessAsync([.. command, "--top", "0"])).AssertFails(2, "--top is 0");
        (await EngineRun.InProcessAsync([.. command, "--resize", "8"])).AssertFails(2, "resize is 8", "image size 32");
        (await EngineRun.InProcessAsync(["predict", "--weights", _folder["weights.safetensors"], ImagePath("dark", 0)])).AssertFails(2, "give --model NAME");
        (await EngineRun.InProcessAsync(["predict", "--model", "resnet8", "--weights", _folder["weights.safetensors"]])).AssertFails(2, "predict --help");
    }

    [Theory]
    [InlineData("train --color jitter", "for image folders")]
    [InlineData("train --data digits --augment resized-crop", "for image folders")]
    [InlineData("train --image-size 64", "for image folders")]
    [InlineData("train --data folder:no-such-folder", "no image folder 'no-such-folder'")]
    [InlineData("train --data folder:", "no image folder ''")]
    public async Task Image_options_without_images_are_wrong_usage(string line, string part) =>
        (await EngineRun.InProcessAsync([.. line.Split(' '), "--device", "cpu"])).AssertFails(2, part);

    [Fact]
    public async Task Views_need_an_image_folder()
    {
        await TrainAsync();
        string[] eval = ["eval", "--weights", _folder["run"], "--device", "cpu"];
        (await EngineRun.InProcessAsync([.. eval, "--data", "digits", "--ten-crop"])).AssertFails(2, "--ten-crop is for image folders");
        (await EngineRun.InProcessAsync([.. eval, "--data", "digits", "--scales", "32"])).AssertFails(2, "--scales is for image folders");
        (await EngineRun.InProcessAsync([.. eval, "--ten-crop", "--scales", "32"])).AssertFails(2, "cannot be combined");
        (await EngineRun.InProcessAsync([.. eval, "--scales", "32,x"])).AssertFails(2, "'32,x'");
        (await EngineRun.InProcessAsync([.. eval, "--data-dir", _folder.Path])).AssertFails(2, "--data-dir cannot be combined with");
    }

    [Fact]
    public async Task The_doctor_lists_the_image_library()
    {
        EngineRun run = await EngineRun.InProcessAsync("doctor", "--json");
        JsonElement library = run.Json[0].GetProperty("libraries").EnumerateArray().Single(
            l => l.GetProperty("name").GetString()!.Contains("TurboJPEG", StringComparison.Ordinal));
        Assert.True(library.GetProperty("found").GetBoolean());
        Assert.Contains("turbojpeg", library.GetProperty("path").GetString());
    }

    private static double[] Logits(EngineRun run) =>
        [.. run.Json.SelectMany(
            l => l.GetProperty("top").EnumerateArray().OrderBy(t => t.GetProperty("class").GetInt32())).Select(t => t.GetProperty("logit").GetDouble())];

    private string ImagePath(string kind, int number) => Path.Combine(_folder["images"], "test", kind, $"{number}.png");

    private Task<EngineRun> TrainAsync(params string[] more) => EngineRun.InProcessAsync([
        "train", "--data", Data, "--model", "resnet8", "--image-size", "16", "--epochs", "4", "--batch-size", "4", "--lr", "0.02", "--device", "cpu",
        "--out", _folder["run"], "--json", .. more]);

    // A flat image, so that all its crops and sizes are alike.
    private void WriteImage(string name, int gray)
    {
        string path = _folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, FlatPng.Make(width: 24, height: 24, (byte)gray));
    }
}
