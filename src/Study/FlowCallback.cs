using Engine.Training;

namespace Engine.Study;

/// <summary>
/// Measures how gradients flow in some steps of a training: in the first, in every so many after it and in the last. The other steps cost nothing.
/// </summary>
public sealed class FlowCallback : TrainingCallback, IDisposable
{
    private readonly FlowRecorder _recorder;
    private readonly Action<FlowSample> _measured;
    private readonly int _interval;
    private readonly long _lastStep;

    /// <summary>Prepares the measuring; add it to the trainer's <see cref="Trainer.Callbacks"/>.</summary>
    /// <param name="trainer">The trainer.</param>
    /// <param name="interval">At least 1.</param>
    /// <param name="measured">Receives what was measured, after each such step.</param>
    /// <exception cref="EngineException">Batches are split into micro-batches, which are not measured as one.</exception>
    public FlowCallback(Trainer trainer, int interval, Action<FlowSample> measured)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(interval);
        if (trainer.Options.MicroBatches > 1)
        {
            throw new EngineException($"the flow of gradients is measured over whole batches, but micro batches are {trainer.Options.MicroBatches}: use 1");
        }

        (_recorder, _measured, _interval, _lastStep) = (new FlowRecorder(trainer.Model), measured, interval, trainer.TotalSteps - 1);
    }

    /// <inheritdoc/>
    public override bool Watches(long step) => step % _interval == 0 || step == _lastStep;

    /// <inheritdoc/>
    public override void BeforeForward(long step) => _recorder.Begin();

    /// <inheritdoc/>
    public override void AfterBackward(long step) => _recorder.EndBackward();

    /// <inheritdoc/>
    public override void AfterStep(long step) => _measured(_recorder.End(step));

    /// <inheritdoc/>
    public override void RunEnded() => _recorder.Cancel();

    /// <summary>Frees what measures.</summary>
    public void Dispose() => _recorder.Dispose();
}
