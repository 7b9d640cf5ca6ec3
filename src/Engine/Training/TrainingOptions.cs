using System.Text.Json.Serialization;
using Engine.Data;

namespace Engine.Training;

/// <summary>
/// The figures of a training: two runs of the same network on the same images with equal options, device and number of threads end with the same weights, to
/// the last bit.
/// </summary>
public sealed record TrainingOptions
{
    /// <summary>Whether everything but the head is frozen; for models that are <see cref="Engine.Layers.IFineTunable"/>.</summary>
    public bool FreezeBackbone { get; init; }

    /// <summary>The epochs after which a frozen backbone is thawed; null for never.</summary>
    public int? ThawAfter { get; init; }

    /// <summary>How often the training set is gone through.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>The updates after which the run ends, even in the middle of an epoch; null for as many as the epochs have.</summary>
    public long? MaxSteps { get; init; }

    /// <summary>Images behind each update of the weights.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Into how many parts a batch is split that go through the network one after another, to save memory; divides the batch size.</summary>
    public int MicroBatches { get; init; } = 1;

    /// <summary>The rate that the schedule starts from.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>One of <see cref="LearningRateSchedule.Names"/>.</summary>
    public string Schedule { get; init; } = "cosine";

    /// <summary>One of <see cref="TrainingOptimizers.Names"/>.</summary>
    public string Optimizer { get; init; } = "sgd";

    /// <summary>SGD's momentum coefficient.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Whether SGD's momentum is Nesterov's.</summary>
    public bool Nesterov { get; init; }

    /// <summary>How much AdamW keeps of the mean of the gradients.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>How much AdamW keeps of the mean of the squared gradients.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>What AdamW adds to its divisor.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Factor of the weight decay: the L2 penalty's gradient in SGD, decoupled from the gradient in AdamW.</summary>
    public double WeightDecay { get; init; } = 1e-4;

    /// <summary>Whether biases and the parameters of norms decay too, as in the paper.</summary>
    public bool NormAndBiasDecay { get; init; } = true;

    /// <summary>Clips the gradients' common norm at this; null not to.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Clips each element of the gradients at this and its negative; null not to.</summary>
    public double? ClipValue { get; init; }

    /// <summary>Decay of a moving average of the weights, which is evaluated and saved beside them; null for none.</summary>
    public double? Ema { get; init; }

    /// <summary>How much of each target is spread over all classes, from 0 to 1.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Pixels of zeros around an image, of which a crop is taken; null for what is usual for the data set.</summary>
    public int? Padding { get; init; }

    /// <summary>Whether every other image, at random, is mirrored; null for what is usual for the data set.</summary>
    public bool? Mirror { get; init; }

    /// <summary>Whether each pixel's own mean is subtracted, as in the paper, instead of normalizing by channel.</summary>
    public bool PerPixelMean { get; init; }

    /// <summary>One of <see cref="PixelNormalization.Names"/>, in the place of what <see cref="PerPixelMean"/> says; null for that.</summary>
    public string? Normalization { get; init; }

    /// <summary>Training images that are held out and take the test set's place; 0 for none.</summary>
    public int ValidationCount { get; init; }

    /// <summary>
    /// Epochs without a better result on the test (or validation) set after which the run ends; null to run to the end. Better is what
    /// <see cref="EpochReport.IsBetterThan"/> says.
    /// </summary>
    public int? Patience { get; init; }

    /// <summary>
    /// Whether the run ends with the weights of its best epoch, instead of those of the last. A moving average of the weights (<see cref="Ema"/>) is left as
    /// the last epoch had it, and does not decide which epoch is best.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool KeepBest { get; init; }

    /// <summary>Decides the first weights, the order of the images and their augmentation.</summary>
    public long Seed { get; init; }

    /// <summary>Checks every figure's range.</summary>
    /// <exception cref="EngineException">One is out of range; the message names it.</exception>
    public void Check()
    {
        Require(Epochs >= 1, "epochs", Epochs, "at least 1");
        Require(MaxSteps is null or >= 1, "max steps", MaxSteps, "at least 1");
        Require(BatchSize >= 1, "batch size", BatchSize, "at least 1");
        Require(MicroBatches >= 1 && BatchSize % MicroBatches == 0, "micro batches", MicroBatches, $"at least 1 and divide the batch size {BatchSize}");
        Require(LearningRate > 0 && double.IsFinite(LearningRate), "learning rate", LearningRate, "above 0");
        Require(Momentum is >= 0 and < 1, "momentum", Momentum, "from 0 to below 1");
        Require(!Nesterov || Momentum > 0, "momentum", Momentum, "above 0 for Nesterov momentum");
        Require(TrainingOptimizers.Names.Contains(Optimizer), "optimizer", Optimizer, string.Join(" or ", TrainingOptimizers.Names));
        Require(Beta1 is >= 0 and < 1, "beta1", Beta1, "from 0 to below 1");
        Require(Beta2 is >= 0 and < 1, "beta2", Beta2, "from 0 to below 1");
        Require(Epsilon >= 0 && double.IsFinite(Epsilon), "epsilon", Epsilon, "0 or more");
        Require(ClipNorm is null || (ClipNorm > 0 && double.IsFinite(ClipNorm.Value)), "clip norm", ClipNorm, "above 0");
        Require(ClipValue is null || (ClipValue > 0 && double.IsFinite(ClipValue.Value)), "clip value", ClipValue, "above 0");
        Require(Ema is null or (>= 0 and < 1), "ema", Ema, "from 0 to below 1");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), "weight decay", WeightDecay, "0 or more");
        Require(LabelSmoothing is >= 0 and <= 1, "label smoothing", LabelSmoothing, "from 0 to 1");
        Require(Padding is null or >= 0, "padding", Padding, "0 or more");
        Require(
            Normalization is null || PixelNormalization.Names.Contains(Normalization), "normalization", Normalization,
            string.Join(", ", PixelNormalization.Names));
        Require(ThawAfter is null or >= 1, "thaw after", ThawAfter, "at least 1 epoch");
        Require(ThawAfter is null || FreezeBackbone, "thaw after", ThawAfter, "left out where the backbone is not frozen");
        Require(Patience is null or >= 1, "patience", Patience, "at least 1 epoch");
        Require(ValidationCount >= 0, "validation count", ValidationCount, "0 or more");
        LearningRateSchedule.Create(Schedule, new ScheduleContext(LearningRate, 1));
    }

    /// <summary>Throws a line that names a figure, unless it is in its range.</summary>
    internal static void Require(bool isMet, string name, object? value, string expected)
    {
        if (!isMet)
        {
            throw new EngineException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name} is {value}, but must be {expected}"));
        }
    }
}
