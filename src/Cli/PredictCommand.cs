using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Devices;
using Engine.Formats;
using Engine.Images;
using Engine.Models;
using Engine.Training;

namespace Engine.Cli;

/// <summary>engine predict: what a network says of picture files.</summary>
internal sealed class PredictCommand : Subcommand
{
    private readonly Argument<string[]> _images = new("IMAGE") { Description = "JPEG or PNG files, or folders of them", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _model = SharedOptions.Model(null);
    private readonly ModelOptions _modelOptions = new();
    private readonly Option<string> _weights = SharedOptions.Text(
        "--weights", "FILE", "A file of weights in PyTorch's names and order, or a run folder", null);
    private readonly Option<string?> _key = SavedWeights.KeyOption();
    private readonly Option<int?> _top = SharedOptions.Number<int>("--top", "N", "How many classes to tell, the likeliest first (default: 5)");
    private readonly Option<string?> _labels = SharedOptions.Text(
        "--labels", "FILE", "The classes' names, one a line, or JSON such as imagenet_class_index.json (default: those that the weights were trained on, where the file tells them)", null)!;
    private readonly PictureSizeOptions _sizes = new();
    private readonly Option<string?> _normalize = SharedOptions.Text(
        "--normalize", "imagenet|none", "How pixels become numbers: by ImageNet's constants, or only divided by 255 (default: as in training, or imagenet)", null)!;
    private readonly Option<int?> _batchSize = SharedOptions.Number<int>("--batch-size", "N", "Pictures at a time (default: 16)");
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string> _precision = SharedOptions.Precision();

    public PredictCommand(CommandOutput output) : base(
        output, "predict", "Tell what a network sees in pictures.",
        "engine predict --model resnet50 --weights resnet50.pth --labels imagenet.txt cat.jpg dog.png",
        "engine predict --weights runs/resnet20-cifar10-1 --top 3 --json *.jpg")
    {
        _weights.Required = true;
        _normalize.AcceptOnlyFromAmong("imagenet", "none");
        Add(_images);
        AddOptions([_model, _weights, _key, _top, _labels, .. _sizes.All, _normalize, _batchSize, _device, _threads, _precision, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        int top = AtLeastOne(arguments, _top, 5);
        int batchSize = AtLeastOne(arguments, _batchSize, 16);
        string? model = arguments.GetValue(_model);
        if (model is not null)
        {
            UsageException.Check(() => Networks.Create(model, _modelOptions.Read(arguments)));
        }

        string path = arguments.GetValue(_weights)!;
        using SavedModel saved = SavedModel.Open(path, arguments.GetValue(_key));
        TrainingOptions? trained = saved.Training;
        DataDescription? data = saved.Data;
        model = SavedWeights.ModelOf(saved, model);
        string[]? labels = arguments.GetValue(_labels) is { } labelFile ? ClassLabels.Read(labelFile) : null;
        Network network = ExportCommand.NetworkFor(model, _modelOptions.Read(arguments, trained?.Model == model ? trained.ModelOptions : ""), saved.File);
        labels ??= data is null ? null : [.. data.Classes];
        if (labels is not null && labels.Length != network.Classes)
        {
            throw new EngineException($"there are {labels.Length:N0} names of classes, but the network in '{path}' tells {network.Classes:N0} classes apart");
        }

        PictureOptions pictures = SizesFor(arguments, data, trained, network);
        PixelNormalization normalization = NormalizationFor(arguments.GetValue(_normalize), data, network, pictures);
        using Device device = DeviceChoice.Open(arguments.GetValue(_device)!, arguments.GetValue(_threads), output, arguments.GetValue(_precision)!);
        network.To(device);
        saved.Load(network);
        SavedWeights.Remark(saved, output);
        using PictureClassifier classifier = new(network, device, pictures, network.Channels, normalization);
        int failures = 0;
        IReadOnlyList<string> images = ImageFiles.Expand(arguments.GetValue(_images)!, remark => output.Note($"note: {remark}"), cancellation);
        foreach (PictureScores scores in classifier.Run(images, batchSize, cancellation: cancellation))
        {
            failures += Tell(scores, top, labels, output) ? 0 : 1;
        }

        return Task.FromResult(failures == 0 ? ExitCodes.Success : ExitCodes.Failure);
    }

    private static int AtLeastOne(ParseResult arguments, Option<int?> option, int standard) => arguments.GetValue(option) is not { } count ? standard
        : count >= 1 ? count : throw new UsageException($"{option.Name} is {count}, but must be at least 1");

    private PictureOptions SizesFor(ParseResult arguments, DataDescription? data, TrainingOptions? trained, Network network)
    {
        // A run on pictures of one size takes others at that size.
        TrainingOptions options = trained is not null && FolderSet.IsFolder(trained.Data) ? trained : new TrainingOptions { ImageSize = data?.Height };
        return UsageException.Check(() => FolderSet.OptionsOf(_sizes.Apply(arguments, options), network.ImageSize));
    }

    private static PixelNormalization NormalizationFor(string? name, DataDescription? data, Network network, PictureOptions pictures) => name switch
    {
        "none" => PixelNormalization.None(network.Channels),
        "imagenet" => network.Channels == 3
            ? PixelNormalization.ImageNet
            : throw new UsageException($"--normalize imagenet is for colour images, but the network takes {network.Channels} channel"),
        _ when data is null => network.Channels == 3 ? PixelNormalization.ImageNet : PixelNormalization.None(network.Channels),
        _ => data.Normalization() is { } normalization && normalization.IsPerPixel && pictures.ImageSize != data.Height
            ? throw new UsageException($"--image-size is {pictures.ImageSize}, but the weights' mean for each pixel is of {data.Height} pixels: leave it out, or give --normalize")
            : data.Normalization(),
    };

    // Whether there was anything to tell of the picture.
    private static bool Tell(PictureScores scores, int top, string[]? labels, CommandOutput output)
    {
        // No class is named where nothing was computed.
        string? error = scores.Error?.Message
            ?? (scores.Logits!.All(double.IsFinite) ? null : $"'{ImageFiles.Shown(scores.Path)}' gets no class: the network's outputs for it are not finite, so that its weights or precision do not serve");
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
                CultureInfo.InvariantCulture, $"  {probabilities[c],8:P2}  {(labels is null ? $"class {c}" : $"{ShownName.Of(labels[c])} ({c})")}, logit {logits[c]:F2}"));
        }

        return true;
    }
}
