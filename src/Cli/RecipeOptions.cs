using System.CommandLine;
using Engine.Data;
using Engine.Models;
using Engine.Training;
using Engine.Vision;

namespace Engine.Cli;

/// <summary>The options of engine train that decide how a network is trained, on top of a data set's recipe, a preset or an earlier run.</summary>
internal sealed class RecipeOptions
{
    private readonly Option<string> _model = SharedOptions.Model(null, shown: "resnet20");
    private readonly ModelOptions _modelOptions = new(initializes: true);
    private readonly AdaptOptions _adapt = new();
    private readonly OptimizerOptions _optimizer = new();
    private readonly FineTuneOptions _fineTune = new();
    private readonly Option<string> _data = SharedOptions.Data(null, shown: "digits");
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
        "--color", ["none", "lighting", "jitter"], "Random color changes for image folders: AlexNet's lighting, or jitter of brightness, contrast and "
            + "saturation", shown: "none")!;
    private readonly ImageSizeOptions _sizes = new();
    private readonly Option<string?> _normalize = SharedOptions.Normalize("the recipe's");
    private readonly Option<int?> _validation = OptionKinds.Number<int>(
        "--validation", "N", "Training images to hold out and test on, instead of the test set", shown: "0", least: 0);
    private readonly Option<long?> _seed = SharedOptions.Seed();

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All =>
        [_model, _data, _preset, _epochs, _batchSize, _rate, _schedule, _momentum, _nesterov, _weightDecay, .. _optimizer.All, _smoothing, _augment, _color,
            .. _sizes.All, _normalize, _validation, _seed, .. _fineTune.All, .. _adapt.All, .. _modelOptions.All];

    /// <summary>How a run starts from weights.</summary>
    public FineTuneOptions FineTune => _fineTune;

    /// <summary>What the user asked for, checked.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="resumed">The run that is resumed; null for a new one.</param>
    /// <exception cref="UsageException">A name is unknown or a figure out of range.</exception>
    /// <exception cref="EngineException">The options of the run that is resumed name something that does not exist.</exception>
    public TrainingOptions Read(ParseResult arguments, RunFolder? resumed)
    {
        if (resumed is not null)
        {
            SavedWeights.CheckRun(resumed.Path, resumed.Options, arguments.GetValue(_model), arguments.GetValue(_data));
        }

        return Read(arguments, resumed?.Options);
    }

    private TrainingOptions Read(ParseResult arguments, TrainingOptions? earlier) => UsageException.Check(() =>
    {
        string model = arguments.GetValue(_model) ?? earlier?.Model ?? "resnet20";
        string data = DataChoice.Check(arguments.GetValue(_data) ?? earlier?.Data ?? "digits");

        // Another network's choices are not this one's.
        NetworkOptions network = _modelOptions.Read(arguments, earlier?.Model == model ? earlier.ModelOptions : "");
        Networks.Create(model, network);
        string? preset = arguments.GetValue(_preset);
        TrainingOptions options = (preset is not null ? TrainingRecipes.Preset(preset, data, model) : earlier ?? TrainingRecipes.For(data)) with
        {
            Model = model,
            ModelOptions = network.ToText(),
            Data = data,
        };
        options = _optimizer.Choose(arguments, options);
        options = options with
        {
            Epochs = arguments.GetValue(_epochs) ?? options.Epochs,
            BatchSize = arguments.GetValue(_batchSize) ?? options.BatchSize,
            LearningRate = arguments.GetValue(_rate) ?? options.LearningRate,
            Momentum = arguments.GetValue(_momentum) ?? options.Momentum,
            Nesterov = arguments.GetValue(_nesterov) ?? options.Nesterov,
            WeightDecay = arguments.GetValue(_weightDecay) ?? options.WeightDecay,
            Schedule = arguments.GetValue(_schedule) ?? options.Schedule,
            LabelSmoothing = arguments.GetValue(_smoothing) ?? options.LabelSmoothing,
            Normalization = arguments.GetValue(_normalize) ?? options.Normalization,
            ValidationCount = arguments.GetValue(_validation) ?? options.ValidationCount,
            Seed = arguments.GetValue(_seed) ?? options.Seed,
        };
        options = _sizes.Apply(arguments, options) with { Color = arguments.GetValue(_color) ?? options.Color };
        options = arguments.GetValue(_augment) switch
        {
            "off" or "none" => options with { Padding = 0, Mirror = false, Crop = FolderSet.IsFolder(data) ? "none" : null },
            "resized-crop" or "scale-jitter" => options with { Crop = arguments.GetValue(_augment) },
            _ => options,
        };

        options = _fineTune.Apply(
            arguments, _adapt.Apply(arguments, _optimizer.Apply(arguments, options, _momentum, _nesterov)), isResumed: earlier is not null);
        DataChoice.CheckOptions(data, options);
        options.Check();
        return options;
    });

    // What an option is where neither it nor a preset is given: for most data sets, then for those that have their own recipe.
    private static string ByData<T>(Func<TrainingOptions, T> figure)
    {
        string usual = FormattableString.Invariant($"{figure(TrainingRecipes.For(""))}");
        IEnumerable<string> others = DataSets.All.Select(s => (s.Name, Value: FormattableString.Invariant($"{figure(TrainingRecipes.For(s.Name))}")))
            .Where(s => s.Value != usual).Select(s => $"{s.Value} for {s.Name}");
        return string.Join("; ", ((string[])[usual, string.Join(", ", others)]).Where(part => part.Length > 0));
    }
}
