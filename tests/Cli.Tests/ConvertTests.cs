using System.Text;
using Engine;
using Engine.Formats;
using Engine.Models;

namespace Cli.Tests;

public sealed class ConvertTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Weights_pass_from_one_format_to_the_other_and_back_without_a_change()
    {
        Save("a.safetensors");
        EngineRun there = await EngineRun.InProcessAsync("convert", _folder["a.safetensors"], _folder["b.pth"], "--model", "resnet8", "--json");
        EngineRun back = await EngineRun.InProcessAsync("convert", _folder["b.pth"], _folder["c.safetensors"]);

        Assert.Equal(0, there.ExitCode);
        Assert.Equal("safetensors", there.Json[0].GetProperty("format").GetString());
        Assert.Equal(0, there.Json[0].GetProperty("missing").GetArrayLength());
        Assert.Equal(0, back.ExitCode);
        Assert.Contains("PyTorch zip", back.Output);
        using TensorFile first = TensorFile.Open(_folder["a.safetensors"]), last = TensorFile.Open(_folder["c.safetensors"]);
        Assert.Equal(there.Json[0].GetProperty("tensors").GetInt32(), last.Entries.Count());
        foreach (StoredEntry entry in first.Entries)
        {
            Assert.Equal(first.Read(entry), last.Read(last.Find(entry.Name)!));
        }
    }

    [Fact]
    public async Task Real_numbers_become_the_wanted_type_and_counters_stay()
    {
        Save("a.safetensors");
        Assert.Equal(0, (await EngineRun.InProcessAsync("convert", _folder["a.safetensors"], _folder["h.pth"], "--dtype", "float16")).ExitCode);
        using TensorFile file = TensorFile.Open(_folder["h.pth"]);
        Assert.Equal(StoredType.F16, file.Find("fc.weight")!.Type);
        Assert.Equal(StoredType.I64, file.Find("bn1.num_batches_tracked")!.Type);
    }

    [Fact]
    public async Task Weights_of_another_network_are_refused_by_name_or_taken_in_part()
    {
        Save("a.pth");
        string[] command = ["convert", _folder["a.pth"], _folder["b.pth"], "--model", "resnet14", "--json"];
        (await EngineRun.InProcessAsync(command)).AssertFails(1, "does not fit", "layer1.1.conv1.weight");
        Assert.False(File.Exists(_folder["b.pth"]));

        EngineRun partial = await EngineRun.InProcessAsync([.. command, "--partial"]);
        Assert.Equal(0, partial.ExitCode);
        Assert.Contains("layer3.1.bn2.bias", partial.Json[0].GetProperty("missing").EnumerateArray().Select(n => n.GetString()));
    }

    [Fact]
    public async Task A_pickle_that_names_os_system_is_refused_by_every_command()
    {
        byte[] pickle = [0x80, 2, .. Encoding.ASCII.GetBytes($"cos\nsystem\n(S'touch {_folder["owned"]}'\ntR.")];
        File.WriteAllBytes(_folder["evil.pth"], pickle);
        (await EngineRun.InProcessAsync("convert", _folder["evil.pth"], _folder["b.pth"])).AssertFails(1, "evil.pth", "os.system");
        (await EngineRun.InProcessAsync(
            "eval", "--weights", _folder["evil.pth"], "--model", "resnet8", "--data", "digits")).AssertFails(1, "evil.pth", "os.system");
        Assert.False(File.Exists(_folder["owned"]));
    }

    private void Save(string name)
    {
        using CpuDevice device = new(1);
        Network network = Networks.Create("resnet8");
        network.To(device, seed: 1);
        StateDictionary.Save(network, _folder[name]);
    }
}
