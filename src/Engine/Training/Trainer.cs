using System.Diagnostics;
using System.Globalization;
using Engine.Data;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>
/// Trains a network on a data set: batches through the model, the loss backwards, the optimizer's step, and at each epoch's end an
/// evaluation and, where there is a run folder, a checkpoint from which the run can go on bit for bit.
/// </summary>
/// <remarks>The model and the device stay their maker's: disposing a trainer leaves both as they are.</remarks>
public sealed class Trainer : IDisposable
{
    private const int AsynchronousReadInterval = 16;
    private readonly Device _device;
    private readonly RunFolder? _folder;
    private readonly DataDescription _data;
    private readonly DataLoader _train;
    private readonly DataLoader _test;
    private readonly Optimizer _optimizer;
    private readonly MovingAverage? _average;
    private readonly Loss? _loss;
    private readonly List<TrainingCallback> _callbacks = [];
    private readonly LearningRateSchedule _schedule;
    private readonly StepMeter _meter;
    private readonly TrainingStep _step;
    private readonly List<EpochReport> _reports = [];
    private readonly Stopwatch _session = new();
    private TrainingState _state = new();
    private double _secondsBefore;
    private long _sessionSteps;
    private double _evaluationSeconds;
    private int _sessionEvaluations;
    private bool _isDisposed;

