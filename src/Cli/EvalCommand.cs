using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Training;
using Engine.Vision;

namespace Engine.Cli;

/// <summary>engine eval: evaluates saved weights on a data set's test images.</summary>
internal sealed class EvalCommand : Subcommand
{
    private readonly SavedNetworkOptions _saved = new();
    private readonly AdaptOptions _adapt = new();
    private readonly Option<bool> _partial = SharedOptions.Partial();
    private readonly Option<string> _data = SharedOptions.Data(null, withTables: true);
    private readonly Option<string?> _dataDir = SharedOptions.DataDir();
    private readonly Option<string?> _normalize = SharedOptions.Normalize("as in training");
    private readonly Option<int?> _batchSize = SharedOptions.BatchSize("256");
    private readonly ImageSizeOptions _sizes = new();
    private readonly Option<bool> _tenCrop = new("--ten-crop")
    {
        Description = "Average over ten crops: the four corners, the center, and their mirror images; for image folders",
    };

    private readonly Option<string?> _scales = OptionKinds.Text(
        "--scales", "N,N,...", "Average over whole images resized so that the shorter side has these lengths (the paper's: 224,256,384,480,640); for "
            + "image folders")!;
    private readonly Option<bool> _perClass = new("--per-class")
    {
        Description = "Print precision, recall and F1 of each class, and which classes are taken for which",
    };
    private readonly Option<bool> _flip = new("--flip") { Description = "Average the answers to each image and to its mirror image" };
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string> _precision = SharedOptions.Precision();
    private readonly ConvolutionOptions _convolutions = new();

    public EvalCommand(CommandOutput output) : base(
        output, "eval", "Evaluate saved weights on a data set's test images, or on a table.",
        "engine eval --weights runs/resnet20-digits-1",
        "engine eval --weights runs/mlp-iris-1 --data table:new.csv",
        "engine eval --model resnet20 --weights resnet20-12fca82f.th --data cifar10 --data-dir cifar-10-binary.tar.gz --normalize imagenet --json",
        "engine eval --model resnet50 --weights resnet50.pth --data folder:imagenet --scales 224,256,384,480,640")
    {
        AddOptions([.. _saved.Weights, _partial, _data, _dataDir, _normalize, _batchSize, .. _sizes.All, _tenCrop, _scales, _flip, _perClass, _device, _threads,
            _precision, .. _convolutions.All, .. _adapt.All, .. _saved.Network]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        int batchSize = arguments.GetValue(_batchSize) ?? 256;
        string? dataName = arguments.GetValue(_data);
        if (dataName is not null)
        {
            dataName = TableData.IsTable(dataName) ? TableData.Resolve(dataName) : DataChoice.Check(dataName);
        }

        using SavedModel saved = _saved.OpenAny(arguments, out ChosenNetwork? images);
        if (images is not { } chosen)
        {
            RunOnTable(arguments, saved, dataName, batchSize, output, cancellation);
            return Task.FromResult(ExitCodes.Success);
        }

        if (TableData.IsTable(dataName))
        {
            throw new UsageException($"--data is a table, but '{saved.Path}' was not trained on one");
        }

        RunManifest? trained = saved.Manifest;
        string model = chosen.Model;
        if (dataName is null)
        {
            dataName = SavedWeights.DataOf(saved);
            trained = trained! with { Data = dataName };
        }

        ImageChoices trainedOn = trained is not null && FolderSet.IsFolder(dataName) && FolderSet.IsFolder(trained.Data) ? trained.Part<ImageChoices>() : new();
        ImageChoices choices = _sizes.Apply(arguments, trainedOn);
        (ImageViews views, int[] sides) = ReadViews(arguments, dataName);
        bool flips = arguments.GetValue(_flip);
        if (flips && views != ImageViews.Center)
        {
            throw new UsageException("--flip cannot be combined with --ten-crop, which has mirror images already, or --scales");
        }

        if (arguments.GetValue(_perClass) && views != ImageViews.Center)
        {
            throw new UsageException("--per-class cannot be combined with --ten-crop and --scales");
        }

        ImageDataset opened = DataChoice.Open(
            dataName, arguments.GetValue(_dataDir), choices, chosen.Network.ImageSize, FolderUse.Testing, saved.Data?.Classes, output, cancellation);
        ImageDataset data = _adapt.Adapt(arguments, opened, trained);
        if (views != ImageViews.Center && data.Test is not FolderSource)
        {
            throw new UsageException("--ten-crop and --scales cannot be combined with --channels or --pad-to");
        }

        if (data.Test.Count == 0)
        {
            throw new EngineException(
                $"'{data.Name}' has no images to test on: it has neither a folder 'test' nor one of 'val', 'valid', 'validation' and 'dev'");
        }

        using Device device = DeviceChoice.Open(
            arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!, convolutions: _convolutions.Read(arguments));
        Network network = chosen.Fit(data.Train.Channels, data.ClassNames.Count);
        network.To(device);
        LoadReport report = saved.Load(network, new LoadOptions { AllowPartial = arguments.GetValue(_partial) });
        SavedWeights.Remark(saved, output);
        if (!report.IsComplete)
        {
            output.Note($"'{_saved.PathOf(arguments)}' does not fit {model} completely: {report.Differences}");
        }

        PixelNormalization normalization = NormalizationFor(arguments.GetValue(_normalize), data, trained, saved.Data);
        if (data.Test is FolderSource folder && views != ImageViews.Center)
        {
            using ImageClassifier classifier = new(network, device, folder.Options, folder.Channels, normalization);
            Tell(
                ViewEvaluation.Run(classifier, folder, views == ImageViews.TenCrop ? Math.Max(1, batchSize / 10) : batchSize, views, sides, cancellation),
                model, data, output);
            return Task.FromResult(ExitCodes.Success);
        }

        using DataLoader loader = new(device, data.Test, DataLoaderOptions.Evaluation(Math.Min(batchSize, data.Test.Count), normalization));
        using FlipAveraging? flipped = flips ? new FlipAveraging(network) : null;
        EvaluationResult result = Evaluation.Run(flipped ?? (Module)network, loader, cancellation);
        Action<JsonObject?>? perClass = null;
        if (arguments.GetValue(_perClass))
        {
            float[] outputs = Evaluation.Outputs(flipped ?? (Module)network, loader, cancellation);
            int[] labels = [.. Enumerable.Range(0, data.Test.Count).Select(data.Test.Label)];
            perClass = line => PerClassFigures.Tell(line, outputs, labels, data.ClassNames, output);
        }

        Tell(result, model, data, output, perClass);
        return Task.FromResult(ExitCodes.Success);
    }

    private void RunOnTable(
        ParseResult arguments, SavedModel saved, string? data, int batchSize, CommandOutput output, CancellationToken cancellation)
    {
        SavedNetworkOptions.RefuseForTables(
            arguments, [_partial, _dataDir, _normalize, .. _sizes.All, _tenCrop, _scales, _flip, .. _adapt.All]);
        if (data is not null && !TableData.IsTable(data))
        {
            throw new UsageException($"--data is {data}, but '{saved.Path}' was trained on a table: give {TableData.Prefix}FILE, or leave it out");
        }

        using SavedTable table = SavedTable.Of(saved);
        using Device device = DeviceChoice.Open(
            arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!, convolutions: _convolutions.Read(arguments));
        TableEvaluation.Run(table, data, device, batchSize, arguments.GetValue(_perClass), output, cancellation);
    }

    private (ImageViews Views, int[] Sides) ReadViews(ParseResult arguments, string dataName)
    {
        bool isTen = arguments.GetValue(_tenCrop);
        if (arguments.GetValue(_scales) is not { } text)
        {
            return !isTen || FolderSet.IsFolder(dataName)
                ? (isTen ? ImageViews.TenCrop : ImageViews.Center, [])
                : throw new UsageException($"--ten-crop is for image folders (--data {FolderSet.Prefix}DIR), but the data set is {dataName}");
        }

        string[] parts = text.Split(',');
        int[] sides = [.. parts.Select(p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out int side) ? side : 0)];
        return isTen ? throw new UsageException("--ten-crop and --scales cannot be combined")
            : sides.Any(s => s is < 1 or > 4096) ? throw new UsageException($"--scales is '{text}', but must be sizes from 1 to 4096, separated by commas")
            : !FolderSet.IsFolder(dataName) ? throw new UsageException(
                $"--scales is for image folders (--data {FolderSet.Prefix}DIR), but the data set is {dataName}")
            : (ImageViews.Scales, sides);
    }

