using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Formats;
using Engine.Models;
using Engine.Training;

namespace Engine.Cli;

/// <summary>engine convert: converts saved weights to another format or type.</summary>
internal sealed class ConvertCommand : Subcommand
{
    private static readonly (string Name, StoredType Type)[] Types =
        [("float32", StoredType.F32), ("float16", StoredType.F16), ("bfloat16", StoredType.BF16), ("float64", StoredType.F64)];

    private readonly Argument<string> _input = new("IN")
    {
        Description = "Weights: a safetensors or PyTorch file (.pth) with a state dictionary, or a "
        + "run folder"
    };
    private readonly Argument<string> _target = new("OUT")
    {
        Description = $"File to write: safetensors if its name ends with {WeightsFormats.SafetensorsName}, a PyTorch file if with "
            + $"{string.Join(", ", WeightsFormats.PyTorchNames)}",
    };

    private readonly Option<string?> _key = SavedWeights.KeyOption();
    private readonly Option<string?> _type = OptionKinds.OneOf(
        "--dtype", [.. Types.Select(t => t.Name)], "Type of the floating-point values; integers stay as they are", shown: "unchanged")!;
    private readonly Option<string> _model = SharedOptions.Model(null);
    private readonly ModelOptions _modelOptions = new();
    private readonly Option<bool> _partial = SharedOptions.Partial();

    public ConvertCommand(CommandOutput output) : base(
        output, "convert", "Convert saved weights to another format or type.",
        "engine convert resnet20-12fca82f.th resnet20.safetensors --model resnet20",
        "engine convert runs/resnet20-digits-1 resnet20.pth",
        "engine convert resnet50.pth resnet50-half.safetensors --dtype float16 --json")
    {
        Add(_input);
        Add(_target);
        AddOptions([_type, _key, _model, _partial, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        string target = arguments.GetValue(_target)!;
        AtomicFile.CheckTarget(target);
        string written = UsageException.Check(() => WeightsFormats.NameOf(target));
        string? name = arguments.GetValue(_model), typeName = arguments.GetValue(_type);
        StoredType? type = typeName is null ? null : Types.First(t => t.Name == typeName).Type;
        NetworkOptions options = _modelOptions.Read(arguments);
        ChosenNetwork? chosen = name is null ? null : ChosenNetwork.Create(name, options);
        using SavedModel saved = SavedModel.Open(arguments.GetValue(_input)!, arguments.GetValue(_key));
        TensorFile file = saved.File;
        bool isPartial = arguments.GetValue(_partial);
        Network? network = chosen?.Fit(file);
        LoadReport? report = network is null ? null : StateDictionary.Compare(network, file, new LoadOptions { AllowPartial = isPartial });
        if (network is null && !isPartial && file.Unread.FirstOrDefault(u => u.IsWeight) is { } unread)
        {
            throw new EngineException(
                $"'{file.Path}' has {ShownName.Of(unread.Name)}, which is {unread.Kind} and cannot be read: --partial skips it{unread.Remedy}");
        }

        IReadOnlyDictionary<string, StoredEntry> entries = StateDictionary.Entries(network, file);
        (string Name, StoredEntry Entry)[] kept = [.. (report?.Loaded ?? entries.Keys).Select(n => (n, entries[n]))];
        if (kept.Length == 0)
        {
            throw new EngineException($"'{file.Path}' holds no tensors");
        }

        IReadOnlyList<WeightFindings> findings = WeightInspection.Inspect(file, kept.Select(k => (k.Name, k.Entry, type ?? k.Entry.Type)), cancellation);
        List<StoredTensor> contents = [.. kept.Select(k => file.Content(k.Name, k.Entry, type, cancellation))];
        TensorFile.Write(target, contents, file.Metadata.Count > 0 ? saved.MetadataWithoutPlaces() : new Dictionary<string, string> { ["format"] = "pt" });
        Tell(file, target, written, contents, report, findings, output);
        return Task.FromResult(ExitCodes.Success);
    }

    private static void Tell(
        TensorFile file, string target, string written, List<StoredTensor> contents, LoadReport? report, IReadOnlyList<WeightFindings> findings,
        CommandOutput output)
    {
        foreach (WeightFindings odd in findings)
        {
            output.Note($"note: {ShownName.Of(odd.Name)} of '{file.Path}': {odd.Text}");
        }

        if (report?.Prefix is { Length: > 0 } prefix)
        {
            output.Note($"note: the names in '{file.Path}' begin with '{ShownName.Of(prefix)}', which is removed");
        }

        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["input"] = file.Path,
                ["format"] = file.Format,
                ["output"] = target,
                ["output_format"] = written,
                ["tensors"] = contents.Count,
                ["bytes"] = contents.Sum(c => c.ByteCount),
                ["missing"] = Names(report?.Missing),
                ["unexpected"] = Names(report?.Unexpected ?? [.. file.Unread.Where(u => u.IsWeight).Select(u => u.Name)]),
                ["misshaped"] = Names(report?.Misshaped),
                ["not_finite"] = Names([.. findings.Where(f => !f.IsFinite).Select(f => f.Name)]),
                ["negative_variances"] = Names([.. findings.Where(f => f.Negatives > 0).Select(f => f.Name)]),
            });
            return;
        }

        output.Say(string.Create(
            CultureInfo.InvariantCulture, $"{file.Path} ({file.Format}): {Words.Count(contents.Count, "tensor")}, {contents.Sum(c => c.ByteCount):N0} bytes, "
                + $"written to {target} ({written})"));
        if (report is { IsComplete: false })
        {
            output.Note($"'{file.Path}' does not fit the network completely: {report.Differences}");
        }
        else if (report is null && file.Unread.Where(u => u.IsWeight).ToArray() is { Length: > 0 } left)
        {
            output.Note($"skipped in '{file.Path}', because it cannot be read: {string.Join(", ", left.Select(u => $"{ShownName.Of(u.Name)} ({u.Kind})"))}");
        }
    }

    private static JsonArray Names(IReadOnlyList<string>? names) => new([.. (names ?? []).Select(n => JsonValue.Create(n))]);
}
