using Engine.Kernels.Prediction;
using Engine.Kernels.Queues;

namespace Engine.Kernels;

/// <summary>What a recorded step writes beyond its own intermediates, which every replay writes again.</summary>
/// <param name="MarkWritten">Marks all of it as written.</param>
/// <param name="Shadowed">The weights whose bfloat16 copies the step reads.</param>
/// <param name="FreshAfterwards">Those of them whose copies are up to date when the step ends.</param>
internal sealed record RecordedWrites(Action MarkWritten, IReadOnlyList<Tensor> Shadowed, IReadOnlyList<Tensor> FreshAfterwards);

/// <summary>
/// A step recorded by <see cref="CudaDevice.Capture"/>: hundreds of launches that the GPU starts by itself. It reads and writes the
/// tensors that it was recorded with, at their addresses; a new batch is written into the same input tensors before each replay.
/// </summary>
/// <remarks>The memory of the step's intermediates stays apart from all other tensors until the recording is disposed.</remarks>
public sealed class CapturedStep : IRecordedStep
{
    private readonly CudaDevice _device;
    private readonly RecordedWrites _writes;

    internal CapturedStep(CudaDevice device, QueuedGraph graph, MemoryReservation memory, RecordedWrites writes)
    {
        _device = device;
        Recording = new StepRecording(device, graph, memory);
        _writes = writes;
    }

    /// <summary>A recording that the program has forgotten is given back on the thread that uses the device next.</summary>
    ~CapturedStep() => _device.DisposeLater(Recording);

    /// <summary>What the device holds for the recording, which knows nothing of the program's tensors.</summary>
    internal StepRecording Recording { get; }

    /// <summary>Where the step's intermediates lie.</summary>
    internal MemoryReservation Memory => Recording.Memory;

    /// <summary>How many pieces of work the step consists of.</summary>
    public long NodeCount => Recording.Graph.NodeCount;

    /// <summary>The pieces of work, in order, where the GPU is described, not present; empty on a real one, whose driver keeps them.</summary>
    public IReadOnlyList<StepNode> Nodes => (Recording.Graph as RecordedNodes)?.Nodes ?? [];

    /// <inheritdoc/>
    public void Replay()
    {
        if (Recording.IsDisposed)
        {
            throw new ObjectDisposedException(null, "this recorded step was disposed: record it again, or dispose it after its last replay");
        }

        _device.Replay(Recording.Graph, _writes);
        GC.KeepAlive(this);
    }

    /// <summary>Waits for the last replay, and gives the step's memory back to the device's pool.</summary>
    /// <exception cref="EngineException">Another thread is using the device.</exception>
    public void Dispose()
    {
        if (!Recording.IsDisposed)
        {
            using DeviceUse use = _device.Use();
            Recording.Dispose();
        }

        GC.SuppressFinalize(this);
    }
}

/// <summary>What a device holds for a recorded step.</summary>
internal sealed class StepRecording(CudaDevice device, QueuedGraph graph, MemoryReservation memory) : IDisposable
{
    internal QueuedGraph Graph => graph;

    internal MemoryReservation Memory => memory;

    internal bool IsDisposed { get; private set; }

    public void Dispose()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            try
            {
                device.Forget(this);
            }
            finally
            {
                graph.Dispose();
                memory.Dispose();
            }
        }
    }
}