    // As in training, on the images that were trained on; weights from elsewhere are taken to be of the usual recipe.
    private static PixelNormalization NormalizationFor(string? name, ImageDataset data, RunManifest? trained, DataDescription? description) =>
        name is null && description is not null && (
            description.Height, description.Width, description.Channels) == (data.Train.Height, data.Train.Width, data.Train.Channels)
            ? description.Normalization()
            : name is null && trained is null && data.Normalization is { } constants
            ? constants
            : name is not null || trained is null
            ? UsageException.Check(() => PixelNormalization.Named(name ?? "dataset", data))
            : Trainer.NormalizationOf(
                trained.Training.ValidationCount is > 0 and int held && trained.Data == data.Name ? data.WithValidation(held, trained.Training.Seed) : data,
                trained.Training);

    private static void Tell(
        EvaluationResult result, string model, ImageDataset data, CommandOutput output, Action<JsonObject?>? perClass = null)
    {
        if (output.IsJson)
        {
            JsonObject line = new()
            {
                ["correct"] = result.Correct,
                ["total"] = result.Total,
                ["loss"] = CommandOutput.Number(result.Loss),
                ["model"] = model,
                ["data"] = data.Name,
            };
            if (result.CorrectTop5 is { } top)
            {
                line["correct_top5"] = top;
            }

            perClass?.Invoke(line);
            output.Json(line);
            return;
        }

        CultureInfo culture = CultureInfo.InvariantCulture;
        string fifth = result.CorrectTop5 is { } five ? string.Create(culture, $", top-5 {(double)five / result.Total:P2}") : "";
        output.Say(string.Create(
            culture, $"{model} on {data.Name}: {(double)result.Correct / result.Total:P2} ({result.Correct:N0} of {result.Total:N0}){fifth}, loss "
                + $"{result.Loss:F4}"));
        perClass?.Invoke(null);
    }
}
