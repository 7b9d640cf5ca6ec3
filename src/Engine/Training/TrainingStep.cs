using Engine.Data;
using Engine.Layers;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>
/// One update of the weights: forward, loss, backward for each micro-batch, and the optimizer's step. Where the device can, it is run
/// once, then recorded, and from then on replayed: the same work on the same addresses, hence the same bits, with next to no
/// work on the host.
/// </summary>
internal sealed class TrainingStep : IDisposable
{
    private readonly Module _model;
    private readonly Device _device;
    private readonly Optimizer _optimizer;
    private readonly MovingAverage? _average;
    private readonly IReadOnlyList<(string Name, Parameter Parameter)> _parameters;
    private readonly TrainingOptions _options;
    private readonly LearningTask _task;
    private readonly bool _mayFallBack;

    // The first, a middle and the last micro-batch: only the last updates, and only the first overwrites gradients. One that is both
    // first and last counts as the last.
    private readonly IRecordedStep?[] _recordings = new IRecordedStep?[3];
    private readonly List<(bool, bool)> _recordedFlags = [];
    private bool _isRecording;
    private bool _hasRun;
    private bool _isReplaying;
    private bool _isObserved;
    private Batch? _recordedBatch;
    private int _replayed;
    private readonly IReadOnlyList<TrainingCallback> _callbacks;
    private readonly List<TrainingCallback> _watching = [];
    private readonly Loss? _loss;

    /// <param name="model">The network, on its device.</param>
    /// <param name="device">What computes.</param>
    /// <param name="optimizer">What updates the weights.</param>
    /// <param name="average">What follows them; null for none.</param>
    /// <param name="options">How to train.</param>
    /// <param name="loss">What is made small; null for the cross-entropy with the options' label smoothing.</param>
    /// <param name="callbacks">What may watch steps.</param>
    /// <param name="task">What is learned.</param>
    /// <param name="record">Whether to record; null to do so where it works.</param>
    /// <exception cref="EngineException">The device cannot record.</exception>
    public TrainingStep(
        Module model, Device device, Optimizer optimizer, MovingAverage? average, TrainingOptions options, Loss? loss,
        IReadOnlyList<TrainingCallback> callbacks,
        LearningTask task, bool? record)
    {
        if (record == true && !optimizer.CanRecord)
        {
            throw new EngineException(
                $"{optimizer.GetType().Name} cannot be part of a recorded step: leave recording off, or write what changes from step to step in Prepare");
        }

        if (record == true && !device.CanRecordSteps)
        {
            throw new EngineException($"{device.Name} does not record steps as graphs: leave that off, or use a GPU");
        }

        (_model, _device, _optimizer, _average, _options, _task) = (model, device, optimizer, average, options, task);
        (_loss, _callbacks, _parameters) = (loss, callbacks, model.Parameters);
        (_isRecording, _mayFallBack) = (record ?? (device.CanRecordSteps && optimizer.CanRecord), record is null);
        LastLoss = Tensor.Create(device, Shape.Scalar, device.FloatType);
        Correct = Tensor.Create(device, Shape.Scalar, task.CountType(device));
    }

    /// <summary>The loss of the last micro-batch.</summary>
    public Tensor LastLoss { get; }

    /// <summary>The right answers of the last micro-batch.</summary>
    public Tensor Correct { get; }

    /// <summary>Why steps are run one by one although the device records; null where they are not.</summary>
    public string? Problem { get; private set; }

    /// <summary>Looks at what recordings depend on, before an epoch: what has been frozen, thawed or switched since makes them void.</summary>
    public void Begin()
    {
        List<(bool, bool)> flags =
        [
            .. _model.Modules().Select(m => (m.Module.IsTraining, m.Module.IsObserved)),
            .. _model.Parameters.Select(p => (p.Parameter.IsFrozen, false)),
        ];
        if (!flags.SequenceEqual(_recordedFlags))
        {
            Forget();
            _recordedFlags.AddRange(flags);
            _isObserved = flags.Any(flag => flag.Item2);
        }
    }

    /// <summary>Forgets the recordings: the next step is run, and the one after it recorded anew.</summary>
    public void Forget()
    {
        foreach (IRecordedStep? recording in _recordings)
        {
            recording?.Dispose();
        }

        Array.Clear(_recordings);
        _recordedFlags.Clear();
        _recordedBatch = null;
        _hasRun = false;
    }

