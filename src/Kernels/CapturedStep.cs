using Engine.Devices;
using Engine.Kernels.Prediction;
using Engine.Kernels.Queues;
using Engine.Tensors;

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
    private readonly QueuedGraph _graph;
    private readonly RecordedWrites _writes;
    private bool _isDisposed;

    internal CapturedStep(CudaDevice device, QueuedGraph graph, MemoryReservation memory, RecordedWrites writes)
    {
        _device = device;
        _graph = graph;
        Memory = memory;
        _writes = writes;
    }

    /// <summary>Where the step's intermediates lie.</summary>
    internal MemoryReservation Memory { get; }

    /// <summary>How many pieces of work the step consists of.</summary>
    public long NodeCount => _graph.NodeCount;

    /// <summary>The pieces of work, in order, where the GPU is described, not present; empty on a real one, whose driver keeps them.</summary>
    public IReadOnlyList<StepNode> Nodes => (_graph as RecordedNodes)?.Nodes ?? [];

    /// <inheritdoc/>
    public void Replay()
    {
        if (_isDisposed)
        {
            throw new EngineException("this recorded step has been disposed: record it again");
        }

        _device.Replay(_graph, _writes);
    }

    /// <summary>Waits for the last replay, and gives the step's memory back to the device's pool.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            try
            {
                _device.Forget(this);
            }
            finally
            {
                _graph.Dispose();
                Memory.Dispose();
            }
        }
    }
}
