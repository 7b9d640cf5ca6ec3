using System.Diagnostics;
using Engine.Data;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>
/// Trains a network on a data set: batches through the model, the loss backwards, the optimizer's step, and at each epoch's end an
/// evaluation and, where there is a run folder, a checkpoint from which the run can go on bit for bit.
/// </summary>
/// <remarks>The model and the device stay their maker's: disposing a trainer leaves both as they are.</remarks>
public sealed partial class Trainer : IDisposable
{
    private const int AsynchronousReadInterval = 16;
    private readonly Device _device;
    private readonly RunFolder? _folder;
    private readonly TrainingData _data;
    private readonly BatchLoader _train;
    private readonly BatchLoader _test;
    private readonly Optimizer _optimizer;
    private readonly MovingAverage? _average;
    private readonly Loss? _loss;
    private readonly List<TrainingCallback> _callbacks = [];
    private readonly LearningRateSchedule _schedule;
    private readonly StepMeter _meter;
    private readonly TrainingStep _step;
    private readonly List<EpochReport> _reports = [];
    private readonly Stopwatch _session = new();
    private readonly WeightSnapshot _best = new();
    private bool _isStopAsked;
    private int _isRunning;
    private TrainingState _state = new();
    private double _secondsBefore;
    private long _sessionSteps;
    private double _evaluationSeconds;
    private int _sessionEvaluations;
    private bool _isDisposed;

    /// <summary>Prepares a run; nothing is computed yet.</summary>
    /// <param name="model">The network. It is put on the device, with first weights from the options' seed, unless it is there already.</param>
    /// <param name="data">The images to train on and to test with.</param>
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
    /// <param name="optimizer">Makes the optimizer of the model, which is on the device then; the trainer disposes it. Null for the one that the options
    /// name.</param>
    /// <exception cref="EngineException">An option is out of range or does not fit the data, or the device cannot record steps.</exception>
    public Trainer(
        Module model, ImageDataset data, Device device, TrainingOptions options, RunFolder? folder = null, int? lossReadInterval = null,
            bool? recordSteps = null,
        Loss? loss = null, Func<Module, Optimizer>? optimizer = null)
        : this(model, TrainingData.Of(data, options), device, options, folder, lossReadInterval, recordSteps, loss, optimizer)
    {
    }

    /// <summary>Prepares a run on samples of any shape and any target; nothing is computed yet.</summary>
    /// <param name="model">The network, whose outputs are [N, targets]. It is put on the device, with first weights from the options' seed, unless it is there
    /// already.</param>
    /// <param name="data">The samples to train on and to test with. Features are standardized, and values to be predicted, too, unless the set says how they
    /// are scaled.</param>
    /// <param name="device">What computes.</param>
    /// <param name="options">How to train.</param>
    /// <param name="folder">Where to write; null to write nothing.</param>
    /// <param name="lossReadInterval">As of the other constructor.</param>
    /// <param name="recordSteps">As of the other constructor.</param>
    /// <param name="loss">What is made small; null for the one that fits the targets: cross-entropy of classes, binary cross-entropy of labels, and the
    /// mean squared error of values.</param>
    /// <param name="optimizer">Makes the optimizer, as of the other constructor.</param>
    /// <exception cref="EngineException">An option is out of range or does not fit the data, or the device cannot record steps.</exception>
    public Trainer(
        Module model, SampleDataset data, Device device, TrainingOptions options, RunFolder? folder = null, int? lossReadInterval = null,
        bool? recordSteps = null, Loss? loss = null, Func<Module, Optimizer>? optimizer = null)
        : this(model, TrainingData.Of(data, options), device, options, folder, lossReadInterval, recordSteps, loss, optimizer)
    {
    }

    private Trainer(
        Module model, TrainingData data, Device device, TrainingOptions options, RunFolder? folder, int? lossReadInterval, bool? recordSteps, Loss? loss,
        Func<Module, Optimizer>? optimizer)
    {
        if (options.FreezeBackbone && model is not IFineTunable)
        {
            throw new EngineException($"freeze backbone: a {model.GetType().Name} does not tell its backbone from its head (it is no IFineTunable)");
        }

        int interval = lossReadInterval ?? (device.IsAsynchronous ? AsynchronousReadInterval : 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(interval, nameof(lossReadInterval));
        (Model, Options, _device, _folder) = (model.To(device, options.Seed), options, device, folder);
        if (data.TrainCount == 0 || data.TestCount == 0)
        {
            throw new EngineException(
                $"'{data.Name}' has no {data.Noun}s to {(data.TrainCount == 0 ? "train on" : "test on; hold some out for validation")}");
        }

        if (loss is not null && data.HasWeights)
        {
            throw new EngineException($"'{data.Name}' has weights, which a loss of one's own does not see: leave the weights out, or the loss");
        }

        // A set that does not fill one batch is taken as one batch; a larger one leaves out what does not fill its last.
        int batchSize = Math.Min(options.BatchSize, data.TrainCount);
        if (batchSize % options.MicroBatches != 0)
        {
            throw new EngineException(
                $"{options.MicroBatches} micro batches do not divide a batch of {batchSize} {data.Noun}{(batchSize == 1 ? "" : "s")}, which is all that "
                    + $"'{data.Name}' has");
        }

        _data = data;
        _train = data.TrainingLoader(device, batchSize / options.MicroBatches, options);
        _test = data.TestLoader(device);
        StepsPerEpoch = _train.StepsPerEpoch / options.MicroBatches;
        TotalSteps = Math.Min(options.MaxSteps ?? long.MaxValue, (long)options.Epochs * StepsPerEpoch);
        Epochs = (int)((TotalSteps + StepsPerEpoch - 1) / StepsPerEpoch);
        _optimizer = optimizer?.Invoke(model) ?? TrainingOptimizers.Create(options, model);
        _loss = loss;
        _average = options.Ema is { } decay ? new MovingAverage(model, decay) : null;
        _schedule = LearningRateSchedule.Create(options.Schedule, new ScheduleContext(options.LearningRate, TotalSteps));
        _step = new TrainingStep(model, device, _optimizer, _average, options, loss, _callbacks, data.Task, recordSteps);
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

    /// <summary>How the data set's pixels become numbers: by channel or by pixel, from the images that are trained on unless the set has constants.</summary>
    /// <param name="data">The set, after <see cref="ImageDataset.WithValidation"/> where images are held out.</param>
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
            _state = Checkpoint.Load(_folder.CheckpointPath, Model, _optimizer, _average, Manifest, _data, StepsPerEpoch, TotalSteps);
            _schedule.LoadState(_state.Schedule);
            _secondsBefore = _state.Seconds;
            _folder.Adopt(Manifest);
        }

        else if (_folder.HasBegun && _folder.Manifest.Weights is not null)
        {
            throw new EngineException(
                $"the run in '{_folder.Path}' was killed before its first checkpoint, and began from the weights of '{_folder.Manifest.Weights}': start it "
                    + $"again instead of resuming it");
        }

        if (_folder.HasBegun)
        {
            _folder.KeepEpochs(_state.Epoch);
        }

        _reports.Clear();
        _reports.AddRange(_folder.Metrics);
    }

