using Engine.Data;
using Engine.Models;

namespace Engine.Study;

/// <summary>What a study trains and how: two studies with equal options end with the same numbers.</summary>
public sealed record StudyOptions
{
    /// <summary>The kinds of networks that can be studied.</summary>
    public static IReadOnlyList<string> AllKinds { get; } = ["plain", "residual", "highway"];

    /// <summary>The normalizations that networks can be built with.</summary>
    public static IReadOnlyList<string> Norms { get; } = ["batch", "group", "none"];

    /// <summary>
    /// How convolutions' first weights can be drawn: kaiming (normal, by fan-out, the engine's own), kaiming-in (by fan-in), uniform
    /// (Kaiming-uniform by fan-in), small (normal of deviation 0.01, as before 2015), zero-residual (kaiming, and gamma of each
    /// residual block's last normalization 0).
    /// </summary>
    public static IReadOnlyList<string> Initializations { get; } = ["kaiming", "kaiming-in", "uniform", "small", "zero-residual"];

    /// <summary>The depths, each 6n + 2.</summary>
    public IReadOnlyList<int> Depths { get; init; } = [8, 20, 32, 56];

    /// <summary>Whether the networks are those of ImageNet with basic blocks, of 18 and 34 layers, instead of CIFAR's.</summary>
    public bool IsImageNetFamily { get; init; }

    /// <summary>Some of <see cref="AllKinds"/>; of each depth one of each is trained.</summary>
    public IReadOnlyList<string> Kinds { get; init; } = ["plain", "residual"];

    /// <summary>The shortcuts of residual networks: A, B or C.</summary>
    public ShortcutKind Shortcut { get; init; } = ShortcutKind.A;

    /// <summary>One of <see cref="Norms"/>.</summary>
    public string Norm { get; init; } = "batch";

    /// <summary>One of <see cref="Initializations"/>.</summary>
    public string Initialization { get; init; } = "kaiming";

    /// <summary>The data set's name.</summary>
    public string Data { get; init; } = "digits";

    /// <summary>How often each network goes through the training set.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>The updates after which a network's training ends, even within an epoch; null for as many as the epochs have.</summary>
    public long? MaxSteps { get; init; }

    /// <summary>Images behind each update.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>The rate that the schedule starts from.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>The learning rate's schedule.</summary>
    public string Schedule { get; init; } = "cosine";

    /// <summary>Whether each pixel's own mean is subtracted, as in the paper, instead of normalizing by channel.</summary>
    public bool PerPixelMean { get; init; }

    /// <summary>Every how many steps the layers are measured; the first and the last step always are.</summary>
    public int Every { get; init; } = 10;

    /// <summary>Steps that are averaged into one point of a training curve.</summary>
    public int CurveInterval { get; init; } = 5;

    /// <summary>Steps for which the deepest network of each kind is also trained without any normalization, measured at each; 0 for none.</summary>
    public int UnnormalizedSteps { get; init; }

    /// <summary>
    /// The constant rate of those networks: without normalization a residual network's responses grow with each block, and larger rates let it diverge at once.
    /// </summary>
    public double UnnormalizedRate { get; init; } = 1e-5;

    /// <summary>Decides the first weights, the order of the images and their augmentation, equally for all networks.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// What suits a data set: on the digits, a study of a minute or two on two processor cores; on larger images, depths and steps that take
    /// some minutes.
    /// </summary>
    /// <param name="data">The data set's name.</param>
    public static StudyOptions For(string data) => data == "digits"
        ? new StudyOptions { UnnormalizedSteps = 20 }
        : new StudyOptions { Data = data, Depths = [8, 20, 32], BatchSize = 64, MaxSteps = 200, UnnormalizedSteps = 5 };

    /// <summary>Checks every name and figure.</summary>
    /// <exception cref="EngineException">One is unknown or out of range; the message names it.</exception>
    public void Check()
    {
        Require(Depths.Count > 0 && Depths.Distinct().Count() == Depths.Count, "the list of depths", Depths, "at least one, each once");
        foreach (int depth in Depths)
        {
            if (IsImageNetFamily)
            {
                Require(depth is 18 or 34, "depth", [depth], "18 or 34");
                continue;
            }

            Require(CifarResNet.IsDepth(depth), "depth", [depth], $"6n + 2 (8, 14, 20, 26, 32 ...), at most {CifarResNet.MaxDepth}");
        }

        Require(Kinds.Count > 0 && Kinds.Distinct().Count() == Kinds.Count, "the list of kinds", Kinds, $"some of {string.Join(", ", AllKinds)}, each once");
        foreach (string kind in Kinds)
        {
            Require(AllKinds.Contains(kind), "kind", [kind], $"one of {string.Join(", ", AllKinds)}");
        }

        Require(!IsImageNetFamily || !Kinds.Contains("highway"), "the list of kinds", Kinds, "plain or residual: highway networks exist only for CIFAR");
        Require(Shortcut <= ShortcutKind.C, "shortcut", [Shortcut], "A, B or C; plain and highway networks are kinds of their own");
        Require(Norms.Contains(Norm), "norm", [Norm], $"one of {string.Join(", ", Norms)}");
        Require(Initializations.Contains(Initialization), "initialization", [Initialization], $"one of {string.Join(", ", Initializations)}");
        Require(
            Norm != "none" || Initialization != "zero-residual", "initialization", [Initialization],
            "another one without normalization layers, because it sets their gamma");
        Require(Epochs >= 1, "epochs", [Epochs], "at least 1");
        Require(MaxSteps is null or >= 1, "steps", [MaxSteps], "at least 1");
        Require(BatchSize >= 1, "batch size", [BatchSize], "at least 1");
        Require(LearningRate > 0 && double.IsFinite(LearningRate), "learning rate", [LearningRate], "above 0");
        Require(UnnormalizedRate > 0 && double.IsFinite(UnnormalizedRate), "learning rate without normalization", [UnnormalizedRate], "above 0");
        Require(Every >= 1, "the interval between measurements", [Every], "at least 1");
        Require(CurveInterval >= 1, "the interval of the curves", [CurveInterval], "at least 1");
        Require(UnnormalizedSteps >= 0, "number of steps without normalization", [UnnormalizedSteps], "0 or more");
        DataSets.Get(Data);
    }

    private static void Require<T>(bool isMet, string name, IEnumerable<T> values, string expected)
    {
        if (!isMet)
        {
            throw new EngineException(FormattableString.Invariant($"{name} is '{string.Join(", ", values)}', but must be {expected}"));
        }
    }
}
