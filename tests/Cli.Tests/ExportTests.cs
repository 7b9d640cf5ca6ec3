using System.Text.Json;

namespace Cli.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_is_exported_for_the_images_that_it_was_trained_on()
    {
        string run = _folder["run"], file = _folder["digits.onnx"];
        Assert.Equal(
            0,
            (await EngineRun.InProcessAsync("train", "--model", "resnet8", "--epochs", "1", "--batch-size", "64", "--out", run, "--device", "cpu")).ExitCode);
        EngineRun export = await EngineRun.InProcessAsync("export", "--weights", run, file, "--json");
        Assert.Equal(0, export.ExitCode);
        JsonElement line = Assert.Single(export.Json);
        Assert.Equal("resnet8", line.GetProperty("model").GetString());
        Assert.Equal([1, 8, 8], line.GetProperty("input").EnumerateArray().Select(e => e.GetInt32()));
        Assert.Equal(
            (10, 17, JsonValueKind.Null), (line.GetProperty("classes").GetInt32(), line.GetProperty("opset").GetInt32(), line.GetProperty("batch").ValueKind));
        Assert.Equal(new FileInfo(file).Length, line.GetProperty("bytes").GetInt64());
        Assert.Equal(7, line.GetProperty("operators").GetProperty("BatchNormalization").GetInt32());

        string text = await File.ReadAllTextAsync(file);
        Assert.Contains("class_names", text, StringComparison.Ordinal);
        Assert.Contains("[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]", text, StringComparison.Ordinal);

        EngineRun folded = await EngineRun.InProcessAsync(
            "export", "--model", "resnet8", "--weights", Path.Combine(run, "weights.safetensors"), "--fold", "--batch", "4", "--opset", "21", "--image-size",
            "16", file);
        Assert.Equal(0, folded.ExitCode);
        Assert.StartsWith($"{file}: resnet8, opset 21, input [4, 1, 16, 16], logits [4, 10], ", folded.Lines[0], StringComparison.Ordinal);
        Assert.Contains("7 Conv", folded.Lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain("BatchNormalization", folded.Lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--opset", "16", "--opset is 16, but must be from 17 to 22")]
    [InlineData("--batch", "0", "--batch is '0', but must be 'dynamic' or a whole number of at least 1")]
    [InlineData("--batch", "many", "--batch is 'many', but must be")]
    [InlineData("--model", "resnet21", "there is no network 'resnet21'")]
    public async Task Bad_options_are_refused_before_anything_is_read(string option, string value, string reason) =>
        (await EngineRun.InProcessAsync("export", "--weights", "nothing.safetensors", "out.onnx", option, value)).AssertFails(2, reason);

    [Fact]
    public async Task Missing_weights_are_named_and_leave_no_file()
    {
        string file = _folder["out.onnx"];
        (await EngineRun.InProcessAsync("export", "--model", "resnet20", "--weights", _folder["none.safetensors"], file)).AssertFails(1, "none.safetensors");
        Assert.False(File.Exists(file));
    }
}
