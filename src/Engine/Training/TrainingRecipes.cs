using System.Globalization;

namespace Engine.Training;

/// <summary>Options that are known to work: what is usual for each data set, and presets by name.</summary>
public static class TrainingRecipes
{
    /// <summary>The presets that <see cref="Preset"/> knows.</summary>
    public static IReadOnlyList<string> Presets { get; } = ["cifar", "imagenet", "quick"];

    /// <summary>The options that suit a data set on an ordinary computer; those of cifar10 for a set that is not known.</summary>
    public static TrainingOptions For(string data) => data switch
    {
        "digits" => new TrainingOptions
        {
            Epochs = 16,
            BatchSize = 32,
            LearningRate = 0.05,
            Schedule = "warmup-cosine",
            WeightDecay = 5e-4,
            LabelSmoothing = 0.1,
            Mirror = false,
        },
        "fashion-mnist" => new TrainingOptions { Epochs = 3, Schedule = "cosine" },
        _ => new TrainingOptions { Epochs = 10, Schedule = "cosine" },
    };

    /// <summary>
    /// A preset's options. cifar is the paper's recipe (section 4.2): batch 128, 64,000 steps at rate 0.1, a tenth from step 32,000 and again
    /// from 48,000, momentum 0.9, weight decay 1e-4, padding 4 and mirror, per-pixel mean; networks of 110 layers and more warm up at
    /// 0.01. imagenet is the paper's for image folders (section 3.4): batch 256, rate 0.1, a tenth whenever the error on the test set stops
    /// falling, 600,000 steps, momentum 0.9, weight decay 1e-4, shorter side drawn from 256 to 480, crop or mirror, AlexNet's lighting; the
    /// mean is subtracted by channel, not by pixel (which makes next to no difference in crops taken anywhere). quick is a first look: the data set's own
    /// recipe cut down to a third of its epochs.
    /// </summary>
    /// <param name="name">cifar, imagenet or quick.</param>
    /// <param name="data">The data set's name.</param>
    /// <param name="model">The network's name.</param>
    /// <exception cref="EngineException">There is no preset of that name.</exception>
    public static TrainingOptions Preset(string name, string data, string model) => name switch
    {
        "cifar" => new TrainingOptions
        {
            Epochs = int.MaxValue,
            MaxSteps = 64_000,
            BatchSize = 128,
            LearningRate = 0.1,
            Schedule = Depth(model) >= 110 ? "paper-warmup" : "paper",
            Momentum = 0.9,
            WeightDecay = 1e-4,
            Padding = 4,
            PerPixelMean = true,
        },
        "imagenet" => new TrainingOptions
        {
            Epochs = int.MaxValue,
            MaxSteps = 600_000,
            BatchSize = 256,
            LearningRate = 0.1,
            Schedule = "plateau",
            Momentum = 0.9,
            WeightDecay = 1e-4,
        },
        "quick" => For(data) with { Epochs = (For(data).Epochs + 2) / 3, Schedule = "cosine" },
        _ => throw new EngineException($"there is no preset '{name}'{Suggestion.Phrase(name, Presets, ".")} There are {string.Join(", ", Presets)}"),
    };

    private static int Depth(string model)
    {
        string digits = string.Concat(model.Reverse().TakeWhile(char.IsAsciiDigit).Reverse());
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int depth) ? depth : 0;
    }
}
