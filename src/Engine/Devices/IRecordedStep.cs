namespace Engine.Devices;

/// <summary>
/// Work that a device has recorded (<see cref="Device.RecordStep"/>) and runs again as a whole, with hardly any work on the host. It
/// reads and writes the tensors that it was recorded with; a new batch is written into the same tensors before each replay.
/// </summary>
public interface IRecordedStep : IDisposable
{
    /// <summary>Queues the whole step.</summary>
    /// <param name="options">The optimiser's figures from now on; those of the last replay, or of the recording, where null.</param>
    /// <exception cref="EngineException">The recording has been disposed.</exception>
    void Replay(SgdOptions? options = null);
}
