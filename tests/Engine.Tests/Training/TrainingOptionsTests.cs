using System.Globalization;
using Engine.Training;

namespace Engine.Tests.Training;

public class TrainingOptionsTests
{
    private static readonly TrainingOptions Options = new() { BatchSize = 12, FreezeBackbone = true };

    // Each figure's last values that are taken and the first that are not.
    public static TheoryData<string, TrainingOptions[], TrainingOptions[]> Ranges => new()
    {
        { "epochs", [Options with { Epochs = 1 }], [Options with { Epochs = 0 }] },
        { "max steps", [Options with { MaxSteps = null }, Options with { MaxSteps = 1 }], [Options with { MaxSteps = 0 }] },
        { "batch size", [Options with { BatchSize = 1 }], [Options with { BatchSize = 0 }] },
        {
            "micro batches", [Options with { MicroBatches = 1 }, Options with { MicroBatches = 4 }, Options with { MicroBatches = 12 }],
            [Options with { MicroBatches = 0 }, Options with { MicroBatches = 5 }, Options with { MicroBatches = 24 }]
        },
        {
            "learning rate", [Options with { LearningRate = double.Epsilon }],
            [Options with { LearningRate = 0 }, Options with { LearningRate = double.PositiveInfinity }, Options with { LearningRate = double.NaN }]
        },
        {
            "momentum", [Options with { Momentum = 0 }, Options with { Momentum = 0.999 }, Options with { Momentum = 1e-9, Nesterov = true }],
            [Options with { Momentum = -0.1 }, Options with { Momentum = 1 }, Options with { Momentum = 0, Nesterov = true }]
        },
        { "optimizer", [Options with { Optimizer = "adamw" }, Options with { Optimizer = "sgd" }], [Options with { Optimizer = "lion" }] },
        { "beta1", [Options with { Beta1 = 0 }], [Options with { Beta1 = 1 }, Options with { Beta1 = -0.1 }] },
        { "beta2", [Options with { Beta2 = 0 }], [Options with { Beta2 = 1 }, Options with { Beta2 = -0.1 }] },
        { "epsilon", [Options with { Epsilon = 0 }], [Options with { Epsilon = -1e-9 }, Options with { Epsilon = double.PositiveInfinity }] },
        { "clip norm", [Options with { ClipNorm = 1e-9 }], [Options with { ClipNorm = 0 }, Options with { ClipNorm = double.PositiveInfinity }] },
        { "clip value", [Options with { ClipValue = 1e-9 }], [Options with { ClipValue = 0 }, Options with { ClipValue = double.PositiveInfinity }] },
        { "ema", [Options with { Ema = 0 }, Options with { Ema = 0.9999 }], [Options with { Ema = 1 }, Options with { Ema = -0.1 }] },
        {
            "weight decay", [Options with { WeightDecay = 0 }], [Options with { WeightDecay = -1e-9 }, Options with { WeightDecay = double.PositiveInfinity }]
        },
        {
            "label smoothing", [Options with { LabelSmoothing = 0 }, Options with { LabelSmoothing = 1 }],
            [Options with { LabelSmoothing = -0.1 }, Options with { LabelSmoothing = 1.1 }]
        },
        { "padding", [Options with { Padding = 0 }, Options with { Padding = null }], [Options with { Padding = -1 }] },
        { "normalization", [Options with { Normalization = null }], [Options with { Normalization = "imagenot" }] },
        {
            "thaw after", [Options with { ThawAfter = 1 }, Options with { ThawAfter = null, FreezeBackbone = false }],
            [Options with { ThawAfter = 0 }, Options with { ThawAfter = 1, FreezeBackbone = false }]
        },
        { "validation count", [Options with { ValidationCount = 0 }], [Options with { ValidationCount = -1 }] },
    };

    [Theory]
    [MemberData(nameof(Ranges))]
    public void Each_figure_has_its_range_and_the_error_names_it(string name, TrainingOptions[] good, TrainingOptions[] bad)
    {
        Assert.All(good, options => options.Check());
        Assert.All(bad, options =>
        {
            string message = Assert.Throws<EngineException>(options.Check).Message;
            Assert.StartsWith($"{name} is ", message);
            Assert.Contains(", but must be ", message);
        });
    }

    [Fact]
    public void An_optimizer_comes_with_its_usual_figures_and_a_rate_that_was_given_stays()
    {
        TrainingOptions options = new() { LearningRate = 0.3, WeightDecay = 0.2 };
        TrainingOptions adamw = options.WithOptimizer("adamw");
        Assert.Equal(("adamw", 1e-3, 1e-2), (adamw.Optimizer, adamw.LearningRate, adamw.WeightDecay));
        Assert.Same(options, options.WithOptimizer("sgd"));
        TrainingOptions back = adamw.WithOptimizer("sgd");
        Assert.Equal(("sgd", 1e-3, 1e-2), (back.Optimizer, back.LearningRate, back.WeightDecay));
    }

