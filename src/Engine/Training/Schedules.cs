namespace Engine.Training;

/// <summary>The same rate at every step.</summary>
public sealed class ConstantSchedule(double rate) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double RateAt(long step) => rate;
}

/// <summary>A rate that is multiplied by a factor at each milestone.</summary>
/// <param name="rate">The rate before the first milestone.</param>
/// <param name="milestones">The steps from which on the factor applies once more, in any order.</param>
/// <param name="factor">What each milestone multiplies the rate by.</param>
public sealed class StepSchedule(double rate, IReadOnlyList<long> milestones, double factor = 0.1) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double RateAt(long step) => rate * Math.Pow(factor, milestones.Count(milestone => step >= milestone));
}

/// <summary>
/// Half a cosine from the rate down to 0: rate (1 + cos(pi step / steps)) / 2 (Loshchilov and Hutter, "SGDR", 2017), as PyTorch's
/// CosineAnnealingLR has it when it is stepped once an update. Past the end the rate stays 0.
/// </summary>
public sealed class CosineSchedule(double rate, long totalSteps) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double RateAt(long step) => step >= totalSteps ? 0 : rate * (1 + Math.Cos(Math.PI * step / totalSteps)) / 2;
}

/// <summary>Grows linearly to another schedule's first rate over the first steps, and then follows that schedule from its start.</summary>
/// <param name="steps">How many steps; step i of them has (i + 1) / steps of the rate.</param>
/// <param name="then">What follows.</param>
public sealed class LinearWarmUpSchedule(long steps, LearningRateSchedule then) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double RateAt(long step) => step < steps ? then.RateAt(0) * (step + 1) / steps : then.RateAt(step - steps);

    /// <inheritdoc/>
    public override void ObserveStep(double trainingError) => then.ObserveStep(trainingError);

    /// <inheritdoc/>
    public override void ObserveEpoch(double testError) => then.ObserveEpoch(testError);

    /// <inheritdoc/>
    public override void SaveState(IDictionary<string, double> state) => then.SaveState(state);

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, double> state) => then.LoadState(state);
}

/// <summary>
/// The paper's warm-up of resnet110 (section 4.2): a small rate until the training error falls below a bound, about 400 steps, and
/// then another schedule by its own steps. The training error is a running mean over about 50 steps' batches.
/// </summary>
/// <param name="rate">The small rate.</param>
/// <param name="untilError">The share of wrong answers below which the warm-up ends.</param>
/// <param name="then">What follows; it counts steps from the run's start, as the paper does.</param>
public sealed class ErrorWarmUpSchedule(double rate, double untilError, LearningRateSchedule then) : LearningRateSchedule
{
    private const double Share = 0.02;
    private double _error = 1;
    private bool _isWarm;

    /// <inheritdoc/>
    public override double RateAt(long step) => _isWarm ? then.RateAt(step) : rate;

    /// <inheritdoc/>
    public override void ObserveStep(double trainingError)
    {
        _error += Share * (trainingError - _error);
        _isWarm |= _error < untilError;
        then.ObserveStep(trainingError);
    }

    /// <inheritdoc/>
    public override void ObserveEpoch(double testError) => then.ObserveEpoch(testError);

    /// <inheritdoc/>
    public override void SaveState(IDictionary<string, double> state)
    {
        state["warmup_error"] = _error;
        state["warmup_done"] = _isWarm ? 1 : 0;
        then.SaveState(state);
    }

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, double> state)
    {
        _error = Get(state, "warmup_error");
        _isWarm = Get(state, "warmup_done") != 0;
        then.LoadState(state);
    }
}

/// <summary>
/// A rate that is multiplied by a factor when the error has not improved for some epochs, as PyTorch's ReduceLROnPlateau does with
/// its relative threshold: an epoch improves when its error is below (1 - threshold) times the best.
/// </summary>
/// <param name="rate">The rate at the start.</param>
/// <param name="factor">What the rate is multiplied by.</param>
/// <param name="patience">How many epochs in a row without improvement are borne; the next one lowers the rate.</param>
/// <param name="threshold">The relative improvement that counts as one.</param>
public sealed class PlateauSchedule(double rate, double factor = 0.1, int patience = 5, double threshold = 1e-4) : LearningRateSchedule
{
    private double _rate = rate;
    private double _best = double.MaxValue;
    private int _badEpochs;

    /// <inheritdoc/>
    public override double RateAt(long step) => _rate;

    /// <inheritdoc/>
    public override void ObserveEpoch(double testError)
    {
        if (testError < _best * (1 - threshold))
        {
            _best = testError;
            _badEpochs = 0;
        }
        else if (++_badEpochs > patience)
        {
            _rate *= factor;
            _badEpochs = 0;
        }
    }

    /// <inheritdoc/>
    public override void SaveState(IDictionary<string, double> state)
    {
        state["plateau_rate"] = _rate;
        state["plateau_best"] = _best;
        state["plateau_bad_epochs"] = _badEpochs;
    }

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, double> state)
    {
        _rate = Get(state, "plateau_rate");
        _best = Get(state, "plateau_best");
        _badEpochs = (int)Get(state, "plateau_bad_epochs");
    }
}
