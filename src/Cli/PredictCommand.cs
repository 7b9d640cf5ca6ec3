using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Formats;
using Engine.Models;
using Engine.Training;
using Engine.Vision;

namespace Engine.Cli;

/// <summary>engine predict: classifies image files, or predicts the rows of tables, as the weights were trained.</summary>
internal sealed class PredictCommand : Subcommand
{
    private readonly Argument<string[]> _images = new("FILE")
    {
        Description = "Image files (JPEG, PNG, WebP, BMP, GIF, TIFF, PNM), or folders with such files; of weights that were trained on a table, CSV files",
        Arity = ArgumentArity.OneOrMore
    };
    private readonly SavedNetworkOptions _saved = new();
    private readonly Option<int?> _top = OptionKinds.Number<int>("--top", "N", "Number of classes to print, the most likely first", shown: "5", least: 1);
    private readonly Option<string?> _labels = OptionKinds.Text(
        "--labels", "FILE", "Class names, one per line, or JSON such as imagenet_class_index.json", shown: "those stored with the weights")!;
    private readonly ImageSizeOptions _sizes = new();
    private readonly Option<string?> _normalize = OptionKinds.OneOf(
        "--normalize", ["imagenet", "none"], "How pixels are normalized: with ImageNet's constants, or only divided by 255", shown: "as in training, or "
            + "imagenet")!;
    private readonly Option<string?> _out = OptionKinds.Text(
        "--out", "FILE.csv", "Tables: write the table with the predictions as further columns, instead of printing them")!;
    private readonly Option<int?> _batchSize = SharedOptions.BatchSize("16; 256 for tables");
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string> _precision = SharedOptions.Precision();