    /// <summary>Prepares a run; nothing is computed yet.</summary>
    /// <param name="model">The network. It is put on the device, with first weights from the options' seed, unless it is there already.</param>
    /// <param name="data">The pictures to train on and to test with.</param>
    /// <param name="device">What computes.</param>
    /// <param name="options">How to train.</param>
    /// <param name="folder">Where to write; null to write nothing.</param>
    /// <param name="lossReadInterval">
    /// How many steps the host may lag behind in looking at losses; whenever it does by so many, it looks at the older half. With 1 it
    /// waits for each loss, and one that is not finite never reaches the weights; a larger number spares a device that works on its
    /// own the waiting. Null for 1 on devices that work at once and 16 on others.
    /// </param>
    /// <param name="recordSteps">
    /// Whether a step is recorded once and then replayed as a whole, which gives the same bits with next to no work on the host; null to
    /// do so where the device can. What is observed, frozen or replaced in the middle of an epoch then counts from the next one on.
    /// </param>
    /// <param name="loss">What is made small; null for the cross-entropy with the options' label smoothing.</param>
    /// <param name="optimizer">Makes the optimizer of the model, which is on the device then; the trainer disposes it. Null for the one that the options name.</param>
    /// <exception cref="EngineException">An option is out of range or does not fit the data, or the device cannot record steps.</exception>
    public Trainer(
        Module model, ImageDataset data, Device device, TrainingOptions options, RunFolder? folder = null, int? lossReadInterval = null, bool? recordSteps = null,
        Loss? loss = null, Func<Module, Optimizer>? optimizer = null)
    {
        options.Check();
        if (options.FreezeBackbone && model is not IFineTunable)
        {
            throw new EngineException($"freeze backbone: a {model.GetType().Name} does not tell its backbone from its head (it is no IFineTunable)");
        }

        int interval = lossReadInterval ?? (device.IsAsynchronous ? AsynchronousReadInterval : 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(interval, nameof(lossReadInterval));
        (Model, Options, _device, _folder) = (model.To(device, options.Seed), options, device, folder);
        if (options.ValidationCount > 0)
        {
            data = data.WithValidation(options.ValidationCount, options.Seed);
        }

        if (data.Train.Count == 0 || data.Test.Count == 0)
        {
            throw new EngineException($"'{data.Name}' has no images to {(data.Train.Count == 0 ? "train on" : "test on; hold some out for validation")}");
        }

        // A set that does not fill one batch is taken as one batch; a larger one leaves out what does not fill its last.
        int batchSize = Math.Min(options.BatchSize, data.Train.Count);
        if (batchSize % options.MicroBatches != 0)
        {
            throw new EngineException(
                $"{options.MicroBatches} micro batches do not divide a batch of {batchSize} image{(batchSize == 1 ? "" : "s")}, which is all that '{data.Name}' has");
        }

        PixelNormalization normalization = NormalizationOf(data, options);
        _data = DataDescription.Of(data, normalization);
        Augmentation augmentation = new(options.Padding ?? data.Augmentation.Padding, options.Mirror ?? data.Augmentation.Mirror);
        _train = new DataLoader(device, data.Train, DataLoaderOptions.Training(batchSize / options.MicroBatches, options.Seed, augmentation, normalization));
        _test = new DataLoader(device, data.Test, DataLoaderOptions.Evaluation(Math.Min(256, data.Test.Count), normalization));
        StepsPerEpoch = _train.StepsPerEpoch / options.MicroBatches;
        TotalSteps = Math.Min(options.MaxSteps ?? long.MaxValue, (long)options.Epochs * StepsPerEpoch);
        Epochs = (int)((TotalSteps + StepsPerEpoch - 1) / StepsPerEpoch);
        _optimizer = optimizer?.Invoke(model) ?? TrainingOptimizers.Create(options, model);
        _loss = loss;
        _average = options.Ema is { } decay ? new MovingAverage(model, decay) : null;
        _schedule = LearningRateSchedule.Create(options.Schedule, new ScheduleContext(options.LearningRate, TotalSteps));
        _step = new TrainingStep(model, device, _optimizer, _average, options, loss, _callbacks, _train.Source.ClassNames.Count, recordSteps);
        _meter = new StepMeter(device, interval, options.MicroBatches);
    }

    /// <summary>What a program does of its own while this trains, in this order. Add to it before <see cref="Run"/>.</summary>
    public IList<TrainingCallback> Callbacks => _callbacks;

    /// <summary>Raised after each step, as soon as its loss has been read.</summary>
    public event Action<StepReport>? StepEnded;

    /// <summary>Raised after each epoch, when its checkpoint has been written.</summary>
    public event Action<EpochReport>? EpochEnded;

    /// <summary>The network.</summary>
    public Module Model { get; }

    /// <summary>How it is trained.</summary>
    public TrainingOptions Options { get; }

    /// <summary>Updates of the weights in a whole epoch.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Updates of the weights in the whole run.</summary>
    public long TotalSteps { get; }

    /// <summary>Epochs that the run has; the last one may be cut short.</summary>
    public int Epochs { get; }

    /// <summary>Whether <see cref="Run"/> begins in the middle of a run that was interrupted, and after how many steps.</summary>
    public long StepsDone => _state.GlobalStep;

    /// <summary>Why steps were run one by one although the device records steps and nobody asked it not to; null where all is well.</summary>
    public string? RecordingProblem => _step.Problem;

    /// <summary>How the data set's pixels become numbers: by channel or by pixel, from the pictures that are trained on unless the set has constants.</summary>
    /// <param name="data">The set, after <see cref="ImageDataset.WithValidation"/> where pictures are held out.</param>
    /// <param name="options">The options that say which.</param>
    public static PixelNormalization NormalizationOf(ImageDataset data, TrainingOptions options) =>
        options.Normalization is null && !options.PerPixelMean && data.Normalization is { } constants
            ? constants
            : PixelNormalization.Named(options.Normalization ?? (options.PerPixelMean ? "pixel" : "dataset"), data);

    /// <summary>
    /// Takes up the run of the folder where its checkpoint left it; <see cref="Run"/> then ends with the very weights that it would
    /// have had without the interruption. Where no checkpoint was written yet, the run starts from its beginning.
    /// </summary>
    /// <exception cref="EngineException">There is no folder, or its checkpoint is damaged or of another network.</exception>
    /// <exception cref="ObjectDisposedException">The trainer has been disposed.</exception>
    public void Resume()
    {
        ThrowIfDisposed();
        if (_folder is null)
        {
            throw new EngineException("a run can only be resumed from a run folder, but the trainer was made without one");
        }

        _folder.Hold();
        if (_folder.HasBegun && File.Exists(_folder.CheckpointPath))
        {
            _state = Checkpoint.Load(_folder.CheckpointPath, Model, _optimizer, _average, Options, _data, StepsPerEpoch, TotalSteps);
            _schedule.LoadState(_state.Schedule);
            _secondsBefore = _state.Seconds;
            _folder.Adopt(Options);
        }

        else if (_folder.HasBegun && Options.Weights is not null)
        {
            throw new EngineException(
                $"the run in '{_folder.Path}' was killed before its first checkpoint, and began from the weights of '{Options.Weights}': start it again instead of resuming it");
        }

        if (_folder.HasBegun)
        {
            _folder.KeepEpochs(_state.Epoch);
        }

        _reports.Clear();
        _reports.AddRange(_folder.Metrics);
    }

    /// <summary>Trains until the end or until it is cancelled, which writes a checkpoint in the middle of the epoch.</summary>
    /// <param name="cancellation">Asks for the run to stop after the step in progress.</param>
    /// <exception cref="EngineException">
    /// The loss became infinite or NaN (the last good checkpoint is left as it was), the model does not fit the data, or a file cannot be written.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The trainer, the model or the device has been disposed.</exception>
    public TrainingResult Run(CancellationToken cancellation = default)
    {
        ThrowIfDisposed();
        _session.Restart();
        _sessionSteps = 0;
        _sessionEvaluations = 0;
        _evaluationSeconds = 0;
        Model.Train();
        _step.Forget();
        try
        {
            _folder?.Hold();
            if (_state.GlobalStep == 0)
            {
                // An unwritable folder or a full disk shows before hours have been spent.
                _average?.Reset();
                _folder?.Begin(Options, SaveTo);
            }

            while (_state.GlobalStep < TotalSteps || _state.Step > 0)
            {
                SetBackbone();
                if (!RunSteps(cancellation) || !EndEpoch(cancellation))
                {
                    HoldMetrics(int.MaxValue);
                    CheckWeights();
                    Save();
                    return new TrainingResult(IsCompleted: false, [.. _reports]);
                }
            }

            return new TrainingResult(IsCompleted: true, [.. _reports]);
        }
        finally
        {
            _step.End();
            _folder?.Release();
            _device.Tape.Clear();
        }
    }

    /// <summary>Frees the loaders and the optimiser, and lets others write the run folder; the model stays. A second call does nothing.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _folder?.Release();
        _step.Dispose();
        _train.Dispose();
        _test.Dispose();
        _average?.Dispose();
        _optimizer.Dispose();
        _meter.Dispose();
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this trainer was disposed: make a new one, or dispose it after its last run; its model is still there");
        }
    }

    // Frozen or thawed as the epoch in progress has it, which depends on nothing but its number.
    private void SetBackbone()
    {
        if (!Options.FreezeBackbone)
        {
            return;
        }

        IFineTunable model = (IFineTunable)Model;
        if (_state.Epoch < (Options.ThawAfter ?? int.MaxValue))
        {
            model.FreezeBackbone();
        }
        else
        {
            model.UnfreezeBackbone();
        }
    }

    private int StepsInEpoch => (int)Math.Min(StepsPerEpoch, TotalSteps - ((long)_state.Epoch * StepsPerEpoch));

    // Runs the rest of the epoch's steps; false when cancelled.
    private bool RunSteps(CancellationToken cancellation)
    {
        int stepsInEpoch = StepsInEpoch;
        int parts = Options.MicroBatches;
        int images = 0;
        long start = Stopwatch.GetTimestamp();
        _step.Begin();
        if (_state.Step < stepsInEpoch)
        {
            try
            {
                foreach (Batch batch in _train.Epoch(_state.Epoch, _state.Step * parts))
                {
                    int part = batch.Step % parts;
                    if (part == 0)
                    {
                        images = 0;
                        if (cancellation.IsCancellationRequested)
                        {
                            break;
                        }
                    }

                    images += batch.Count;
                    _step.Propagate(batch, part, _state.GlobalStep, _schedule.RateAt(_state.GlobalStep));
                    _meter.Add(part, _step.LastLoss, _step.Correct);
                    if (part == parts - 1)
                    {
                        Update(images, _secondsBefore + Stopwatch.GetElapsedTime(start).TotalSeconds);
                        if (_state.Step == stepsInEpoch)
                        {
                            break;
                        }
                    }
                }
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // A source whose images take long to read stops reading at once: the steps that are done count, as after any other.
            }
        }

        _step.CountReplays();
        _device.Synchronize();
        _secondsBefore += Stopwatch.GetElapsedTime(start).TotalSeconds;
        _state.Seconds = _secondsBefore;
        return _state.Step == stepsInEpoch;
    }

    private void Update(int images, double seconds)
    {
        double rate = _schedule.RateAt(_state.GlobalStep);
        _meter.EndStep(images, rate);
        _state.Seconds = seconds;
        _state.Step++;
        _state.GlobalStep++;
        _sessionSteps++;

        // Where losses are read at once, one that is not finite never reaches the weights. Otherwise the older half is read, which has
        // long arrived. It depends on nothing but the number of steps when the schedule learns of them.
        int unread = _state.Pending.Count + _meter.Count;
        if (unread >= _meter.Capacity)
        {
            ReadMetrics(unread - (_meter.Capacity / 2));
        }

        _step.Update(_state.GlobalStep - 1, rate);
    }

    // Reads what the device holds, without telling the schedule: the run may be going to stop here.
    private void HoldMetrics(int steps)
    {
        _meter.Take(Math.Clamp(steps - _state.Pending.Count, 0, _meter.Count), _state.Pending);
        foreach (StepMetrics metrics in _state.Pending)
        {
            CheckFinite(metrics);
        }
    }

    private void ReadMetrics(int steps)
    {
        HoldMetrics(steps);
        steps = Math.Min(steps, _state.Pending.Count);
        for (int i = 0; i < steps; i++)
        {
            StepMetrics metrics = _state.Pending[i];
            _state.LossSum += metrics.Loss;
            _state.Correct += metrics.Correct;
            _state.Images += metrics.Images;
            _state.MeasuredSteps++;
            _schedule.ObserveStep(1 - ((double)metrics.Correct / metrics.Images));
            StepReport report = Report(metrics);
            StepEnded?.Invoke(report);
            foreach (TrainingCallback callback in _callbacks)
            {
                callback.StepEnded(report);
            }

        }

        _state.Pending.RemoveRange(0, steps);
    }

    private StepReport Report(StepMetrics metrics)
    {
        double pace = _sessionSteps == 0 ? 0 : (_session.Elapsed.TotalSeconds - _evaluationSeconds) / _sessionSteps;
        double evaluation = _evaluationSeconds / Math.Max(1, _sessionEvaluations) * (Epochs - _state.Epoch);
        return new StepReport(
            _state.Epoch + 1, Epochs, _state.MeasuredSteps, StepsInEpoch, ((long)_state.Epoch * StepsPerEpoch) + _state.MeasuredSteps, TotalSteps,
            metrics.Loss, _state.LossSum / _state.MeasuredSteps, (double)_state.Correct / _state.Images, metrics.LearningRate,
            _state.Images / Math.Max(_state.Seconds, 1e-9), TimeSpan.FromSeconds(Math.Max(0, (pace * (TotalSteps - _state.GlobalStep)) + evaluation)),
            (double)metrics.Correct / metrics.Images);
    }

    // Evaluates, reports and saves; false when cancelled before the evaluation was over.
    private bool EndEpoch(CancellationToken cancellation)
    {
        ReadMetrics(int.MaxValue);
        long start = Stopwatch.GetTimestamp();
        EvaluationResult result;
        EvaluationResult? averaged = null;
        try
        {
            result = Evaluation.Run(Model, _test, cancellation, _loss);
            if (_average is not null)
            {
                using IDisposable use = _average.Use();
                averaged = Evaluation.Run(Model, _test, cancellation, _loss);
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        _evaluationSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        _sessionEvaluations++;
        double rate = _schedule.RateAt(_state.GlobalStep - 1);
        CheckWeights();
        if (!double.IsFinite(result.Loss))
        {
            throw Diverged($"the loss on the test set became {result.Loss.ToString(CultureInfo.InvariantCulture)}", rate);
        }

        EpochReport report = new()
        {
            Epoch = _state.Epoch + 1,
            Epochs = Epochs,
            GlobalStep = _state.GlobalStep,
            TrainLoss = _state.LossSum / _state.MeasuredSteps,
            TrainAccuracy = (double)_state.Correct / _state.Images,
            Correct = result.Correct,
            CorrectTop5 = result.CorrectTop5,
            Total = result.Total,
            TestLoss = result.Loss,
            EmaCorrect = averaged?.Correct,
            EmaTestLoss = averaged?.Loss,
            Seconds = _state.Seconds,
            ImagesPerSecond = _state.Images / Math.Max(_state.Seconds, 1e-9),
            LearningRate = rate,
        };
        _schedule.ObserveEpoch(1 - report.Accuracy);
        _reports.Add(report);
        _state.NextEpoch();
        _secondsBefore = 0;

        // The checkpoint comes last: what a crash before it has left of this epoch, a resumed run writes again.
        _folder?.Append(report);
        _folder?.WriteWeights(Model, _average, report, _data);
        Save();
        EpochEnded?.Invoke(report);
        foreach (TrainingCallback callback in _callbacks)
        {
            callback.EpochEnded(report);
        }

        return true;
    }

    private void Save()
    {
        if (_folder is not null)
        {
            SaveTo(_folder.CheckpointPath);
        }
    }

    private void SaveTo(string path)
    {
        _schedule.SaveState(_state.Schedule);
        Checkpoint.Save(path, Model, _optimizer, _average, _state, Options, _data);
    }

    private void CheckFinite(StepMetrics metrics)
    {
        if (!double.IsFinite(metrics.Loss))
        {
            throw Diverged($"the loss became {metrics.Loss.ToString(CultureInfo.InvariantCulture)}", metrics.LearningRate);
        }
    }

    private void CheckWeights()
    {
        if (Checkpoint.FindNonFinite(Model) is { } name)
        {
            throw Diverged($"{name} is no longer finite", _schedule.RateAt(Math.Max(0, _state.GlobalStep - 1)));
        }
    }

    private TrainingDivergedException Diverged(string what, double rate)
    {
        string left = _folder is null ? "" : $"; '{_folder.CheckpointPath}' is the last good checkpoint";
        return new TrainingDivergedException(string.Create(
            CultureInfo.InvariantCulture,
            $"training diverged: {what} at step {_state.GlobalStep:N0} (epoch {_state.Epoch + 1}) with learning rate {rate:G4}; try a smaller one, such as {Options.LearningRate / 10:G3}{left}"));
    }
}
