using Engine;
using Engine.Formats;
using Engine.Models;

namespace Cli.Tests;

/// <summary>Weights that others saved, as the commands take them.</summary>
public sealed class SavedWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(1);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("bn1.weight", float.NaN, "1 of its 16 numbers is NaN")]
    [InlineData("fc.bias", float.NegativeInfinity, "1 of its 10 numbers is infinite")]
    [InlineData("bn1.running_var", -1f, "1 of its 16 numbers is negative, though it is a variance (the least is -1)")]
    public async Task Numbers_with_which_nothing_can_be_computed_are_named_by_every_command(string tensor, float number, string reason)
    {
        string path = Save("bad.pth", tensor, number), image = _folder["x.png"], target = _folder["x.onnx"];
        File.WriteAllBytes(image, FlatPng.Make(8, 8, 100));
        string[] expected = [tensor, path, reason];
        foreach (string[] command in (string[][])[
            ["eval", "--data", "digits", "--model", "resnet8", "--weights", path, "--device", "cpu"],
            ["predict", "--model", "resnet8", "--weights", path, "--device", "cpu", image],
            ["export", "--fold", "--model", "resnet8", "--weights", path, target]])
        {
            EngineRun run = await EngineRun.InProcessAsync(command);
            run.AssertFails(1, expected);
            Assert.DoesNotContain("class ", run.Output);
        }

        Assert.False(File.Exists(target));
        if (tensor != "bn1.running_var")
        {
            (await EngineRun.InProcessAsync(
                "train", "--model", "resnet8", "--weights", path, "--epochs", "1", "--device", "cpu", "--out", _folder["run"])).AssertFails(1, expected);
            Assert.False(Directory.Exists(_folder["run"]));
        }

        EngineRun convert = await EngineRun.InProcessAsync("convert", path, _folder["x.safetensors"], "--json");
        Assert.Equal(0, convert.ExitCode);
        Assert.Contains(reason, convert.Error);
        Assert.Equal(tensor, convert.Json[0].GetProperty(tensor == "bn1.running_var" ? "negative_variances" : "not_finite")[0].GetString());
    }

    [Fact]
    public async Task Numbers_that_become_infinite_in_half_precision_are_told_and_the_format_is_named()
    {
        string path = Save("big.pth", "fc.bias", 1e5f);
        EngineRun run = await EngineRun.InProcessAsync("convert", path, _folder["half.pth.tar"], "--dtype", "float16");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("1 of its 10 numbers is too large for float16 and becomes infinite", run.Error);
        Assert.Contains($"written to {_folder["half.pth.tar"]} (PyTorch zip)", run.Output);

        // 65,519 still rounds to the largest number.
        run = await EngineRun.InProcessAsync("convert", Save("large.pth", "fc.bias", 65519f), _folder["half.bin"], "--dtype", "float16");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        (await EngineRun.InProcessAsync("convert", path, _folder["x.onnx"])).AssertFails(2, "x.onnx", ".pth.tar", ".safetensors");
        Assert.False(File.Exists(_folder["x.onnx"]));
    }

    [Fact]
    public async Task Denormals_and_channels_without_variance_are_nothing_to_complain_of()
    {
        string path = Save("small.pth", "bn1.running_var", 0), image = _folder["x.png"];
        File.WriteAllBytes(image, FlatPng.Make(8, 8, 100));
        EngineRun run = await EngineRun.InProcessAsync("predict", "--model", "resnet8", "--weights", path, "--device", "cpu", "--json", image);
        Assert.Equal(0, run.ExitCode);
        Assert.All(run.Json[0].GetProperty("top").EnumerateArray(), t => Assert.True(double.IsFinite(t.GetProperty("logit").GetDouble())));
        Assert.Equal(0, (await EngineRun.InProcessAsync(
            "export", "--fold", "--model", "resnet8", "--weights", Save("denormal.pth", "bn1.running_var", 1e-42f), _folder["x.onnx"])).ExitCode);
    }

    [Fact]
    public async Task A_prefix_is_reported_a_key_is_taken_and_a_folder_is_opened()
    {
        Network network = Make();
        TensorFile.Write(_folder["p.ckpt"], [.. StateDictionary.Contents(network, "model."), .. StateDictionary.Contents(network, "ema.")]);
        string[] eval = ["eval", "--data", "digits", "--model", "resnet8", "--device", "cpu", "--json", "--weights", _folder["p.ckpt"]];
        (await EngineRun.InProcessAsync(eval)).AssertFails(1, "under ema, model: choose one with --weights-key KEY");
        EngineRun run = await EngineRun.InProcessAsync([.. eval, "--weights-key", "ema"]);
        Assert.Equal((0, 360), (run.ExitCode, run.Json[0].GetProperty("total").GetInt32()));
        int correct = run.Json[0].GetProperty("correct").GetInt32();

        Directory.CreateDirectory(_folder["folder"]);
        TensorFile.Write(
            Path.Combine(_folder["folder"], "model.safetensors"), StateDictionary.Contents(network, "net."),
            new Dictionary<string, string> { ["options"] = "--lr 0.1", ["data"] = "imagenet" });
        run = await EngineRun.InProcessAsync([.. eval[..^1], _folder["folder"]]);
        Assert.Equal((0, correct), (run.ExitCode, run.Json[0].GetProperty("correct").GetInt32()));
        Assert.Contains("begin with 'net.', which is left out", run.Error);
    }

    [Fact]
    public async Task What_was_meant_by_a_file_to_resume_or_an_address_is_said()
    {
        string path = Save("x.pth", "fc.bias", 0);
        (await EngineRun.InProcessAsync("train", "--resume", path)).AssertFails(2, path, $"give --weights {path}");
        (await EngineRun.InProcessAsync("eval", "--model", "resnet8", "--data", "digits", "--weights", "https://x.org/a.pth")).AssertFails(
            1, "https://x.org/a.pth", "download it first");
        (await EngineRun.InProcessAsync("train", "--weights-key", "ema")).AssertFails(2, "--weights-key", "no --weights is given");
        File.WriteAllText(_folder["options.json"], "{}");
        File.WriteAllText(_folder["checkpoint.safetensors"], "x");
        (await EngineRun.InProcessAsync("train", "--resume", _folder["checkpoint.safetensors"])).AssertFails(2, $"give --resume {_folder.Path}");
    }

    private Network Make()
    {
        Network network = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 10 });
        network.To(_device, seed: 1);
        return network;
    }

    // A network of which one number of one tensor is given.
    private string Save(string name, string tensor, float number)
    {
        Network network = Make();
        TensorFile.Write(_folder[name], [.. StateDictionary.Contents(network).Select(c => c.Name != tensor ? c : c with
        {
            Bytes = () =>
            {
                byte[] bytes = c.Bytes();
                BitConverter.TryWriteBytes(bytes.AsSpan(4), number);
                return bytes;
            },
        })]);
        return _folder[name];
    }
}