    /// <summary>Trains until the end or until it is canceled, which writes a checkpoint in the middle of the epoch.</summary>
    /// <param name="cancellation">Asks for the run to stop after the step in progress.</param>
    /// <exception cref="EngineException">
    /// The loss became infinite or NaN (the last good checkpoint is left as it was), the model does not fit the data, or a file cannot be written.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The trainer, the model or the device has been disposed.</exception>
    public TrainingResult Run(CancellationToken cancellation = default)
    {
        ThrowIfDisposed();
        if (Interlocked.Exchange(ref _isRunning, 1) != 0)
        {
            throw new EngineException("this trainer is running already: wait for its run to end, or cancel it");
        }

        _session.Restart();
        _sessionSteps = 0;
        _isStopAsked = false;
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
                _folder?.Begin(Manifest, SaveTo);
            }

            bool isStoppedEarly = false;
            while (_state.GlobalStep < TotalSteps || _state.Step > 0)
            {
                if (_state.Step == 0 && (_isStopAsked || HasStalled))
                {
                    isStoppedEarly = true;
                    break;
                }

                SetBackbone();
                if (!RunSteps(cancellation) || !EndEpoch(cancellation))
                {
                    HoldMetrics(int.MaxValue);
                    CheckWeights();
                    Save();
                    return new TrainingResult(IsCompleted: false, [.. _reports]);
                }
            }

            RestoreBest();
            return new TrainingResult(IsCompleted: true, [.. _reports]) { IsStoppedEarly = isStoppedEarly };
        }
        finally
        {
            _step.End();
            _folder?.Release();
            _device.Tape.Clear();
            Volatile.Write(ref _isRunning, 0);
        }
    }

    /// <summary>
    /// Trains as <see cref="Run"/> does, on a thread of its own, so that an application's goes on. Until the task has ended, the model and the device belong to
    /// that thread. A run that is canceled is no fault: its result says that it is not completed.
    /// </summary>
    /// <param name="cancellation">Asks for the run to stop after the step in progress.</param>
    /// <param name="epochs">Is told each epoch, where it wants to be told: a <see cref="Progress{T}"/> made by a window, on the window's thread.</param>
    /// <param name="steps">Is told each step; null as a rule, since there are many.</param>
    /// <exception cref="EngineException">As of <see cref="Run"/>.</exception>
    /// <exception cref="ObjectDisposedException">As of <see cref="Run"/>.</exception>
    public async Task<TrainingResult> RunAsync(
        CancellationToken cancellation = default, IProgress<EpochReport>? epochs = null, IProgress<StepReport>? steps = null)
    {
        Action<EpochReport> tellEpoch = report => epochs?.Report(report);
        Action<StepReport> tellStep = report => steps?.Report(report);
        EpochEnded += tellEpoch;
        StepEnded += tellStep;
        try
        {
            return await Task.Factory
                .StartNew(() => Run(cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .ConfigureAwait(false);
        }
        finally
        {
            EpochEnded -= tellEpoch;
            StepEnded -= tellStep;
        }
    }

    /// <summary>
    /// Writes the model with all that is needed to use it: its network, where <see cref="Formats.NetworkDescription"/> knows the modules, what goes in, how
    /// it is scaled, and what comes out. <see cref="SavedModel.Open"/> opens it.
    /// </summary>
    /// <param name="path">The file, a .safetensors, which is replaced as a whole.</param>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model or the device has been disposed.</exception>
    public void Save(string path) => SavedModel.Save(path, Model, _data.Describe);

    /// <summary>Frees the loaders and the optimizer, and lets others write the run folder; the model stays. A second call does nothing.</summary>
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

    private RunManifest Manifest => _folder!.Manifest with { Training = Options };

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this trainer was disposed: make a new one, or dispose it after its last run; its model is still there");
        }
    }
}
