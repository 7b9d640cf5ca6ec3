using System.CommandLine;
using Engine.Data;
using Engine.Training;
using Engine.Vision;

namespace Engine.Cli;

/// <summary>The options of engine train that decide how a network is trained, on top of a data set's recipe, a preset or an earlier run.</summary>
internal sealed partial class RecipeOptions
{
    private readonly Option<string> _model = SharedOptions.Model(null, shown: "resnet20");
    private readonly ModelOptions _modelOptions = new(initializes: true);
    private readonly AdaptOptions _adapt = new();
    private readonly OptimizerOptions _optimizer = new();
    private readonly FineTuneOptions _fineTune = new();
    private readonly Option<string> _data = SharedOptions.Data(null, shown: "digits", withTables: true);
    private readonly Option<string?> _preset = OptionKinds.OneOf(
        "--preset", TrainingRecipes.Presets, "Complete recipe, which other options change: cifar and imagenet (for image folders) are the paper's, quick is a "
            + "short trial")!;
    private readonly Option<int?> _epochs = OptionKinds.Number<int>("--epochs", "N", "Number of passes over the training set", ByData(o => o.Epochs), least: 1);
    private readonly Option<int?> _batchSize = SharedOptions.BatchSize(ByData(o => o.BatchSize));
    private readonly Option<double?> _rate = OptionKinds.Number<double>(
        "--lr", "F", "Learning rate that the schedule starts from", ByData(o => o.LearningRate), above: 0);
    private readonly Option<double?> _momentum = OptionKinds.Number<double>("--momentum", "F", "Momentum coefficient", ByData(o => o.Momentum), least: 0);
    private readonly Option<bool?> _nesterov = new("--nesterov") { Description = "Use Nesterov momentum" };
    private readonly Option<double?> _weightDecay = OptionKinds.Number<double>(
        "--weight-decay", "F", "Weight decay (L2 penalty)", ByData(o => o.WeightDecay), least: 0);
    private readonly Option<string?> _schedule = OptionKinds.OneOf(
        "--schedule", LearningRateSchedule.Names, $"Learning rate schedule: "
            + $"{Words.Alternatives(LearningRateSchedule.Names)}", shown: ByData(o => o.Schedule), helpName: "NAME")!;
    private readonly Option<double?> _smoothing = OptionKinds.Number<double>(
        "--label-smoothing", "F", "Label smoothing", ByData(o => o.LabelSmoothing), least: 0, most: 1);
    private readonly Option<string?> _augment = OptionKinds.OneOf(
        "--augment", ["on", "off", "none", "resized-crop", "scale-jitter"],
        "Random crops and flips: on is the recipe's, off and none are without; for image folders also how the crops are taken", shown: "on; resized-crop for "
            + "image folders")!;
    private readonly Option<string?> _color = OptionKinds.OneOf(
        "--color", [.. ImageChoices.Colors.Keys], "Random color changes for image folders: AlexNet's lighting, or jitter of brightness, contrast and "
            + "saturation", shown: "none")!;
    private readonly ImageSizeOptions _sizes = new();
    private readonly Option<string?> _normalize = SharedOptions.Normalize("the recipe's");
    private readonly Option<int?> _validation = OptionKinds.Number<int>(
        "--validation", "N", "Training images or rows to hold out and test on, instead of the test set", shown: "0", least: 0);
    private readonly Option<int?> _patience = OptionKinds.Number<int>(
        "--patience", "N", "End the run after N epochs without a better result on the test (or validation) set", shown: "run to the end", least: 1);
    private readonly Option<bool?> _keepBest = new("--keep-best") { Description = "End with the weights of the best epoch instead of the last" };
    private readonly Option<long?> _seed = SharedOptions.Seed();

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All =>
        [_model, _data, .. _table.All, _preset, _epochs, _batchSize, _rate, _schedule, _momentum, _nesterov, _weightDecay, .. _optimizer.All, _smoothing,
            _augment, _color, .. _sizes.All, _normalize, _validation, _patience, _keepBest, _seed, .. _fineTune.All, .. _adapt.All, .. _modelOptions.All];

    /// <summary>How a run starts from weights.</summary>
    public FineTuneOptions FineTune => _fineTune;

