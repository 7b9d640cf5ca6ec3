namespace Engine.Formats;

/// <summary>Finds the weights in a folder: a run's, one of transformers, accelerate or timm, or one with shards and their index.</summary>
internal static class WeightsFolder
{
    // In the order in which they are taken. A run that was interrupted in its first epoch has nothing but its checkpoint.
    private static readonly string[] Names =
    [
        "weights.safetensors", "checkpoint.safetensors", "model.safetensors", "pytorch_model.bin", "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
        "pytorch_model.safetensors", "diffusion_pytorch_model.safetensors",
    ];

    /// <summary>The file to open.</summary>
    /// <param name="path">A folder.</param>
    /// <exception cref="EngineException">It has none that is known; the message says what it is, or what was looked for.</exception>
    public static string Find(string path)
    {
        if (Names.Select(n => Path.Combine(path, n)).FirstOrDefault(File.Exists) is { } found)
        {
            return found;
        }

        string[] files;
        try
        {
            files = [.. Directory.EnumerateFiles(path).Take(10_000).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the folder '{path}' cannot be read: {e.Message.ReplaceLineEndings(" ")}", e);
        }

        if (files.Contains(".metadata") || files.Any(f => f.EndsWith(".distcp", StringComparison.Ordinal)))
        {
            throw new EngineException(
                $"'{path}' is a folder of torch.distributed.checkpoint, which is not read: "
                    + $"{ForeignFiles.DistributedRemedy.Replace("FOLDER", $"'{path}'", StringComparison.Ordinal)}");
        }

        if (files.Contains("zero_to_fp32.py"))
        {
            throw new EngineException($"'{path}' is a folder of DeepSpeed, which is not read: its zero_to_fp32.py makes a PyTorch file of it");
        }

        if (files.Contains("saved_model.pb") || files.Contains("checkpoint"))
        {
            throw new EngineException($"'{path}' is a folder of TensorFlow, which is not read: load it with its program and save the weights as safetensors");
        }

        string[] weights = [.. files.Where(WeightsFormats.IsWeightsName)];
        throw new EngineException(weights.Length switch
        {
            0 => $"the folder '{path}' holds no weights: it has none of {string.Join(", ", Names)}",
            1 => $"the folder '{path}' has none of {string.Join(", ", Names[..4])}, but {ShownName.Of(weights[0])}: give that file",
            _ =>
                $"the folder '{path}' has none of {string.Join(", ", Names[..4])}, but "
                    + $"{string.Join(", ", weights.Take(5).Select(ShownName.Of))}{(weights.Length > 5 ? " and more" : "")}: give one of them",
        });
    }
}
