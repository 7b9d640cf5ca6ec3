using Engine.Formats;
using Engine.Layers;

namespace Engine.Tests.Formats;

/// <summary>Folders as weights, and weights that are spread over several files.</summary>
public sealed class ShardTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Index => _folder["model.safetensors.index.json"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("safetensors", "safetensors, 2 files")]
    [InlineData("bin", "PyTorch zip, 2 files")]
    public void An_index_or_its_folder_opens_all_shards(string kind, string format)
    {
        string index = WriteShards(kind);
        foreach (string path in (string[])[index, _folder.Path])
        {
            using TensorFile file = TensorFile.Open(path);
            Assert.Equal(format, file.Format);
            CheckpointData.AssertEqual(CheckpointData.Tensors("plain"), file);
        }
    }

    [Fact]
    public void A_missing_shard_is_named_and_one_alone_points_to_the_others()
    {
        WriteShards("safetensors");
        string second = _folder["model-00002-of-00002.safetensors"];
        using (ReferenceDevice device = new())
        {
            EngineException error = Assert.Throws<EngineException>(() => StateDictionary.Load(new Linear(2, 2).To(device), second));
            Assert.Contains("it is one of several shards: give their folder, or the index.json", error.Message);
        }

        File.Delete(second);
        string message = Assert.Throws<EngineException>(() => TensorFile.Open(_folder.Path)).Message;
        Assert.Equal($"'{Index}' needs 'model-00002-of-00002.safetensors' beside it, but there is no such file", message);
    }

    [Theory]
    [InlineData("{}", "no weight_map")]
    [InlineData("{\"weight_map\":[]}", "no weight_map")]
    [InlineData("{\"weight_map\":{}}", "names no tensors")]
    [InlineData("{\"weight_map\":{\"a\":1}}", "no name of weights beside it")]
    [InlineData("{\"weight_map\":{\"a\":\"../x.bin\"}}", "no name of weights beside it")]
    [InlineData("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "no name of weights beside it")]
    [InlineData("{\"weight_map\":{\"a\":\"..\"}}", "no name of weights beside it")]
    [InlineData("{\"weight_map\":{\"a\":\"none\\n.bin\"}}", "needs 'none?.bin'")]
    [InlineData("{\"weight_map\":", "not valid JSON")]
    [InlineData("{\"weight_map\":{\"a\":\"\\ud800\"}}", "not valid JSON")]
    [InlineData("{\"weight_map\":{\"missing\":\"model-00001-of-00002.safetensors\"}}", "has missing, but it does not")]
    [InlineData("{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", "no name of weights beside it")]
    public void An_index_that_is_wrong_is_refused(string json, string expected)
    {
        WriteShards("safetensors");
        File.WriteAllText(Index, json);
        EngineException error = Assert.Throws<EngineException>(() => TensorFile.Open(Index));
        Assert.Contains(expected, error.Message);
        Assert.Contains(Index, error.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("weights.safetensors")]
    public void A_folder_opens_the_weights_that_tools_save_in_it(string name)
    {
        TensorFile.Write(_folder[name], CheckpointData.Tensors("plain"));
        File.WriteAllText(_folder["config.json"], "{}");
        using TensorFile file = TensorFile.Open(_folder.Path);
        CheckpointData.AssertEqual(CheckpointData.Tensors("plain"), file);
    }

    [Theory]
    [InlineData(".metadata", "is a folder of torch.distributed.checkpoint", "dcp_to_torch_save(")]
    [InlineData("__0_0.distcp", "is a folder of torch.distributed.checkpoint", "dcp_to_torch_save(")]
    [InlineData("zero_to_fp32.py", "is a folder of DeepSpeed", "zero_to_fp32.py makes")]
    [InlineData("saved_model.pb", "is a folder of TensorFlow", "safetensors")]
    [InlineData("best.pth", "but best.pth", "give that file")]
    [InlineData("readme.txt", "holds no weights", "model.safetensors")]
    public void A_folder_without_weights_is_called_what_it_is(string name, params string[] expected)
    {
        File.WriteAllText(_folder[name], "x");
        EngineException error = Assert.Throws<EngineException>(() => TensorFile.Open(_folder.Path));
        Assert.All(expected, part => Assert.Contains(part, error.Message));
        Assert.Contains(_folder.Path, error.Message);
    }

    private string WriteShards(string kind)
    {
        List<StoredTensor> tensors = CheckpointData.Tensors("plain");
        (string prefix, string end) = kind == "bin" ? ("pytorch_model", "bin") : ("model", "safetensors");
        string[] names = [$"{prefix}-00001-of-00002.{end}", $"{prefix}-00002-of-00002.{end}"];
        TensorFile.Write(_folder[names[0]], tensors[..5]);
        TensorFile.Write(_folder[names[1]], tensors[5..]);
        string index = _folder[$"{prefix}.{end}.index.json"];
        File.WriteAllText(index, $$"""
            {"metadata": {"total_size": 1}, "weight_map": { {{string.Join(", ", tensors.Select((t, i) => $"\"{t.Name}\": \"{names[i < 5 ? 0 : 1]}\""))}} } }
            """);
        return index;
    }
}
