using System.Text.Json.Nodes;
using Engine.Layers;

namespace Engine.Onnx;

/// <summary>How a network is written as an ONNX file.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>The oldest opset that can be written.</summary>
    public const int MinOpset = 17;

    /// <summary>The newest opset that can be written.</summary>
    public const int MaxOpset = 22;

    /// <summary>The version of ONNX's operators, from <see cref="MinOpset"/> to <see cref="MaxOpset"/>.</summary>
    public int Opset { get; init; } = MinOpset;

    /// <summary>Whether batch norms are worked into the convolutions before them: fewer nodes, and results that differ by rounding.</summary>
    public bool FoldBatchNorm { get; init; }

    /// <summary>How many images the network takes at once; any number where null.</summary>
    public int? Batch { get; init; }

    /// <summary>The graph's name.</summary>
    public string Name { get; init; } = "network";

    /// <summary>The names of the classes in the logits' order, for the file's metadata as a JSON list under class_names; none by default.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>More metadata, by name.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

/// <summary>What was written.</summary>
/// <param name="Operators">How often each ONNX operator is applied.</param>
/// <param name="Parameters">How many real numbers the file holds.</param>
/// <param name="Bytes">The file's size.</param>
public sealed record OnnxExportResult(IReadOnlyDictionary<string, int> Operators, long Parameters, long Bytes);

/// <summary>
/// Writes networks as ONNX files, which ONNX Runtime and others run. The graph takes "input" [N, C, H, W] and gives "logits"; its
/// constants have the names, the order and the shapes of PyTorch's state dictionary. Tables [N, C] and series [N, L, C] are taken as they are,
/// channels last; a filter of series is [K, C / groups, 1, S] there.
/// </summary>
public static class OnnxExport
{
    /// <summary>Writes a network in evaluation mode, atomically. The network is as before afterwards.</summary>
    /// <param name="model">The network, on a device; one of a user's own too, as long as its operations are made of the device's primitives.</param>
    /// <param name="image">The shape of one image, [1, H, W, C], of a table's row, [1, C], or of a series, [1, L, C]; H, W and L are fixed in the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="EngineException">
    /// An option is out of range, the network has no numbers or calls what has no form in ONNX, or the file cannot be written or would exceed 2 GiB.
    /// </exception>
    public static OnnxExportResult Save(Module model, Shape image, string path, OnnxExportOptions? options = null)
    {
        options ??= new OnnxExportOptions();
        if (options.Opset is < OnnxExportOptions.MinOpset or > OnnxExportOptions.MaxOpset)
        {
            throw new EngineException($"export to ONNX: opset {options.Opset} is not one of {OnnxExportOptions.MinOpset} to {OnnxExportOptions.MaxOpset}");
        }

        if (options.Batch < 1 || image.Rank == 0 || image[0] != 1)
        {
            throw new EngineException(
                $"export to ONNX: one image [1, H, W, C] and a batch of at least 1 are needed, but {image} and {options.Batch} were given");
        }

        OnnxGraph graph = GraphTracer.Trace(model, image, options.Batch, options.Opset);
        BiasMerging.Run(graph);
        if (options.FoldBatchNorm)
        {
            BatchNormFolding.Run(graph);
        }

        Dictionary<string, string> metadata = new(options.Metadata);
        if (options.ClassNames.Count > 0)
        {
            metadata["class_names"] = new JsonArray([.. options.ClassNames.Select(name => JsonValue.Create(name))]).ToJsonString();
        }

        long bytes = OnnxFile.Write(graph, path, options.Opset, options.Name, metadata);
        return new OnnxExportResult(
            graph.Nodes.CountBy(n => n.Operation).ToDictionary(),
            graph.Constants.Values.Where(c => c.Integers is null).Sum(c => c.ByteCount / sizeof(float)),
            bytes);
    }
}
