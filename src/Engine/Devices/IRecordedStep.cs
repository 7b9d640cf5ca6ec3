namespace Engine;

/// <summary>
/// Work that a device has recorded (<see cref="Device.RecordStep"/>) and runs again as a whole, with hardly any work on the host. It
/// reads and writes the tensors that it was recorded with; a new batch is written into the same tensors before each replay, and so are an optimizer's
/// settings (<see cref="Optimizers.Optimizer.PrepareReplay"/>).
/// </summary>
public interface IRecordedStep : IDisposable
{
    /// <summary>Queues the whole step.</summary>
    /// <exception cref="ObjectDisposedException">The recording or its device has been disposed.</exception>
    /// <exception cref="EngineException">Another thread is using the device.</exception>
    void Replay();
}
