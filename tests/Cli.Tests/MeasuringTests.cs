using System.Text.Json;

namespace Cli.Tests;

public sealed class MeasuringTests
{
    [Theory]
    [InlineData("train")]
    [InlineData("infer")]
    public async Task Bench_prints_one_object_with_the_keys_of_the_pytorch_side(string mode)
    {
        EngineRun run = await EngineRun.InProcessAsync(
            "bench", "--model", "resnet8", "--batch-size", "4", "--mode", mode, "--device", "cpu", "--threads", "1", "--steps", "3", "--json");

        Assert.Equal(0, run.ExitCode);
        JsonElement line = Assert.Single(run.Json);
        Assert.Equal(
            ["engine", "model", "mode", "batch_size", "device", "precision", "compile", "channels_last", "images_per_second", "peak_device_bytes"],
            line.EnumerateObject().Select(p => p.Name).Take(10));
        Assert.StartsWith("engine ", line.GetProperty("engine").GetString());
        Assert.Equal(
            ("resnet8", mode, 4), (line.GetProperty("model").GetString(), line.GetProperty("mode").GetString(), line.GetProperty("batch_size").GetInt32()));
        Assert.Equal("cpu x1", line.GetProperty("device").GetString());
        JsonElement rates = line.GetProperty("images_per_second");
        Assert.True(rates.GetProperty("min").GetDouble() > 0);
        Assert.InRange(rates.GetProperty("median").GetDouble(), rates.GetProperty("min").GetDouble(), rates.GetProperty("max").GetDouble());
        Assert.True(line.GetProperty("peak_device_bytes").GetInt64() > 0);
        Assert.Equal(0, line.GetProperty("native_allocations").GetInt64());
    }

    [Fact]
    public async Task A_single_image_has_a_latency()
    {
        string[] single = ["bench", "--model", "resnet8", "--batch-size", "1", "--mode", "infer", "--device", "cpu", "--threads", "1", "--warmup", "1"];
        EngineRun run = await EngineRun.InProcessAsync([.. single, "--steps", "101", "--json"]);
        JsonElement line = Assert.Single(run.Json), latency = line.GetProperty("latency_milliseconds");
        (double p50, double p99, double max) = (Of("p50"), Of("p99"), Of("max"));
        Assert.Equal(101, latency.GetProperty("calls").GetInt32());
        Assert.InRange(p50, 1e-3, p99);
        Assert.InRange(p99, p50, max);
        Assert.Equal(1e3 / line.GetProperty("images_per_second").GetProperty("median").GetDouble(), p50, 0.01 * p50);

        EngineRun text = await EngineRun.InProcessAsync([.. single, "--steps", "3"]);
        Assert.Contains("(p99), of 3 calls", text.Output + text.Error, StringComparison.Ordinal);
        EngineRun batch = await EngineRun.InProcessAsync("bench", "--model", "resnet8", "--batch-size", "2", "--mode", "infer", "--device", "cpu", "--json");
        Assert.False(Assert.Single(batch.Json).TryGetProperty("latency_milliseconds", out _));

        double Of(string name) => latency.GetProperty(name).GetDouble();
    }

    /// <summary>No GPU, driver or library is needed.</summary>
    [Theory]
    [InlineData("train", 206)]
    [InlineData("infer", 43)]
    public async Task Bench_predicts_a_step_on_a_GPU_that_is_not_there(string mode, int nodes)
    {
        EngineRun run = await EngineRun.InProcessAsync(
            "bench", "--model", "resnet20", "--batch-size", "128", "--precision", "bf16", "--mode", mode, "--predict", "h100", "--json");
        Assert.Equal(0, run.ExitCode);
        JsonElement line = Assert.Single(run.Json);
        Assert.Equal(("h100", "NVIDIA H100 80GB HBM3"), (line.GetProperty("predicted_for").GetString(), line.GetProperty("device").GetString()));
        double milliseconds = line.GetProperty("milliseconds").GetDouble();
        Assert.InRange(line.GetProperty("predicted_images_per_second").GetDouble() * milliseconds / 128e3, 0.99, 1.01);
        Assert.Equal(nodes, line.GetProperty("nodes").GetInt32());
        foreach (string table in (string[])["parts", "kernels"])
        {
            double sum = line.GetProperty(table).EnumerateArray().Sum(row => row.GetProperty("milliseconds").GetDouble());
            Assert.Equal(milliseconds, sum + line.GetProperty("gap_milliseconds").GetDouble(), 0.01);
        }

        JsonElement[] convolutions = [.. line.GetProperty("convolutions").EnumerateArray()];
        Assert.Equal(mode == "train" ? 56 : 19, convolutions.Sum(row => row.GetProperty("calls").GetInt32()));
        Assert.Equal(9, line.GetProperty("parameters").EnumerateObject().Count());
        Assert.Equal(132, line.GetProperty("gpu").GetProperty("device").GetProperty("multiProcessorCount").GetInt32());
    }

