using System.Text;

namespace Engine.Formats;

/// <summary>
/// Names what is handed over as weights but holds none that can be read: other programs' models, programs instead of weights, web pages,
/// archives. Each gets one line that says what it is and what to do.
/// </summary>
internal static class ForeignFiles
{
    /// <summary>What makes one file of a torch.distributed.checkpoint folder.</summary>
    public const string DistributedRemedy =
        "torch.distributed.checkpoint.format_utils.dcp_to_torch_save(FOLDER, 'weights.pth') makes a file of it";

    private const string Resave = "load it with its program and save the weights as safetensors";

    /// <summary>What a file is by its first bytes and its name; null where it may be weights.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Its first bytes, 512 at most.</param>
    /// <returns>What goes on after the file's name.</returns>
    public static string? Describe(string path, ReadOnlySpan<byte> start)
    {
        string text = Encoding.Latin1.GetString(start).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\r', '\n', '\t');
        string extension = Path.GetExtension(path).ToLowerInvariant();
        return start switch
        {
            _ when extension == ".distcp" => $"is a part of a torch.distributed.checkpoint folder, which is not read: {DistributedRemedy}",
            _ when start.StartsWith("GGUF"u8) || start.StartsWith("lmgg"u8) || start.StartsWith("tjgg"u8) =>
                "is a GGUF file, as llama.cpp reads them, which is not read: take the safetensors or PyTorch file that it was made from",
            [0x89, (byte)'H', (byte)'D', (byte)'F', ..] => $"is an HDF5 file, as Keras writes them, which is not read: {Resave}",
            [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..] =>
                "is a NumPy array, not a state dictionary: save_file of safetensors.numpy writes named arrays",
            _ when start.Length >= 8 && start[4..8].SequenceEqual("TFL3"u8) => $"is a TensorFlow Lite model, which is not read: {Resave}",
            _ when start.Length >= 8 && start[4..8].SequenceEqual("ET12"u8) =>
                "is an ExecuTorch program, not weights: save the model's state_dict() with torch.save instead",
            [0x08, < 0x20, ..] when extension is ".onnx" or ".ort" || start.IndexOf("pytorch"u8) is > 0 and < 16 || start.IndexOf("onnx"u8) is > 0 and < 16 =>
                "is an ONNX model, which is written but not read: save the state_dict() of the network that it was exported from",
            _ when extension == ".pb" || Path.GetFileName(path).Contains(".ckpt-", StringComparison.Ordinal) || Path.GetFileName(path).Contains(
                ".data-00000-of-", StringComparison.Ordinal) =>
                $"is a TensorFlow file, which is not read: {Resave}",
            _ when text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || text.StartsWith(
                "<html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase) =>
                "is a web page, not weights: the address that it was downloaded from leads to a page about the file, or to an error",
            _ when text.StartsWith("version https://git-lfs", StringComparison.Ordinal) =>
                "is a Git LFS pointer, not the file itself: get it with 'git lfs pull'",
            _ when start.Length > 262 && start[257..262].SequenceEqual("ustar"u8) =>
                "is a tar file: where it is of PyTorch before 0.1.10, load it with PyTorch and save it again; else unpack it first",
            [0x1F, 0x8B, ..] => Packed("gzip"),
            [(byte)'B', (byte)'Z', (byte)'h', ..] => Packed("bzip2"),
            [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => Packed("xz"),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Packed("Zstandard"),
            [(byte)'7', (byte)'z', 0xBC, 0xAF, ..] => Packed("7-Zip"),
            [0x89, (byte)'P', (byte)'N', (byte)'G', ..] or [0xFF, 0xD8, 0xFF, ..] => "is an image, not weights",
            _ when start.Length >= 64 && start.IndexOfAnyExcept((byte)0) < 0 =>
                "holds nothing but zeros at its beginning: it was not downloaded to its end, or is damaged",
            _ => null,
        };
    }

    /// <summary>What a zip file is by the names in it; null where it may be one of torch.save.</summary>
    /// <param name="names">The paths in the zip file.</param>
    /// <returns>What goes on after the file's name.</returns>
    public static string? DescribeZip(IReadOnlyCollection<string> names)
    {
        if (names.Any(n => n.Contains("/code/", StringComparison.Ordinal)) || Has("bytecode.pkl"))
        {
            return "is a TorchScript program, which is not read: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth') makes weights of it";
        }

        if (Has("archive_format") || Has("serialized_exported_program.json") || names.Any(n => n.EndsWith("/models/model.json", StringComparison.Ordinal)))
        {
            return "is a program of torch.export, which is not read: torch.save(torch.export.load(FILE).state_dict, 'weights.pth') saves its state_dict()";
        }

        if (Has("extern_modules") || Has("python_version"))
        {
            return "is a torch.package with code, which is not read: load it with torch.package.PackageImporter and save the model's state_dict() with "
                + "torch.save";
        }

        if (names.Any(n => n.EndsWith("data.pkl", StringComparison.Ordinal)))
        {
            return null;
        }

        if (Has("model.weights.h5") || (Has("config.json") && Has("metadata.json")))
        {
            return $"is a Keras model, which is not read: {Resave}";
        }

        if (names.Count > 0 && names.All(n => n.EndsWith(".npy", StringComparison.Ordinal)))
        {
            return "is a NumPy archive (.npz), which is not read: save_file of safetensors.numpy writes its arrays so that they are";
        }

        return names.FirstOrDefault(n => WeightsFormats.IsWeightsName(n)) is { } inside
            ? $"is a zip file with {ShownName.Of(inside)} in it: unpack it first"
            : $"is a zip file, but not one of torch.save: it has no "
                + $"data.pkl{(names.Count == 0 ? "" : $", but {ShownName.Of(names.First())}{(names.Count > 1 ? $" and {names.Count - 1} more" : "")}")}";

        bool Has(string name) => names.Any(n => n == name || n.EndsWith("/" + name, StringComparison.Ordinal));
    }

    /// <summary>What the names of a file's tensors tell of where they are from; null for nothing known.</summary>
    /// <param name="names">The names.</param>
    /// <returns>What goes on after the file's name.</returns>
    public static string? DescribeNames(IEnumerable<string> names) =>
        names.Any(n => n.Contains(
            "embedder.embedder.convolution.", StringComparison.Ordinal) || n.Contains("encoder.stages.0.layers.0.", StringComparison.Ordinal))
            ? "is a ResNet of transformers, which has names of its own: load the same network with timm or torchvision and save its state_dict()"
            : null;

    /// <summary>What to do about things in tensors' places that cannot be read; empty where nothing is known.</summary>
    /// <param name="kinds">Their types and classes.</param>
    /// <returns>What goes on after a message.</returns>
    public static string Remedy(IEnumerable<string> kinds)
    {
        foreach (string kind in kinds)
        {
            if (kind.Contains("DTensor", StringComparison.Ordinal) || kind.Contains("ShardedTensor", StringComparison.Ordinal))
            {
                return "; such a tensor is spread over several processes: save it whole, with get_model_state_dict and StateDictOptions(full_state_dict=True)";
            }

            if (kind.StartsWith("numpy.", StringComparison.Ordinal))
            {
                return "; make tensors of NumPy's arrays with torch.from_numpy and save them again";
            }

            if (kind.Contains("quantized", StringComparison.Ordinal))
            {
                return "; save the network's weights before they are quantized";
            }
        }

        return "";
    }

    private static string Packed(string program) => $"is compressed with {program}: unpack it first";
}