    public PredictCommand(CommandOutput output) : base(
        output, "predict", "Classify images, or predict the rows of a table.",
        "engine predict --model resnet50 --weights resnet50.pth --labels imagenet.txt cat.jpg dog.png",
        "engine predict --weights runs/resnet20-cifar10-1 --top 3 --json *.jpg",
        "engine predict --weights runs/mlp-iris-1 new.csv --out predicted.csv")
    {
        Add(_images);
        AddOptions([.. _saved.Weights, _top, _out, _labels, .. _sizes.All, _normalize, _batchSize, _device, _threads, _precision, .. _saved.Network]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        int top = arguments.GetValue(_top) ?? 5;
        int batchSize = arguments.GetValue(_batchSize) ?? 16;
        using SavedModel saved = _saved.OpenAny(arguments, out ChosenNetwork? found);
        if (found is not { } chosen)
        {
            return Task.FromResult(PredictRows(arguments, saved, top, output, cancellation));
        }

        if (arguments.GetValue(_out) is not null)
        {
            throw new UsageException($"--out is for tables, but '{saved.Path}' was not trained on one: leave it out");
        }

        DataDescription? data = saved.Data;
        string[]? labels = arguments.GetValue(_labels) is { } labelFile ? ClassLabels.Read(labelFile) : null;
        Network network = chosen.Fit(saved.File);
        labels ??= data is null ? null : [.. data.Classes];
        if (labels is not null && labels.Length != network.Classes)
        {
            throw new EngineException(
                $"there are {Words.Count(labels.Length, "class name")}, but the network in '{_saved.PathOf(arguments)}' has "
                    + $"{Words.Count(network.Classes, "class", "classes")}");
        }

        ImageOptions sizes = SizesFor(arguments, saved, network);
        PixelNormalization normalization = NormalizationFor(arguments.GetValue(_normalize), data, network, sizes);
        using Device device = DeviceChoice.Open(arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!);
        network.To(device);
        saved.Load(network);
        SavedWeights.Remark(saved, output);
        using ImageClassifier classifier = new(network, device, sizes, network.Channels, normalization);
        int failures = 0;
        IReadOnlyList<string> images = ImageFiles.Expand(arguments.GetValue(_images)!, remark => output.Note($"note: {remark}"), cancellation);
        foreach (ImageScores scores in classifier.Run(images, batchSize, cancellation: cancellation))
        {
            failures += Tell(scores, top, labels, output) ? 0 : 1;
        }

        return Task.FromResult(failures == 0 ? ExitCodes.Success : ExitCodes.Failure);
    }

    private int PredictRows(ParseResult arguments, SavedModel saved, int top, CommandOutput output, CancellationToken cancellation)
    {
        const int usualBatch = 256;
        SavedNetworkOptions.RefuseForTables(arguments, [_labels, .. _sizes.All, _normalize]);
        string[] files = arguments.GetValue(_images)!;
        string? path = arguments.GetValue(_out);
        if (path is not null && files.Length > 1)
        {
            throw new UsageException($"--out takes the rows of one table, but {Words.Count(files.Length, "file")} are given");
        }

        using SavedTable table = SavedTable.Of(saved);
        using Device device = DeviceChoice.Open(arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!);
        table.Load(device, output);
        TablePrediction prediction = new(table, device, arguments.GetValue(_batchSize) ?? usualBatch, top, output);
        if (path is not null)
        {
            prediction.Write(files[0], path, cancellation);
            return ExitCodes.Success;
        }

        return prediction.Print(files, cancellation) == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private ImageOptions SizesFor(ParseResult arguments, SavedModel saved, Network network)
    {
        // A run on images of one size takes others at that size.
        ImageChoices images = saved.Manifest is { } run && FolderSet.IsFolder(run.Data) ? run.Part<ImageChoices>() : new() { ImageSize = saved.Data?.Height };
        return UsageException.Check(() => _sizes.Apply(arguments, images).For(network.ImageSize));
    }

    private static PixelNormalization NormalizationFor(string? name, DataDescription? data, Network network, ImageOptions images) => name switch
    {
        "none" => PixelNormalization.None(network.Channels),
        "imagenet" => network.Channels == 3
            ? PixelNormalization.ImageNet
            : throw new UsageException($"--normalize imagenet is for color images, but the network takes {Words.Count(network.Channels, "channel")}"),
        _ when data is null => network.Channels == 3 ? PixelNormalization.ImageNet : PixelNormalization.None(network.Channels),
        _ => data.Normalization() is { } normalization && normalization.IsPerPixel && images.ImageSize != data.Height
            ? throw new UsageException(
                $"--image-size is {images.ImageSize}, but the weights' mean image has {data.Height} pixels: leave it out, or give --normalize")
            : data.Normalization(),
    };

    // Whether the image could be classified.
    private static bool Tell(ImageScores scores, int top, string[]? labels, CommandOutput output)
    {
        // No class is named where nothing was computed.
        string? error = scores.Error?.Message
            ?? (scores.Logits!.All(double.IsFinite)
                ? null : $"'{ImageFiles.Shown(scores.Path)}' gets no class, because the network's outputs for it are not finite: check the weights, or use "
                    + $"--precision fp32");
        if (error is not null)
        {
            output.Fail(error);
            if (output.IsJson)
            {
                output.Json(new JsonObject { ["image"] = ImageFiles.Shown(scores.Path), ["error"] = error });
            }

            return false;
        }

        if (scores.Warning is not null)
        {
            output.Note($"note: {scores.Warning}");
        }

        (double[] probabilities, double[] logits) = (scores.Probabilities!, scores.Logits!);
        int[] best = [.. Enumerable.Range(0, logits.Length).OrderByDescending(c => logits[c]).Take(top)];
        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["image"] = ImageFiles.Shown(scores.Path),
                ["top"] = new JsonArray([.. best.Select(c => new JsonObject
                {
                    ["class"] = c,
                    ["label"] = labels?[c],
                    ["probability"] = CommandOutput.Number(probabilities[c]),
                    ["logit"] = CommandOutput.Number(logits[c]),
                })]),
            });
            return true;
        }

        output.Say(ImageFiles.Shown(scores.Path));
        foreach (int c in best)
        {
            output.Say(string.Create(
                CultureInfo.InvariantCulture, $"  {probabilities[c],8:P2}  {(labels is null ? $"class {c}" : $"{ShownName.Of(labels[c])} ({c})")}, logit "
                    + $"{logits[c]:F2}"));
        }

        return true;
    }
}