    /// <summary>Takes one micro-batch forwards and backwards.</summary>
    /// <param name="batch">The images.</param>
    /// <param name="part">The micro-batch's index in its step.</param>
    /// <param name="step">The number of steps before this one.</param>
    /// <param name="learningRate">The step's rate.</param>
    public void Propagate(Batch batch, int part, long step, double learningRate)
    {
        if (part == 0)
        {
            Watch(step);
            _isReplaying = _watching.Count == 0 && CanReplay(batch) && (_recordedBatch is not null || TryRecord(batch, learningRate));
        }

        if (_isReplaying)
        {
            bool isLast = part == _options.MicroBatches - 1;
            if (isLast)
            {
                _optimizer.LearningRate = learningRate;
                _optimizer.PrepareReplay();
            }

            _recordings[isLast ? 2 : Math.Min(part, 1)]!.Replay();
            _replayed++;
        }
        else
        {
            _model.Seed(_options.Seed, (step * _options.MicroBatches) + part);
            Compute(batch);
        }
    }

    /// <summary>Updates the weights, unless a replay has done so already, and calls what watches the step.</summary>
    /// <param name="step">The number of steps before this one.</param>
    /// <param name="learningRate">The step's rate.</param>
    public void Update(long step, double learningRate)
    {
        if (_isReplaying)
        {
            return;
        }

        _hasRun = true;
        foreach (TrainingCallback callback in _watching)
        {
            callback.AfterBackward(step);
        }

        Apply(learningRate);
        foreach (TrainingCallback callback in _watching)
        {
            callback.AfterStep(step);
        }
    }

    /// <summary>Tells the batch norms, which count on the host, of the batches that were replayed.</summary>
    public void CountReplays()
    {
        if (_replayed > 0)
        {
            _model.CountReplays(_replayed);
            _replayed = 0;
        }
    }

    /// <summary>Ends a run, perhaps in the middle of a step, whose measurements are lost then.</summary>
    public void End()
    {
        CountReplays();
        foreach (TrainingCallback callback in _callbacks)
        {
            callback.RunEnded();
        }
    }

    /// <summary>Frees the recordings, the two numbers.</summary>
    public void Dispose()
    {
        Forget();
        LastLoss.Dispose();
        Correct.Dispose();
    }

    private void Compute(Batch batch)
    {
        Tensor output = _model.Forward(batch.Inputs);
        _task.Check(output);
        Tensor loss = _loss is null ? _task.Loss(output, batch.Targets, batch.Weights, _options.LabelSmoothing) : _loss(output, batch.Targets);
        _device.Copy(loss, LastLoss);
        _task.CountCorrect(output, batch.Targets, Correct);
        (_options.MicroBatches == 1 ? loss : loss.Scale(1.0 / _options.MicroBatches)).Backward();
    }

    private void Watch(long step)
    {
        _watching.Clear();
        foreach (TrainingCallback callback in _callbacks)
        {
            if (callback.Watches(step))
            {
                _watching.Add(callback);
            }
        }

        foreach (TrainingCallback callback in _watching)
        {
            callback.BeforeForward(step);
        }
    }

    private void Apply(double learningRate)
    {
        GradientClipping.Apply(_parameters, _options.ClipValue, _options.ClipNorm);

        _optimizer.LearningRate = learningRate;
        _optimizer.Step();
        _average?.Update();
    }

    // Observers run on the host, which a replay leaves out. The loader hands out the same batch, filled anew, for all steps of one size.
    private bool CanReplay(Batch batch) => _isRecording && _hasRun && !_isObserved && (_recordedBatch is null || ReferenceEquals(_recordedBatch, batch));

    private bool TryRecord(Batch batch, double learningRate)
    {
        // Nothing runs while it is recorded, so the batch norms must not count.
        List<(Parameter Counter, int Pending)> counters = [.. _model.NamedBuffers().Select(b => (b.Parameter, b.Parameter.PendingCount))];
        try
        {
            for (int part = 0; part < _options.MicroBatches; part++)
            {
                bool isLast = part == _options.MicroBatches - 1;
                _recordings[isLast ? 2 : Math.Min(part, 1)] ??= _device.RecordStep(
                    () =>
                    {
                        Compute(batch);
                        if (isLast)
                        {
                            Apply(learningRate);
                        }
                    },
                    sharing: _recordings.FirstOrDefault(recording => recording is not null));
            }

            _recordedBatch = batch;
            return true;
        }
        catch (EngineException e) when (_mayFallBack)
        {
            _device.Tape.Clear();
            Forget();
            _optimizer.ZeroGradients();
            _isRecording = false;
            Problem = e.Message;
            return false;
        }
        finally
        {
            foreach ((Parameter counter, int pending) in counters)
            {
                counter.Increase(pending - counter.PendingCount);
            }
        }
    }
}
