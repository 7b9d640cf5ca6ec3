using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Onnx;
using Engine.Training;

namespace Engine.Cli;

/// <summary>engine export: writes saved weights as an ONNX file.</summary>
internal sealed class ExportCommand : Subcommand
{
    private readonly Argument<string> _output = new("OUT.onnx") { Description = "File to write" };
    private readonly SavedNetworkOptions _saved = new();
    private readonly Option<bool> _fold = new("--fold") { Description = "Fold batch norms into the convolutions before them" };
    private readonly Option<int?> _opset = OptionKinds.Number<int>(
        "--opset", "N", "Version of ONNX's operator set", shown: $"{OnnxExportOptions.MinOpset}", least: OnnxExportOptions.MinOpset,
        most: OnnxExportOptions.MaxOpset);
    private readonly Option<string> _batch = OptionKinds.Text("--batch", "dynamic|N", "Batch size of the exported network", "dynamic");
    private readonly Option<int?> _imageSize = OptionKinds.Number<int>(
        "--image-size", "N", "Height and width of the images", shown: "as in training, or the network's usual size", least: 1);

    public ExportCommand(CommandOutput output) : base(
        output, "export", "Export saved weights as an ONNX file, for ONNX Runtime and others.",
        "engine export --weights runs/resnet20-digits-1 digits.onnx",
        "engine export --model resnet50 --weights resnet50.safetensors --fold --batch 1 resnet50.onnx")
    {
        Add(_output);
        AddOptions([.. _saved.Weights, _fold, _opset, _batch, _imageSize, .. _saved.Network]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        OnnxExportOptions options = ReadOptions(arguments);
        using SavedModel saved = _saved.Open(arguments, out ChosenNetwork chosen);
        string model = chosen.Model;
        DataDescription? data = saved.Data;
        using CpuDevice device = new();
        Network network = chosen.Fit(saved.File);
        network.To(device);
        saved.Load(network);
        SavedWeights.Remark(saved, output);
        Shape image = ImageShape(arguments.GetValue(_imageSize), network, data);
        options = options with
        {
            Name = model,
            ClassNames = data?.Classes.Count == network.Classes ? data.Classes : [],
            Metadata = Metadata(model, data),
        };
        string target = arguments.GetValue(_output)!;
        OnnxExportResult result = OnnxExport.Save(network, image, target, options);
        Tell(target, model, image, network, options, result, output);
        return Task.FromResult(ExitCodes.Success);
    }

    private OnnxExportOptions ReadOptions(ParseResult arguments)
    {
        int opset = arguments.GetValue(_opset) ?? OnnxExportOptions.MinOpset;
        string text = arguments.GetValue(_batch)!;
        int? batch = null;
        if (text != "dynamic")
        {
            batch = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count >= 1
                ? count
                : throw new UsageException($"--batch is '{text}', but must be 'dynamic' or a whole number of at least 1");
        }

        return new OnnxExportOptions { Opset = opset, Batch = batch, FoldBatchNorm = arguments.GetValue(_fold) };
    }

    private static Shape ImageShape(int? size, Network network, DataDescription? data)
    {
        int extent = size ?? network.ImageSize;
        return size is null && data?.Channels == network.Channels ? new Shape(
            1, data.Height, data.Width, data.Channels) : new Shape(1, extent, extent, network.Channels);
    }

    private static Dictionary<string, string> Metadata(string model, DataDescription? data)
    {
        Dictionary<string, string> metadata = new() { ["model"] = model };
        if (data is not null)
        {
            metadata["data"] = data.Name;
        }

        return metadata;
    }

    private static void Tell(
        string path, string model, Shape image, Network network, OnnxExportOptions options, OnnxExportResult result, CommandOutput output)
    {
        string batch = options.Batch?.ToString(CultureInfo.InvariantCulture) ?? "N";
        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["file"] = path,
                ["bytes"] = result.Bytes,
                ["model"] = model,
                ["opset"] = options.Opset,
                ["folded"] = options.FoldBatchNorm,
                ["batch"] = options.Batch,
                ["input"] = new JsonArray(image[3], image[1], image[2]),
                ["classes"] = network.Classes,
                ["numbers"] = result.Parameters,
                ["operators"] = new JsonObject([.. result.Operators.Select(o => KeyValuePair.Create(o.Key, (JsonNode?)JsonValue.Create(o.Value)))]),
            });
            return;
        }

        output.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{path}: {model}, opset {options.Opset}, input [{batch}, {image[3]}, {image[1]}, {image[2]}], logits [{batch}, {network.Classes}], "
                + $"{result.Bytes:N0} bytes"));
        output.Say($"operators: {string.Join(", ", result.Operators.Select(o => $"{o.Value} {o.Key}"))}");
    }
}