    [Theory]
    [InlineData("digits", 16, 32, 0.05, "warmup-cosine", 5e-4, 0.1)]
    [InlineData("fashion-mnist", 3, 128, 0.1, "cosine", 1e-4, 0)]
    [InlineData("cifar10", 10, 128, 0.1, "cosine", 1e-4, 0)]
    [InlineData("folder:pets", 10, 128, 0.1, "cosine", 1e-4, 0)]
    public void Each_data_set_has_its_recipe(string data, int epochs, int batchSize, double rate, string schedule, double decay, double smoothing)
    {
        TrainingOptions options = TrainingRecipes.For(data);
        options.Check();
        Assert.Equal(
            (epochs, batchSize, rate, schedule, decay, smoothing),
            (options.Epochs, options.BatchSize, options.LearningRate, options.Schedule, options.WeightDecay, options.LabelSmoothing));
        Assert.Equal(data == "digits" ? false : null, options.Mirror);
        TrainingOptions quick = TrainingRecipes.Preset("quick", data, "resnet20");
        Assert.Equal(((epochs + 2) / 3, "cosine", batchSize), (quick.Epochs, quick.Schedule, quick.BatchSize));
    }

    [Theory]
    [InlineData("resnet109", "paper")]
    [InlineData("resnet110", "paper-warmup")]
    [InlineData("preact1001", "paper-warmup")]
    [InlineData("mine", "paper")]
    [InlineData("resnet99999999999", "paper")]
    public void Deep_networks_warm_up(string model, string schedule) => Assert.Equal(schedule, TrainingRecipes.Preset("cifar", "cifar10", model).Schedule);

    // The seven schedules that need no more than a rate and a number of steps, at the steps where they change.
    [Theory]
    [InlineData("constant", 0, 0.1, 99, 0.1)]
    [InlineData("step", 49, 0.1, 50, 0.01)]
    [InlineData("step", 74, 0.01, 75, 0.001)]
    [InlineData("cosine", 50, 0.05, 100, 0)]
    [InlineData("warmup", 0, 0.02, 3, 0.08)]
    [InlineData("warmup", 4, 0.1, 99, 0.1)]
    [InlineData("warmup-cosine", 4, 0.1, 5, 0.1)]
    [InlineData("paper", 31_999, 0.1, 32_000, 0.01)]
    public void A_named_schedule_has_these_rates(string name, long first, double rate, long second, double later)
    {
        LearningRateSchedule schedule = LearningRateSchedule.Create(name, new ScheduleContext(0.1, 100));
        Assert.Equal(rate, schedule.RateAt(first), 1e-12);
        Assert.Equal(later, schedule.RateAt(second), 1e-12);
    }

    [Fact]
    public void The_state_of_a_schedule_is_these_numbers()
    {
        Dictionary<string, double> state = [];
        LearningRateSchedule schedule = new ErrorWarmUpSchedule(0.01, untilError: 0.8, new PlateauSchedule(0.1));
        schedule.ObserveStep(0.5);
        schedule.SaveState(state);
        Assert.Equal(0.99, state["warmup_error"], 1e-12);
        Assert.Equal((0, 0.1, double.MaxValue, 0), (state["warmup_done"], state["plateau_rate"], state["plateau_best"], state["plateau_bad_epochs"]));
        for (int i = 0; i < 30; i++)
        {
            schedule.ObserveStep(0);
        }

        schedule.ObserveEpoch(0.3);
        schedule.ObserveEpoch(0.3);
        schedule.SaveState(state);
        Assert.Equal((1, 0.3, 1), (state["warmup_done"], state["plateau_best"], state["plateau_bad_epochs"]));

        // Warm, it stays so, whatever the error does.
        Assert.Equal(0.1, schedule.RateAt(5));
        schedule.ObserveStep(50);
        Assert.Equal(0.1, schedule.RateAt(6));
        foreach (string name in state.Keys)
        {
            Dictionary<string, double> less = new(state);
            less.Remove(name);
            Assert.Contains($"lacks '{name}'", Assert.Throws<EngineException>(() => schedule.LoadState(less)).Message);
        }

        // What wraps another schedule hands everything on.
        LinearWarmUpSchedule outer = new(3, new PlateauSchedule(0.1, patience: 0));
        outer.ObserveEpoch(0.5);
        outer.ObserveEpoch(0.5);
        outer.ObserveStep(0.5);
        Assert.Equal(0.01, outer.RateAt(3), 1e-12);
        Dictionary<string, double> inner = [];
        outer.SaveState(inner);
        Assert.Equal(0.01, inner["plateau_rate"], 1e-12);
        LinearWarmUpSchedule resumed = new(3, new PlateauSchedule(0.1));
        resumed.LoadState(inner);
        Assert.Equal(outer.RateAt(0).ToString("R", CultureInfo.InvariantCulture), resumed.RateAt(0).ToString("R", CultureInfo.InvariantCulture));
    }
}
