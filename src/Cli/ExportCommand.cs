using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Devices.Cpu;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Onnx;
using Engine.Tensors;
using Engine.Training;

namespace Engine.Cli;

/// <summary>engine export: writes saved weights as an ONNX file.</summary>
internal sealed class ExportCommand : Subcommand
{
    private readonly Argument<string> _output = new("OUT.onnx") { Description = "The file to write" };
    private readonly Option<string> _model = SharedOptions.Model(null);
    private readonly Option<string> _weights = SharedOptions.Text(
        "--weights", "FILE", "A safetensors or PyTorch file (.pth) of a state dictionary, or a run folder", null);
    private readonly Option<string?> _key = SavedWeights.KeyOption();
    private readonly Option<bool> _fold = new("--fold") { Description = "Work batch norms into the convolutions before them" };
    private readonly Option<int?> _opset = SharedOptions.Number<int>(
        "--opset", "N", $"The version of ONNX's operators, {OnnxExportOptions.MinOpset} to {OnnxExportOptions.MaxOpset} (default: {OnnxExportOptions.MinOpset})");
    private readonly Option<string> _batch = SharedOptions.Text("--batch", "dynamic|N", "How many images the file takes at once", "dynamic");
    private readonly ModelOptions _modelOptions = new();
    private readonly Option<int?> _imageSize = SharedOptions.Number<int>(
        "--image-size", "S", "Height and width of the images (default: as in training, or the network's own)");

    public ExportCommand(CommandOutput output) : base(
        output, "export", "Write saved weights as an ONNX file, which ONNX Runtime and others run.",
        "engine export --weights runs/resnet20-digits-1 digits.onnx",
        "engine export --model resnet50 --weights resnet50.safetensors --fold --batch 1 resnet50.onnx")
    {
        _weights.Required = true;
        Add(_output);
        AddOptions([_model, _weights, _key, _fold, _opset, _batch, _imageSize, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        string path = arguments.GetValue(_weights)!;
        OnnxExportOptions options = ReadOptions(arguments);
        string? model = arguments.GetValue(_model);
        if (model is not null)
        {
            UsageException.Check(() => Networks.Create(model, _modelOptions.Read(arguments)));
        }

        using SavedModel saved = SavedModel.Open(path, arguments.GetValue(_key));
        TrainingOptions? trained = saved.Training;
        model = SavedWeights.ModelOf(saved, model);
        DataDescription? data = saved.Data;
        using CpuDevice device = new();
        Network network = NetworkFor(model, _modelOptions.Read(arguments, trained?.Model == model ? trained.ModelOptions : ""), saved.File);
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
        if (opset is < OnnxExportOptions.MinOpset or > OnnxExportOptions.MaxOpset)
        {
            throw new UsageException($"--opset is {opset}, but must be from {OnnxExportOptions.MinOpset} to {OnnxExportOptions.MaxOpset}");
        }

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

    /// <summary>A network without numbers for a file, which tells the channels and the classes by the shapes of its first filter and its last bias.</summary>
    internal static Network NetworkFor(string model, NetworkOptions options, TensorFile file)
    {
        Network standard = UsageException.Check(() => Networks.Create(model, options));
        (string first, _) = standard.Parameters.First();
        (string last, _) = standard.Parameters.Last();
        return UsageException.Check(() => Networks.Create(model, options with
        {
            Channels = StateDictionary.Find(standard, file, first) is { Extents: [_, >= 1 and <= int.MaxValue, _, _] filter } ? (int)filter[1] : null,
            Classes = StateDictionary.Find(standard, file, last) is { Extents: [>= 1 and <= int.MaxValue] bias } ? (int)bias[0] : null,
        }));
    }

    private static Shape ImageShape(int? size, Network network, DataDescription? data)
    {
        if (size < 1)
        {
            throw new UsageException($"--image-size is {size}, but must be at least 1");
        }

        int extent = size ?? network.ImageSize;
        return size is null && data?.Channels == network.Channels ? new Shape(1, data.Height, data.Width, data.Channels) : new Shape(1, extent, extent, network.Channels);
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
            $"{path}: {model}, opset {options.Opset}, input [{batch}, {image[3]}, {image[1]}, {image[2]}], logits [{batch}, {network.Classes}], {result.Bytes:N0} bytes"));
        output.Say($"operators: {string.Join(", ", result.Operators.Select(o => $"{o.Value} {o.Key}"))}");
    }
}
