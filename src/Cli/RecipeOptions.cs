using System.CommandLine;
using Engine.Images;
using Engine.Models;
using Engine.Training;

namespace Engine.Cli;

/// <summary>The options of engine train that decide how a network is trained, on top of a data set's recipe, a preset or an earlier run.</summary>
internal sealed class RecipeOptions
{
    private readonly Option<string> _model = SharedOptions.Model(null);
    private readonly ModelOptions _modelOptions = new();
    private readonly AdaptOptions _adapt = new();
    private readonly OptimizerOptions _optimizer = new();
    private readonly FineTuneOptions _fineTune = new();
    private readonly Option<string> _data = SharedOptions.Data(null);
    private readonly Option<string?> _preset = SharedOptions.Text(
        "--preset", string.Join('|', TrainingRecipes.Presets), "A whole recipe: cifar and imagenet (for image folders) are the paper's, quick a first look; other options change it", null)!;
    private readonly Option<int?> _epochs = SharedOptions.Number<int>("--epochs", "N", "How often the training set is gone through");
    private readonly Option<int?> _batchSize = SharedOptions.Number<int>("--batch-size", "N", "Images behind each update of the weights");
    private readonly Option<double?> _rate = SharedOptions.Number<double>("--lr", "F", "The learning rate that the schedule starts from");
    private readonly Option<double?> _momentum = SharedOptions.Number<double>("--momentum", "F", "The share of the last velocity that is kept");
    private readonly Option<bool?> _nesterov = new("--nesterov") { Description = "Look the gradient up ahead of the velocity" };
    private readonly Option<double?> _weightDecay = SharedOptions.Number<double>("--weight-decay", "F", "The factor of the L2 penalty's gradient");
    private readonly Option<string?> _schedule = SharedOptions.Text(
        "--schedule", "NAME", $"How the learning rate changes: {string.Join(", ", LearningRateSchedule.Names)}", null)!;
    private readonly Option<double?> _smoothing = SharedOptions.Number<double>("--label-smoothing", "F", "How much of each target is spread over all classes");
    private readonly Option<string?> _augment = SharedOptions.Text(
        "--augment", "on|off|none|resized-crop|scale-jitter",
        "Whether images are cropped and mirrored at random, as the recipe has it; of an image folder, how they are cropped (default: resized-crop)", null)!;
    private readonly Option<string?> _color = SharedOptions.Text(
        "--color", "none|lighting|jitter", "Of an image folder: change colours by AlexNet's lighting, or brightness, contrast and saturation", null)!;
    private readonly PictureSizeOptions _sizes = new();
    private readonly Option<string?> _normalize = SharedOptions.Normalize("the recipe's");
    private readonly Option<int?> _validation = SharedOptions.Number<int>("--validation", "N", "Training images to hold out in the test set's place");
    private readonly Option<long?> _seed = SharedOptions.Seed();

    public RecipeOptions()
    {
        (_model.Description, _data.Description) = ($"{_model.Description} (default: resnet20)", $"{_data.Description} (default: digits)");
        _augment.AcceptOnlyFromAmong("on", "off", "none", "resized-crop", "scale-jitter");
        _color.AcceptOnlyFromAmong("none", "lighting", "jitter");
    }

    /// <summary>All of them, in the help's order.</summary>
    public IReadOnlyList<Option> All =>
        [_model, _data, _preset, _epochs, _batchSize, _rate, _schedule, _momentum, _nesterov, _weightDecay, .. _optimizer.All, _smoothing, _augment, _color, .. _sizes.All, _normalize, _validation, _seed, .. _fineTune.All, .. _adapt.All, .. _modelOptions.All];

    /// <summary>How a run starts from weights.</summary>
    public FineTuneOptions FineTune => _fineTune;

    /// <summary>What the user asked for, checked.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="earlier">The options of the run that is resumed; null for a new one.</param>
    /// <exception cref="UsageException">A name is unknown or a figure out of range.</exception>
    public TrainingOptions Read(ParseResult arguments, TrainingOptions? earlier) => UsageException.Check(() =>
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
        options = _optimizer.Choose(arguments, options) with
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

        options = _fineTune.Apply(arguments, _adapt.Apply(arguments, _optimizer.Apply(arguments, options)), isResumed: earlier is not null);
        DataChoice.CheckOptions(data, options);
        options.Check();
        return options;
    });
}
