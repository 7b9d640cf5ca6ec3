namespace Engine.Training;

/// <summary>
/// What a program does of its own while a <see cref="Trainer"/> trains: look at gradients, log, stop early. Overrides only what it needs; the trainer calls all
/// on its own thread. A step is an update of the weights, counted from 0.
/// </summary>
public abstract class TrainingCallback
{
    /// <summary>
    /// Whether <see cref="BeforeForward"/>, <see cref="AfterBackward"/> and <see cref="AfterStep"/> are called in a step. Such a step is run on every
    /// device, not replayed, so that hooks on the model are called too.
    /// </summary>
    /// <param name="step">The updates before it.</param>
    public virtual bool Watches(long step) => false;

    /// <summary>Called before the first forward pass of a watched step.</summary>
    public virtual void BeforeForward(long step) { }

    /// <summary>Called when all gradients of a watched step are complete, before they are clipped.</summary>
    public virtual void AfterBackward(long step) { }

    /// <summary>Called when the optimizer has updated the weights in a watched step.</summary>
    public virtual void AfterStep(long step) { }

    /// <summary>Called for every step as soon as its loss has been read, which may be some steps later.</summary>
    public virtual void StepEnded(StepReport report) { }

    /// <summary>Called after each epoch, when its checkpoint has been written.</summary>
    public virtual void EpochEnded(EpochReport report) { }

    /// <summary>Asked after each epoch, behind <see cref="EpochEnded"/>: whether the run is to end here. A run folder's checkpoint is written then.</summary>
    public virtual bool ShouldStop(EpochReport report) => false;

    /// <summary>Called when a run ends, is canceled or fails, perhaps in the middle of a watched step.</summary>
    public virtual void RunEnded() { }
}
