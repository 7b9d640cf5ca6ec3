using System.Text.Json.Nodes;

namespace Cli.Tests;

/// <summary>Runs with the options that earlier versions wrote, key by key: a new run writes the same, and one of theirs is evaluated and resumed.</summary>
public sealed class EarlierRunsTests : IDisposable
{
    private const string Usual = "\"beta1\":0.9,\"beta2\":0.999,\"epsilon\":1E-08";

    private readonly TemporaryFolder _folder = new();

    public EarlierRunsTests()
    {
        foreach ((string part, int count) in new[] { ("train", 6), ("test", 2) })
        {
            for (int i = 0; i < count; i++)
            {
                foreach ((string name, int gray) in new[] { ("dark", 20 + i), ("light", 200 + i) })
                {
                    Directory.CreateDirectory(_folder[$"images/{part}/{name}"]);
                    File.WriteAllBytes(_folder[$"images/{part}/{name}/{i}.png"], FlatPng.Make(40 + i, 36, (byte)gray));
                }
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(
        "--model resnet8 --epochs 1 --batch-size 512 --seed 3",
        $$"""{"model":"resnet8","model_options":"","data":"digits","freeze_backbone":false,"epochs":1,"batch_size":512,"micro_batches":1,"learning_rate":0.05,"schedule":"warmup-cosine","optimizer":"sgd","momentum":0.9,"nesterov":false,{{Usual}},"weight_decay":0.0005,"norm_and_bias_decay":true,"label_smoothing":0.1,"mirror":false,"per_pixel_mean":false,"validation_count":0,"seed":3}""")]
    [InlineData(
        "--model resnet8 --data folder:FOLDER --epochs 1 --batch-size 4 --image-size 32 --resize 40 --interpolation bicubic --augment scale-jitter --color "
            + "jitter --seed 9",
        $$"""{"model":"resnet8","model_options":"","data":"folder:FOLDER","freeze_backbone":false,"epochs":1,"batch_size":4,"micro_batches":1,"learning_rate":0.1,"schedule":"cosine","optimizer":"sgd","momentum":0.9,"nesterov":false,{{Usual}},"weight_decay":0.0001,"norm_and_bias_decay":true,"label_smoothing":0,"image_size":32,"resize":40,"interpolation":"bicubic","crop":"scale-jitter","color":"jitter","per_pixel_mean":false,"validation_count":0,"seed":9}""")]
    [InlineData(
        "--model resnet8 --data folder:FOLDER --epochs 1 --batch-size 4 --augment off --color none --validation 2",
        $$"""{"model":"resnet8","model_options":"","data":"folder:FOLDER","freeze_backbone":false,"epochs":1,"batch_size":4,"micro_batches":1,"learning_rate":0.1,"schedule":"cosine","optimizer":"sgd","momentum":0.9,"nesterov":false,{{Usual}},"weight_decay":0.0001,"norm_and_bias_decay":true,"label_smoothing":0,"padding":0,"mirror":false,"crop":"none","color":"none","per_pixel_mean":false,"validation_count":2,"seed":0}""")]
    [InlineData(
        "--model resnet8 --shortcut C --norm group:4 --init kaiming_uniform --fan fan_in --zero-init-residual --optimizer adamw --beta1 0.8 --beta2 0.99 "
            + "--epsilon 1e-7 --no-decay-norm-bias --clip-norm 1 --clip-value 0.5 --ema 0.9 --epochs 1 --batch-size 512 --label-smoothing 0 --normalize pixel",
        """{"model":"resnet8","model_options":"shortcut=C norm=group:4 init=kaiming_uniform fan=fan_in zero_init_residual","data":"digits","freeze_backbone":false,"epochs":1,"batch_size":512,"micro_batches":1,"learning_rate":0.001,"schedule":"warmup-cosine","optimizer":"adamw","momentum":0.9,"nesterov":false,"beta1":0.8,"beta2":0.99,"epsilon":1E-07,"weight_decay":0.01,"norm_and_bias_decay":false,"clip_norm":1,"clip_value":0.5,"ema":0.9,"label_smoothing":0,"mirror":false,"per_pixel_mean":false,"normalization":"pixel","validation_count":0,"seed":0}""")]
    [InlineData(
        "--model resnet8 --channels 3 --pad-to 12 --epochs 1 --batch-size 512 --freeze-backbone --thaw-after 1 --nesterov --momentum 0.8 --weight-decay 0.001 "
            + "--schedule constant --lr 0.01",
        $$"""{"model":"resnet8","model_options":"","data":"digits","channels":3,"pad_to":12,"freeze_backbone":true,"thaw_after":1,"epochs":1,"batch_size":512,"micro_batches":1,"learning_rate":0.01,"schedule":"constant","optimizer":"sgd","momentum":0.8,"nesterov":true,{{Usual}},"weight_decay":0.001,"norm_and_bias_decay":true,"label_smoothing":0.1,"mirror":false,"per_pixel_mean":false,"validation_count":0,"seed":0}""")]
    public async Task A_run_of_an_earlier_version_is_read_resumed_and_evaluated_and_a_new_one_writes_the_same_options(string given, string options)
    {
        string[] arguments = [.. given.Split(' ').Select(word => word.Replace("FOLDER", _folder["images"], StringComparison.Ordinal))];
        options = options.Replace("FOLDER", _folder["images"], StringComparison.Ordinal);
        Assert.Equal(0, (await EngineRun.InProcessAsync(["train", .. arguments, "--device", "cpu", "--out", _folder["run"]])).ExitCode);
        AssertSame(options, File.ReadAllText(_folder["run/options.json"]));

        // In the order and the words of the earlier version.
        File.WriteAllText(_folder["run/options.json"], options + "\n");
        foreach (string file in (string[])["run/weights.safetensors", "run/checkpoint.safetensors"])
        {
            SafetensorsHeader.Edit(_folder[file], metadata =>
            {
                string expected = file.Contains("weights", StringComparison.Ordinal) ? options.Replace(
                    _folder["images"], "images", StringComparison.Ordinal) : options;
                AssertSame(expected, (string)metadata["options"]!);
                metadata["options"] = expected;
            });
        }

        EngineRun eval = await EngineRun.InProcessAsync("eval", "--weights", _folder["run"], "--device", "cpu", "--json");
        Assert.Equal(0, eval.ExitCode);
        EngineRun resumed = await EngineRun.InProcessAsync("train", "--resume", _folder["run"], "--epochs", "2", "--device", "cpu");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        AssertSame(options.Replace("\"epochs\":1", "\"epochs\":2", StringComparison.Ordinal), File.ReadAllText(_folder["run/options.json"]));
    }

    [Fact]
    public async Task Other_choices_than_the_runs_are_refused_and_a_key_of_no_version_is_ignored()
    {
        string[] train = ["train", "--model", "resnet8", "--data", $"folder:{_folder["images"]}", "--batch-size", "4", "--color", "jitter", "--device", "cpu"];
        Assert.Equal(0, (await EngineRun.InProcessAsync([.. train, "--epochs", "1", "--out", _folder["run"]])).ExitCode);
        string[] resume = ["train", "--resume", _folder["run"], "--device", "cpu", "--epochs", "2"];
        foreach (string[] other in (string[][])[["--color", "none"], ["--image-size", "40"], ["--augment", "scale-jitter"], ["--interpolation", "bicubic"],
            ["--norm", "none"]])
        {
            (await EngineRun.InProcessAsync([.. resume, .. other])).AssertFails(1, _folder["run/checkpoint.safetensors"]);
        }

        string path = _folder["run/options.json"];
        JsonObject options = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        options["of_a_later_version"] = true;
        File.WriteAllText(path, options.ToJsonString());
        SafetensorsHeader.Edit(_folder["run/checkpoint.safetensors"], "options", "of_another_version", 1);
        Assert.Equal(0, (await EngineRun.InProcessAsync([.. resume, "--color", "jitter"])).ExitCode);
        Assert.DoesNotContain("version", File.ReadAllText(path));

        options["color"] = "wild";
        File.WriteAllText(path, options.ToJsonString());
        (await EngineRun.InProcessAsync(resume)).AssertFails(1, path, "damaged", "there is no change of colors 'wild'; there are none, lighting and jitter");
    }

    private static void AssertSame(string expected, string actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual)), $"{expected}\n{actual}");
}