    [Fact]
    public async Task A_prediction_for_people_says_that_nothing_was_measured()
    {
        EngineRun run = await EngineRun.InProcessAsync("bench", "--model", "resnet8", "--batch-size", "4", "--precision", "bf16", "--predict", "a100");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("on a100, predicted:", run.Output + run.Error, StringComparison.Ordinal);
        Assert.Contains("nothing here was measured", run.Output + run.Error, StringComparison.Ordinal);
        Assert.Contains("carried over", run.Output + run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resnet20", 269_722, 40_551_040, 32)]
    [InlineData("resnet18", 11_689_512, 1_814_073_344, 224)]
    [InlineData("resnet50", 25_557_032, 4_089_184_256, 224)]
    public async Task Info_tells_the_known_numbers(string model, long parameters, long multiplyAdds, int size)
    {
        JsonElement line = Assert.Single((await EngineRun.InProcessAsync("info", model, "--json")).Json);

        Assert.Equal(parameters, line.GetProperty("parameters").GetInt64());
        Assert.Equal(multiplyAdds, line.GetProperty("multiply_adds").GetInt64());
        Assert.Equal(size, line.GetProperty("image_size").GetInt32());
        Assert.True(line.GetProperty("activation_bytes").GetInt64() > 0);
        Assert.Equal(parameters, line.GetProperty("layers").EnumerateArray().Sum(l => l.GetProperty("parameters").GetInt64()));
    }

    [Fact]
    public async Task A_graph_of_several_networks_is_one_drawing()
    {
        using TemporaryFolder folder = new();
        EngineRun run = await EngineRun.InProcessAsync("info", "plain20", "resnet20", "--graph", folder["f.svg"], "--json");
        Assert.Equal(["plain20", "resnet20"], Assert.Single(run.Json).GetProperty("models").EnumerateArray().Select(m => m.GetString()));
        string svg = await File.ReadAllTextAsync(folder["f.svg"]);
        Assert.Contains("<title id=\"title\">plain20, resnet20: layers and shortcuts</title>", svg, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme:dark", svg, StringComparison.Ordinal);
        Assert.Equal(0, (await EngineRun.InProcessAsync("info", "resnet20", "--graph", folder["g.svg"], "--collapse", "always")).ExitCode);
        Assert.Contains("× 3", await File.ReadAllTextAsync(folder["g.svg"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Info_lists_networks_and_shows_layers_and_trees()
    {
        EngineRun list = await EngineRun.InProcessAsync("info");
        Assert.Contains("resnet152", list.Output);
        Assert.Contains("plain20", list.Output);
        Assert.Contains("Wide ResNet", list.Output);
        Assert.Contains("19,632,062,464", list.Output);
        Assert.Contains("layer3.2.conv2", (await EngineRun.InProcessAsync("info", "resnet20")).Output);
        Assert.Contains("(layer1): Sequential(", (await EngineRun.InProcessAsync("info", "resnet20", "--tree")).Output);
        Assert.Contains(
            "resnet56", (await EngineRun.InProcessAsync("info", "--json")).Json[0].GetProperty("models").EnumerateArray().Select(m => m.GetString()));
    }

    [Fact]
    public async Task Info_and_bench_take_what_changes_a_network()
    {
        JsonElement network = (await EngineRun.InProcessAsync("info", "resnet34", "--shortcut", "C", "--json")).Json[0];
        Assert.True(network.GetProperty("parameters").GetInt64() > 21_797_672);
        JsonElement first = (await EngineRun.InProcessAsync("info", "resnet50", "--v1", "--json")).Json[0];
        Assert.Equal(3_857_973_248, first.GetProperty("multiply_adds").GetInt64());
        string tree = (await EngineRun.InProcessAsync("info", "resnet50", "--dilation", "0,1,1", "--norm", "group:16", "--groups", "2", "--tree")).Output;
        Assert.Contains("dilation=(4, 4), groups=2", tree);
        Assert.Contains("GroupNorm(16, 64", tree);
        string[] bench = ["bench", "--model", "resnet8", "--batch-size", "2", "--steps", "1", "--warmup", "0", "--device", "cpu", "--threads", "1"];
        Assert.Equal(0, (await EngineRun.InProcessAsync([.. bench, "--norm", "none", "--shortcut", "B"])).ExitCode);
        (await EngineRun.InProcessAsync([.. bench, "--v1"])).AssertFails(2, "v1 puts a bottleneck's stride");
    }

    [Theory]
    [InlineData("reference", "SgdStep")]
    [InlineData("cpu", "MaxPool")]
    [InlineData("reference", "gradient of relu")]
    public async Task Check_ends_with_a_summary(string device, string only)
    {
        EngineRun run = await EngineRun.InProcessAsync("check", "--device", device, "--only", only, "--seed", "3", "--json");

        Assert.Equal(0, run.ExitCode);
        JsonElement summary = run.Json[^1];
        Assert.Equal(["checks", "failed", "worst"], summary.EnumerateObject().Select(p => p.Name));
        Assert.Equal(run.Json.Length - 1, summary.GetProperty("checks").GetInt32());
        Assert.Equal(0, summary.GetProperty("failed").GetInt32());
        Assert.NotEqual("", summary.GetProperty("worst").GetProperty("name").GetString());
        Assert.True(summary.GetProperty("worst").GetProperty("error").GetDouble() >= 0);
        Assert.All(run.Json[..^1], line => Assert.True(line.GetProperty("passed").GetBoolean()));
    }

    [Fact]
    public async Task Check_shows_a_table_grouped_by_primitive()
    {
        EngineRun run = await EngineRun.InProcessAsync("check", "--device", "cpu", "--only", "Pool");

        Assert.Equal(0, run.ExitCode);
        Assert.All(["MaxPoolBackward", "AdaptiveAveragePool", "worst error", "tolerance", "0 failed"], part => Assert.Contains(part, run.Output));
    }

    [Fact]
    public async Task Layers_are_measured_by_name_and_direction()
    {
        EngineRun run = await EngineRun.InProcessAsync(
            "bench", "--model", "resnet8", "--batch-size", "2", "--layers", "--steps", "3", "--device", "cpu", "--json");
        Assert.Equal(0, run.ExitCode);
        (string Layer, string Primitive)[] rows =
            [.. run.Json.Select(j => (j.GetProperty("layer").GetString()!, j.GetProperty("primitive").GetString()!))];
        Assert.Equal(["forward", "backward filter", "backward data"], rows.Where(r => r.Layer == "layer2.0.conv1").Select(r => r.Primitive));
        Assert.Equal(["forward", "backward filter"], rows.Where(r => r.Layer == "conv1").Select(r => r.Primitive));
        Assert.Equal(3, rows.Count(r => r == ("fc", "MatMul")));
        Assert.Contains(("", "SoftmaxCrossEntropy"), rows);
        Assert.Equal(100, run.Json.Sum(j => j.GetProperty("percent").GetDouble()), 1.0);
        JsonElement first = run.Json[0];
        Assert.Equal("[2, 32, 32, 3] to [2, 32, 32, 16]", first.GetProperty("shapes").GetString());
        Assert.True(first.GetProperty("gigaflops").GetDouble() > 0);

        run = await EngineRun.InProcessAsync(
            "bench", "--model", "resnet8", "--batch-size", "1", "--mode", "infer", "--layers", "--steps", "2", "--device", "cpu");
        Assert.All(["layer3.0.conv2", "GFLOP/s", "forward", "fc", "AdaptiveAveragePool", " ms in primitives"], part => Assert.Contains(part, run.Output));
        Assert.DoesNotContain("backward", run.Output);
    }

    [Fact]
    public async Task Doctor_tells_of_devices_libraries_and_data()
    {
        JsonElement report = Assert.Single((await EngineRun.InProcessAsync("doctor", "--json")).Json);

        Assert.Equal(Environment.ProcessorCount, report.GetProperty("processors").GetInt32());
        Assert.Equal(
            ["NVIDIA driver", "NVRTC", "cuBLAS", "cuDNN 9", "TurboJPEG (JPEG images)", "libwebp (WebP images)"],
            report.GetProperty("libraries").EnumerateArray().Select(library => library.GetProperty("name").GetString()));
        Assert.Contains("reference", report.GetProperty("devices").EnumerateArray().Select(d => d.GetProperty("name").GetString()));
        Assert.Contains("built in", report.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("location").GetString()));

        string text = (await EngineRun.InProcessAsync("doctor")).Output;
        Assert.All(["device cpu", "NVIDIA driver", "data digits"], part => Assert.Contains(part, text));
    }

    [Fact]
    public async Task Data_is_listed_and_what_is_built_in_is_not_downloaded()
    {
        EngineRun list = await EngineRun.InProcessAsync("data", "list", "--json");
        Assert.Equal(["digits", "mnist", "fashion-mnist", "cifar10", "cifar100"], list.Json.Select(l => l.GetProperty("name").GetString()));
        Assert.Contains("handwritten", (await EngineRun.InProcessAsync("data", "list")).Output);
        Assert.Contains("nothing to download", (await EngineRun.InProcessAsync("data", "get", "digits")).Output);
    }
}
