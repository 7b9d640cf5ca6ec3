using Engine.Layers;
using Engine.Models;
using Engine.Training;

namespace Engine.Study;

/// <summary>One network that a study is going to train: how it is made and how it is trained.</summary>
internal sealed record StudyPlan
{
    // What lies beside the main path, by the names of the modules around it.
    private static readonly string[] Beside = ["downsample", "gate"];

    /// <summary>As a legend has it.</summary>
    public required string Name { get; init; }

    /// <summary>plain, residual or highway.</summary>
    public required string Kind { get; init; }

    /// <summary>6n + 2.</summary>
    public required int Depth { get; init; }

    /// <summary>batch, group or none.</summary>
    public required string Norm { get; init; }

    /// <summary>One of <see cref="StudyOptions.Initializations"/>.</summary>
    public required string InitializationName { get; init; }

    /// <summary>How it is trained.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>Every how many steps it is measured.</summary>
    public required int Every { get; init; }

    /// <summary>Steps behind a point of its training curve.</summary>
    public required int CurveInterval { get; init; }

    /// <summary>The networks of a study, in the order of its legend: by depth, then by kind, those without normalization last.</summary>
    public static IReadOnlyList<StudyPlan> Of(StudyOptions options)
    {
        TrainingOptions training = new()
        {
            Epochs = options.Epochs,
            MaxSteps = options.MaxSteps,
            BatchSize = options.BatchSize,
            LearningRate = options.LearningRate,
            Schedule = options.Schedule,
            PerPixelMean = options.PerPixelMean,
            Seed = options.Seed,
        };
        List<StudyPlan> plans = [];
        foreach (int depth in options.Depths)
        {
            plans.AddRange(options.Kinds.Select(kind => new StudyPlan
            {
                Name = $"{Prefix(kind)}{depth}{(options.Norm == "batch" ? "" : $" {NormWords(options.Norm)}")}",
                Kind = kind,
                Depth = depth,
                Norm = options.Norm,
                InitializationName = options.Initialization,
                Training = training with { Schedule = ScheduleFor(training.Schedule, depth) },
                Every = options.Every,
                CurveInterval = options.CurveInterval,
            }));
        }

        if (options.UnnormalizedSteps > 0 && options.Norm != "none")
        {
            int depth = options.Depths.Max();
            plans.AddRange(options.Kinds.Select(kind => new StudyPlan
            {
                Name = $"{Prefix(kind)}{depth} {NormWords("none")}",
                Kind = kind,
                Depth = depth,
                Norm = "none",

                // Without normalizations there is no gamma to start at 0.
                InitializationName = options.Initialization == "zero-residual" ? "kaiming" : options.Initialization,
                Training = training with { MaxSteps = options.UnnormalizedSteps, LearningRate = options.UnnormalizedRate, Schedule = "constant" },
                Every = 1,
                CurveInterval = 1,
            }));
        }

        return plans;
    }

    /// <summary>Makes the network; its numbers are drawn when it is put on a device.</summary>
    /// <param name="options">The study's options.</param>
    /// <param name="channels">Of the images.</param>
    /// <param name="classes">That the head tells apart.</param>
    public Network Make(StudyOptions options, int channels, int classes)
    {
        ShortcutKind shortcut = Kind switch { "plain" => ShortcutKind.None, "highway" => ShortcutKind.Gated, _ => options.Shortcut };
        bool isZeroInit = InitializationName == "zero-residual" && Kind == "residual";
        Func<int, Normalization> norm = Norm switch
        {
            "batch" => Normalization.Batch,
            "none" => Normalization.None,
            _ => Normalization.Group(8),
        };
        Network network = options.IsImageNetFamily
            ? new ResNet(new ResNetOptions(BlockKind.Basic, Depth == 18 ? [2, 2, 2, 2] : [3, 4, 6, 3])
            {
                Channels = channels,
                Classes = classes,
                Shortcut = shortcut,
                ZeroInitResidual = isZeroInit,
                Norm = norm,
            })
            : new CifarResNet(new CifarResNetOptions(Depth)
            {
                Channels = channels,
                Classes = classes,
                Shortcut = shortcut,
                ZeroInitResidual = isZeroInit,
                Norm = norm,
            });
        Initialization? initialization = InitializationName switch
        {
            "kaiming-in" => Initialization.KaimingNormal(FanMode.FanIn),
            "uniform" => Initialization.KaimingUniform(FanMode.FanIn),
            "small" => Initialization.Normal(0.01),
            _ => null,
        };
        if (initialization is not null)
        {
            foreach ((_, Module module) in network.Modules())
            {
                if (module is Conv2d convolution)
                {
                    convolution.Weight.Initialization = initialization;
                }
            }
        }

        return network;
    }

    /// <summary>What a run tells about the network.</summary>
    /// <param name="index">Its place in the run.</param>
    /// <param name="options">The study's options.</param>
    /// <param name="network">The network.</param>
    /// <param name="totalSteps">The updates that it is going to have.</param>
    public StudyNetworkInfo Describe(int index, StudyOptions options, Network network, long totalSteps)
    {
        int depth = 0;
        List<StudyLayer> layers = [];
        foreach ((string path, Module module) in network.Modules())
        {
            if (module is Conv2d or Linear)
            {
                bool isBeside = path.Split('.').Any(Beside.Contains);
                depth += isBeside ? 0 : 1;
                layers.Add(new StudyLayer(path, depth, isBeside));
            }
        }

        List<(string Name, Module Module)> blocks = [.. network.Modules().Where(m => m.Module.Branches.Count > 0)];
        return new StudyNetworkInfo
        {
            Index = index,
            Name = Name,
            Kind = Kind,
            Depth = Depth,
            Norm = Norm,
            Shortcut = Kind switch { "plain" => "none", "highway" => "gated", _ => options.Shortcut.ToString() },
            Initialization = InitializationName,
            Parameters = network.ParameterCount,
            TotalSteps = totalSteps,
            Layers = layers,
            Blocks = [.. blocks.Select(b => b.Name)],
            Branches = blocks.Count == 0 ? [] : blocks[0].Module.Branches,
        };
    }

    // Section 4.2: 110 layers do not start at the full rate.
    private static string ScheduleFor(string schedule, int depth) => schedule == "paper" && depth >= 110 ? "paper-warmup" : schedule;

    private static string Prefix(string kind) => kind == "residual" ? "resnet" : kind;

    private static string NormWords(string norm) => norm == "none" ? "without norm" : $"with {norm} norm";
}
