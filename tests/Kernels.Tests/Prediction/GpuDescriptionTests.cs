using System.Text.Json.Nodes;
using Engine.Kernels.Prediction;

namespace Engine.Kernels.Tests.Prediction;

/// <summary>GPUs in figures: built in, from files.</summary>
public sealed class GpuDescriptionTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("engine-gpus");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("h100", "9.0", 132, 3.35e12)]
    [InlineData("a100", "8.0", 108, 2.04e12)]
    [InlineData("b200", "10.0", 148, 8.18e12)]
    [InlineData("rtx4090", "8.9", 128, 1.01e12)]
    public void Built_in_descriptions_have_the_published_figures(string name, string capability, int multiprocessors, double bandwidth)
    {
        GpuDescription gpu = GpuDescription.Find(name);
        Assert.Equal(Version.Parse(capability), gpu.Properties.ComputeCapability);
        Assert.Equal(multiprocessors, gpu.Properties.MultiprocessorCount);
        Assert.InRange(gpu.Properties.PeakBandwidth, 0.99 * bandwidth, 1.01 * bandwidth);
        Assert.InRange(gpu.Rates.Copy.Value, 0.8 * bandwidth, 0.95 * bandwidth);
        Assert.True(gpu.Rates.BFloat16.Value > gpu.Rates.TensorFloat32.Value && gpu.Rates.TensorFloat32.Value >= gpu.Rates.Float32.Value);
        Assert.All(
            (GpuRate[])[gpu.Rates.Copy, gpu.Rates.Float32, gpu.Rates.TensorFloat32, gpu.Rates.Float16, gpu.Rates.BFloat16],
            rate => Assert.NotEmpty(rate.Source));
    }

    /// <summary>The keys of the JSON that cuDNN 9.19 accepted; 9.28 needs memoryBusWidth too.</summary>
    [Fact]
    public void Every_description_has_the_keys_that_cuDNN_asks_for()
    {
        string[] keys =
        [
            "maxGridSize", "maxBlockSize", "regsPerBlock", "multiProcessorCount", "warpSize", "maxSharedMemoryPerBlock", "maxSharedMemoryPerBlockOptin",
            "reservedSharedMemoryPerBlock", "maxRegistersPerSM", "maxCtasPerSM", "maxThreadsPerBlock", "maxThreadsPerSM", "pciDeviceId", "isTccDriver",
            "supportCoopLaunch", "totalGlobalMem", "smClockRateKHz", "memClockRateKHz", "l2CacheSize", "memoryBusWidth", "cudaDeviceId", "deviceVer",
            "driverVer",
            "deviceName",
        ];
        foreach (string name in GpuDescription.BuiltIn)
        {
            JsonObject device = JsonNode.Parse(GpuDescription.Find(name).DeviceProperties)!.AsObject();
            Assert.Equal(keys, device.Select(entry => entry.Key));
        }
    }

    [Fact]
    public void A_description_comes_back_from_a_file_and_from_what_doctor_prints()
    {
        GpuDescription gpu = GpuDescription.Find("a100");
        string plain = Write("plain.json", gpu.ToJson().ToJsonString());
        string report = Write("doctor.json", new JsonObject { ["engine"] = "1", ["gpu"] = gpu.ToJson() }.ToJsonString());
        foreach (string path in (string[])[plain, report])
        {
            GpuDescription back = GpuDescription.Find(path);
            Assert.Equal(gpu.ToJson().ToJsonString(), back.ToJson().ToJsonString());
            Assert.Equal(gpu.Properties, back.Properties);
        }
    }

    [Fact]
    public void Rates_that_a_file_leaves_out_are_derived_from_clocks_and_architecture()
    {
        JsonObject json = GpuDescription.Find("h100").ToJson();
        json.Remove("rates");
        GpuDescription gpu = GpuDescription.Find(Write("no-rates.json", json.ToJsonString()));
        Assert.InRange(gpu.Rates.Copy.Value, 2.9e12, 3.1e12);
        Assert.InRange(gpu.Rates.BFloat16.Value, 780e12, 820e12);
        Assert.StartsWith("derived", gpu.Rates.BFloat16.Source, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v100", "there is no GPU 'v100'; did you mean 'h100'? Use h100, a100, b200, rtx4090, or a file")]
    [InlineData("", "there is no GPU ''")]
    public void A_name_that_is_none_is_an_error_that_lists_the_names(string name, string message) =>
        Assert.Contains(message, Assert.Throws<EngineException>(() => GpuDescription.Find(name)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("not json", "is not the description of a GPU")]
    [InlineData("[]", "it has no object 'device'")]
    [InlineData("{}", "it has no object 'device'")]
    [InlineData("""{"device":{}}""", "device.deviceVer must be a positive whole number")]
    [InlineData("""{"device":{"deviceVer":900}}""", "device.deviceName is missing")]
    [InlineData("""{"device":{"deviceVer":900,"deviceName":"X"}}""", "device.totalGlobalMem must be a positive whole number")]
    [InlineData("""{"device":{"deviceVer":"new"}}""", "device.deviceVer must be a positive whole number")]
    [InlineData("""{"name":7,"device":{"deviceVer":900}}""", "is not the description of a GPU")]
    public void A_file_that_is_no_description_is_an_error_in_one_line(string text, string message)
    {
        string path = Write("bad.json", text);
        EngineException error = Assert.Throws<EngineException>(() => GpuDescription.Find(path));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("\"fast\"")]
    [InlineData("null")]
    public void A_rate_that_is_no_positive_number_is_named(string value)
    {
        JsonObject json = GpuDescription.Find("h100").ToJson();
        json["rates"]!["bf16_flops"]!["value"] = JsonNode.Parse(value);
        EngineException error = Assert.Throws<EngineException>(() => GpuDescription.Find(Write("rates.json", json.ToJsonString())));
        Assert.Contains("rates.bf16_flops.value must be a positive number", error.Message, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
