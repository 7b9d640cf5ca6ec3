using System.Globalization;

namespace Engine.Training;

/// <summary>What a schedule is made for: the run's rate and its length.</summary>
/// <param name="LearningRate">The rate that the run starts from.</param>
/// <param name="TotalSteps">The updates of the whole run, at least 1.</param>
public readonly record struct ScheduleContext(double LearningRate, long TotalSteps);

/// <summary>
/// The learning rate of every step of a run. A step is one update of the weights, counted from 0. Most schedules are functions
/// of the step alone; those that watch the training carry what they saw, which a checkpoint keeps.
/// </summary>
public abstract class LearningRateSchedule
{
    private static readonly Dictionary<string, Func<ScheduleContext, LearningRateSchedule>> Makers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["constant"] = context => new ConstantSchedule(context.LearningRate),
        ["step"] = context => new StepSchedule(context.LearningRate, [context.TotalSteps / 2, context.TotalSteps * 3 / 4]),
        ["cosine"] = context => new CosineSchedule(context.LearningRate, context.TotalSteps),
        ["warmup-cosine"] = context => WarmUp(context, new CosineSchedule(context.LearningRate, context.TotalSteps - WarmUpSteps(context))),
        ["warmup-step"] = context => WarmUp(
            context, new StepSchedule(
                context.LearningRate, [(context.TotalSteps / 2) - WarmUpSteps(context), (context.TotalSteps * 3 / 4) - WarmUpSteps(context)])),
        ["warmup"] = context => WarmUp(context, new ConstantSchedule(context.LearningRate)),
        ["paper"] = context => new StepSchedule(context.LearningRate, [32_000, 48_000]),
        ["paper-warmup"] = context => new ErrorWarmUpSchedule(
            context.LearningRate / 10, untilError: 0.8, new StepSchedule(context.LearningRate, [32_000, 48_000])),
        ["plateau"] = context => new PlateauSchedule(context.LearningRate),
    };

    /// <summary>
    /// The schedules that <see cref="Create"/> knows: constant; step (a tenth from the half and again from three quarters of the run); cosine;
    /// warmup (linear over the first twentieth, then constant); warmup-cosine; warmup-step; paper (a tenth from step 32,000 and again from 48,000);
    /// paper-warmup (the same after a tenth of the rate until the training error falls below 80 %, for resnet110); plateau (a
    /// tenth whenever the error on the test set stops falling).
    /// </summary>
    public static IReadOnlyCollection<string> Names => Makers.Keys;

    /// <summary>Makes a schedule by its name.</summary>
    /// <exception cref="EngineException">There is none of that name, or the context is out of range.</exception>
    public static LearningRateSchedule Create(string name, ScheduleContext context)
    {
        if (!Makers.TryGetValue(name, out Func<ScheduleContext, LearningRateSchedule>? make))
        {
            throw new EngineException($"there is no schedule '{name}'{Suggestion.Phrase(name, Names, ".")} There are {string.Join(", ", Names)}");
        }

        if (!(context.LearningRate > 0) || double.IsInfinity(context.LearningRate) || context.TotalSteps < 1)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture, $"schedule {name}: the learning rate ({context.LearningRate}) must be above 0 and the steps "
                    + $"({context.TotalSteps}) at least 1"));
        }

        return make(context);
    }

    /// <summary>The rate of a step, counted from 0.</summary>
    public abstract double RateAt(long step);

    /// <summary>Tells the share of wrong answers, from 0 to 1, in one training step's batch.</summary>
    public virtual void ObserveStep(double trainingError) { }

    /// <summary>Tells the share of wrong answers, from 0 to 1, on the test (or validation) set at an epoch's end.</summary>
    public virtual void ObserveEpoch(double testError) { }

    /// <summary>Adds what the schedule has seen so far to a checkpoint's numbers.</summary>
    public virtual void SaveState(IDictionary<string, double> state) { }

    /// <summary>Goes on from what <see cref="SaveState"/> saved.</summary>
    /// <exception cref="EngineException">A number is missing.</exception>
    public virtual void LoadState(IReadOnlyDictionary<string, double> state) { }

    /// <summary>One number of a saved state.</summary>
    /// <exception cref="EngineException">It is missing.</exception>
    protected static double Get(IReadOnlyDictionary<string, double> state, string name) =>
        state.TryGetValue(name, out double value) ? value : throw new EngineException(
            $"the checkpoint's schedule state lacks '{name}': it was made with another schedule");

    private static long WarmUpSteps(ScheduleContext context) => context.TotalSteps / 20;

    private static LinearWarmUpSchedule WarmUp(ScheduleContext context, LearningRateSchedule then) => new(WarmUpSteps(context), then);
}
