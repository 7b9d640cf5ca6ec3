using System.Diagnostics;
using System.Text.Json;

namespace Engine.Kernels.Tests;

/// <summary>The engine command on the emulated GPU, as a process of its own with the fast kernels.</summary>
[Collection("emulator")]
public sealed class EmulatedCommandTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("engine-emulated");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public void Check_passes(string precision)
    {
        JsonElement summary = Run("check", "--device", "cuda", "--precision", precision, "--json")[^1];
        Assert.Equal(0, summary.GetProperty("failed").GetInt32());
        Assert.True(summary.GetProperty("checks").GetInt32() > 2000, summary.ToString());
    }

    [Fact]
    public void Training_in_bf16_goes_on_after_an_end_and_eval_agrees()
    {
        string run = Path.Combine(_folder.FullName, "run");
        string[] device = ["--device", "cuda", "--precision", "bf16", "--json"];
        JsonElement end = Run(
            ["train", "--model", "resnet8", "--epochs", "1", "--batch-size", "240", "--lr", "0.1", "--graph", "on", "--out", run, .. device])[^1];
        Assert.True(end.GetProperty("completed").GetBoolean());
        JsonElement eval = Run(["eval", "--weights", run, .. device])[^1];
        Assert.Equal(end.GetProperty("correct").GetInt32(), eval.GetProperty("correct").GetInt32());
        Assert.True(eval.GetProperty("correct").GetInt32() > 36, eval.ToString());
    }

    /// <summary>Times vary, so that each process would choose other engines for convolutions if it had to.</summary>
    [Fact]
    public void Two_processes_and_a_run_that_has_only_the_others_plans_give_the_same_bits()
    {
        string cache = Path.Combine(_folder.FullName, "cache"), empty = Path.Combine(_folder.FullName, "empty");
        byte[] first = Train("first", seed: 1, cache), second = Train("second", seed: 2, cache);
        Assert.Equal(first, second);
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "third"));
        File.Copy(Path.Combine(_folder.FullName, "first", ConvolutionPlanFile.Name), Path.Combine(_folder.FullName, "third", ConvolutionPlanFile.Name));
        Assert.Equal(first, Train("third", seed: 3, empty));

        byte[] Train(string name, int seed, string folder)
        {
            string run = Path.Combine(_folder.FullName, name);
            Run(
                new() { ["ENGINE_CACHE"] = folder, ["ENGINE_EMULATOR_TIMES"] = $"varying:{seed}" },
                ["train", "--model", "resnet8", "--epochs", "1", "--batch-size", "240", "--lr", "0.1", "--out", run, "--device", "cuda", "--precision", "bf16",
                    "--json"]);
            return Weights(run);
        }
    }

    [Fact]
    public void A_resumed_run_gives_the_bits_of_one_that_was_not_stopped()
    {
        string stopped = Path.Combine(_folder.FullName, "stopped"), whole = Path.Combine(_folder.FullName, "whole");
        string[] recipe = ["--model", "resnet8", "--epochs", "2", "--batch-size", "240", "--lr", "0.1", "--device", "cuda", "--precision", "bf16", "--json"];
        using (Process process = Start(Varying(1, "one"), ["train", "--out", stopped, .. recipe]))
        {
            string? line;
            while ((line = process.StandardOutput.ReadLine()) is not null && !line.Contains("\"epoch\":1", StringComparison.Ordinal))
            {
            }

            Assert.Contains("\"epoch\":1", line);
            using Process kill = Process.Start("sh", ["-c", $"kill -TERM {process.Id}"]);
            process.WaitForExit();
        }

        // Another process, other times, nothing in its cache: the plans are in the run's folder.
        Run(Varying(2, "two"), ["train", "--resume", stopped, "--device", "cuda", "--precision", "bf16", "--json"]);
        Directory.CreateDirectory(whole);
        File.Copy(Path.Combine(stopped, ConvolutionPlanFile.Name), Path.Combine(whole, ConvolutionPlanFile.Name));
        Run(Varying(3, "three"), ["train", "--out", whole, .. recipe]);
        Assert.Equal(Weights(whole), Weights(stopped));

        Dictionary<string, string> Varying(int seed, string cache) =>
            new() { ["ENGINE_CACHE"] = Path.Combine(_folder.FullName, cache), ["ENGINE_EMULATOR_TIMES"] = $"varying:{seed}" };
    }

    [Fact]
    public void Bench_counts_convolutions_by_what_computes_them_and_writes_their_plans()
    {
        string plans = Path.Combine(_folder.FullName, "plans.json");
        string[] bench = ["bench", "--model", "resnet8", "--batch-size", "1", "--device", "cuda", "--steps", "1", "--warmup", "1", "--mode", "infer", "--json"];
        JsonElement graph = Run([.. bench, "--plans", plans])[^1];
        int count = graph.GetProperty("convolutions").GetProperty("graph").GetInt32();
        Assert.True(count >= 4, graph.ToString());
        Assert.Equal(0, graph.GetProperty("direct_convolutions").GetInt32());
        Assert.Equal(count, ConvolutionPlanFile.Read(plans).Entries.Count);
        JsonElement direct = Run([.. bench, "--convolutions", "direct"])[^1];
        Assert.Equal("direct", direct.GetProperty("convolutions").GetProperty("asked").GetString());
        Assert.Equal(count, direct.GetProperty("direct_convolutions").GetInt32());
    }

    [Fact]
    public void Bench_measures_a_recorded_step_and_kernels_beside_a_copy()
    {
        JsonElement step = Run(
            "bench", "--model", "resnet8", "--batch-size", "1", "--device", "cuda", "--steps", "1", "--warmup", "1", "--batch-norm", "cudnn", "--json")[^1];
        Assert.True(step.GetProperty("graph").GetBoolean());
        Assert.Equal("cudnn", step.GetProperty("batch_norm").GetString());
        Assert.Equal(0, step.GetProperty("native_allocations").GetInt64());
        Assert.True(step.GetProperty("peak_device_bytes").GetInt64() > 1_000_000, step.ToString());

        JsonElement kernels = Run("bench", "--kernels", "--batch-size", "1", "--device", "cuda", "--precision", "bf16", "--steps", "1", "--json")[^1];
        JsonElement[] rates = [.. kernels.GetProperty("kernels").EnumerateArray()];
        Assert.Equal(
            ["copy", "add_relu_1", "add_relu_2", "add_relu_3", "bn_statistics_1", "bn_statistics_2", "bn_statistics_3", "bn_apply",
                "bn_apply + shortcut + ReLU", "bn_backward", "bn_backward + shortcut + ReLU", "sgd_step"],
            rates.Select(rate => rate.GetProperty("name").GetString()));
        Assert.Equal(100, rates[0].GetProperty("percent_of_copy").GetDouble());
        Assert.Matches("^add_relu=[123]$", kernels.GetProperty("winners").GetString());
        Assert.All(rates, rate => Assert.True(rate.GetProperty("gigabytes_per_second").GetDouble() >= 0));
        Assert.Equal(3 * kernels.GetProperty("activation_bytes").GetInt64(), rates[2].GetProperty("bytes").GetInt64());
    }

    [Fact]
    public void Bench_puts_the_prediction_beside_what_it_measured_and_doctor_describes_the_GPU()
    {
        JsonElement step = Run("bench", "--model", "resnet8", "--batch-size", "1", "--device", "cuda", "--steps", "1", "--warmup", "1", "--json")[^1];
        Assert.True(step.GetProperty("predicted_images_per_second").GetDouble() > 0, step.ToString());
        JsonElement gpu = Run("doctor", "--json")[^1].GetProperty("gpu");
        Assert.Equal(gpu.GetProperty("name").GetString(), step.GetProperty("predicted_for").GetString());

        // What doctor printed is a description that --predict takes.
        string file = Path.Combine(_folder.FullName, "gpu.json");
        File.WriteAllText(file, gpu.ToString());
        JsonElement predicted = Run("bench", "--model", "resnet8", "--batch-size", "1", "--predict", file, "--json")[^1];
        Assert.Equal(step.GetProperty("predicted_images_per_second").GetDouble(), predicted.GetProperty("predicted_images_per_second").GetDouble());
        Assert.StartsWith("plans of cuDNN", predicted.GetProperty("convolution_plans").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("derived", gpu.GetProperty("rates").GetProperty("bf16_flops").GetProperty("source").GetString(), StringComparison.Ordinal);
    }

    private static JsonElement[] Run(params string[] arguments) => Run([], arguments);

    private static JsonElement[] Run(Dictionary<string, string> environment, string[] arguments)
    {
        using Process process = Start(environment, arguments);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"engine {string.Join(' ', arguments)} ended with {process.ExitCode}: {error.Result}");
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static Process Start(Dictionary<string, string> environment, string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "engine.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ENGINE_EMULATOR"] = "fast";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    /// <summary>A run's weights: what stands behind the header, whose length comes first.</summary>
    private static byte[] Weights(string run)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(run, "weights.safetensors"));
        return file[(8 + (int)BitConverter.ToInt64(file))..];
    }
}
