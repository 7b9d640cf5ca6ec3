using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Formats;
using Engine.Models;
using Engine.Training;

namespace Engine.Cli;

/// <summary>engine convert: rewrites saved weights in another format or with other numbers.</summary>
internal sealed class ConvertCommand : Subcommand
{
    private static readonly (string Name, StoredType Type)[] Types =
        [("float32", StoredType.F32), ("float16", StoredType.F16), ("bfloat16", StoredType.BF16), ("float64", StoredType.F64)];

    private readonly Argument<string> _input = new("IN") { Description = "A safetensors or PyTorch file (.pth) of a state dictionary, or a run folder" };
    private readonly Argument<string> _target = new("OUT") { Description = "The file to make: a PyTorch file where it ends with .pth, .pt or .th, else safetensors" };
    private readonly Option<string?> _type = SharedOptions.Text(
        "--dtype", string.Join('|', Types.Select(t => t.Name)), "What real numbers become (default: what they are); integers stay", null)!;
    private readonly Option<string?> _model = SharedOptions.Text(
        "--model", "NAME", "The network that the weights must fit; they get its names and its order", null)!;
    private readonly ModelOptions _modelOptions = new();
    private readonly Option<bool> _partial = SharedOptions.Partial();

    public ConvertCommand(CommandOutput output) : base(
        output, "convert", "Rewrite saved weights in another format or with other numbers.",
        "engine convert resnet20-12fca82f.th resnet20.safetensors --model resnet20",
        "engine convert runs/resnet20-digits-1 resnet20.pth",
        "engine convert resnet50.pth resnet50-half.safetensors --dtype float16 --json")
    {
        _type.AcceptOnlyFromAmong([.. Types.Select(t => t.Name)]);
        Add(_input);
        Add(_target);
        AddOptions([_type, _model, _partial, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        string path = arguments.GetValue(_input)!, target = arguments.GetValue(_target)!;
        path = RunFolder.WeightsIn(path);
        string? name = arguments.GetValue(_model), typeName = arguments.GetValue(_type);
        StoredType? type = typeName is null ? null : Types.First(t => t.Name == typeName).Type;
        NetworkOptions options = _modelOptions.Read(arguments);
        if (name is not null)
        {
            UsageException.Check(() => Networks.Create(name, options));
        }

        using TensorFile file = TensorFile.Open(path);
        Network? network = name is null ? null : ExportCommand.NetworkFor(name, options, file);
        LoadReport? report = network is null ? null : StateDictionary.Compare(network, file, new LoadOptions { AllowPartial = arguments.GetValue(_partial) });
        IReadOnlyDictionary<string, StoredEntry> entries = StateDictionary.Entries(network, file);
        List<StoredTensor> contents = [.. (report?.Loaded ?? entries.Keys).Select(n => file.Content(n, entries[n], type, cancellation))];
        if (contents.Count == 0)
        {
            throw new EngineException($"'{path}' holds no tensors");
        }

        TensorFile.Write(target, contents, file.Metadata.Count > 0 ? file.Metadata : new Dictionary<string, string> { ["format"] = "pt" });
        Tell(path, target, file.Format, contents, report, output);
        return Task.FromResult(ExitCodes.Success);
    }

    private static void Tell(string path, string target, string format, List<StoredTensor> contents, LoadReport? report, CommandOutput output)
    {
        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["input"] = path,
                ["format"] = format,
                ["output"] = target,
                ["tensors"] = contents.Count,
                ["bytes"] = contents.Sum(c => c.ByteCount),
                ["missing"] = Names(report?.Missing),
                ["unexpected"] = Names(report?.Unexpected),
                ["misshaped"] = Names(report?.Misshaped),
            });
            return;
        }

        output.Say(string.Create(
            CultureInfo.InvariantCulture, $"{path} ({format}): {contents.Count:N0} tensors, {contents.Sum(c => c.ByteCount):N0} bytes, written to {target}"));
        if (report is { IsComplete: false })
        {
            output.Note($"'{path}' does not fit the network entirely: {report.Differences}");
        }
    }

    private static JsonArray Names(IReadOnlyList<string>? names) => new([.. (names ?? []).Select(n => JsonValue.Create(n))]);
}