    /// <summary>What the user asked for, checked.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="resumed">The run that is resumed; null for a new one.</param>
    /// <returns>The run and its network.</returns>
    /// <exception cref="UsageException">A name is unknown or a figure out of range.</exception>
    /// <exception cref="EngineException">The run that is resumed names something that does not exist.</exception>
    public (RunManifest Run, ChosenNetwork Network) Read(ParseResult arguments, RunFolder? resumed)
    {
        RunManifest? earlier = resumed?.Manifest;
        RefuseTableOptions(arguments, DataOf(arguments, resumed));
        string model = arguments.GetValue(_model) ?? earlier?.Model ?? "resnet20", data = arguments.GetValue(_data) ?? earlier?.Data ?? "digits";
        int? channels = _adapt.Apply(arguments, earlier ?? new RunManifest()).Channels ?? DataChoice.ChannelsOf(data);

        // Another network's choices are not this one's.
        ChosenNetwork network = earlier?.Model == model
            ? ChosenNetwork.OfRun(resumed!.Path, earlier, channels, classes: null, options => _modelOptions.Read(arguments, options))
            : ChosenNetwork.Create(model, _modelOptions.Read(arguments) with { Channels = channels });
        if (resumed is not null)
        {
            SavedWeights.CheckData(resumed.Path, earlier!.Data, arguments.GetValue(_data));
        }

        ImageChoices images = arguments.GetValue(_preset) is { } preset ? ImageChoices.Preset(preset) : earlier?.Part<ImageChoices>() ?? new ImageChoices();
        return (Read(arguments, earlier, network, DataChoice.Check(data), images), network);
    }

    private RunManifest Read(ParseResult arguments, RunManifest? earlier, ChosenNetwork network, string data, ImageChoices images) => UsageException.Check(() =>
    {
        string? preset = arguments.GetValue(_preset);
        RunManifest run = preset is null && earlier is not null ? earlier : new RunManifest
        {
            Training = preset is null ? TrainingRecipes.For(data) : TrainingRecipes.Preset(preset, data, network.Model),
        };
        TrainingOptions options = _optimizer.Choose(arguments, run.Training);
        options = WithFigures(arguments, options) with { Normalization = arguments.GetValue(_normalize) ?? options.Normalization };
        images = _sizes.Apply(arguments, images) with { Color = arguments.GetValue(_color) is { } color ? ImageChoices.Colors[color] : images.Color };
        switch (arguments.GetValue(_augment))
        {
            case "off" or "none":
                options = options with { Padding = 0, Mirror = false };
                images = images with { Crop = FolderSet.IsFolder(data) ? RandomCrop.None : null };
                break;
            case "resized-crop" or "scale-jitter":
                images = images with { Crop = ImageChoices.Crops[arguments.GetValue(_augment)!] };
                break;
        }

        run = run with { Model = network.Model, Data = data, Training = _optimizer.Apply(arguments, options, _momentum, _nesterov) };
        run = _fineTune.Apply(arguments, _adapt.Apply(arguments, run), isResumed: earlier is not null).With(network.Options).With(images);
        DataChoice.CheckChoices(data, images);
        run.Check();
        return run;
    });

    // The figures that runs on images and on tables have in common.
    private TrainingOptions WithFigures(ParseResult arguments, TrainingOptions options) => options with
    {
        Epochs = arguments.GetValue(_epochs) ?? options.Epochs,
        BatchSize = arguments.GetValue(_batchSize) ?? options.BatchSize,
        LearningRate = arguments.GetValue(_rate) ?? options.LearningRate,
        Momentum = arguments.GetValue(_momentum) ?? options.Momentum,
        Nesterov = arguments.GetValue(_nesterov) ?? options.Nesterov,
        WeightDecay = arguments.GetValue(_weightDecay) ?? options.WeightDecay,
        Schedule = arguments.GetValue(_schedule) ?? options.Schedule,
        LabelSmoothing = arguments.GetValue(_smoothing) ?? options.LabelSmoothing,
        ValidationCount = arguments.GetValue(_validation) ?? options.ValidationCount,
        Patience = arguments.GetValue(_patience) ?? options.Patience,
        KeepBest = arguments.GetValue(_keepBest) ?? options.KeepBest,
        Seed = arguments.GetValue(_seed) ?? options.Seed,
    };

    // What an option is where neither it nor a preset is given: for most data sets, then for those that have their own recipe.
    private static string ByData<T>(Func<TrainingOptions, T> figure)
    {
        string usual = FormattableString.Invariant($"{figure(TrainingRecipes.For(""))}");
        IEnumerable<string> others = DataSets.All.Select(s => (s.Name, Value: FormattableString.Invariant($"{figure(TrainingRecipes.For(s.Name))}")))
            .Append((Name: "tables", Value: FormattableString.Invariant($"{figure(TableTraining.Recipe)}")))
            .Where(s => s.Value != usual).Select(s => $"{s.Value} for {s.Name}");
        return string.Join("; ", ((string[])[usual, string.Join(", ", others)]).Where(part => part.Length > 0));
    }
}
