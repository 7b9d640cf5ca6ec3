using Engine.Kernels.Interop;
using Engine.Kernels.Queues;

namespace Engine.Kernels;

/// <content>Recording work instead of running it.</content>
public sealed partial class CudaDevice
{
    private readonly List<StepRecording> _recordings = [];
    private readonly HashSet<ReadbackHandles> _readbacks = [];
    private readonly HashSet<Tensor> _recordedShadows = [];
    private readonly HashSet<Shadow> _recordedCasts = [];

    /// <summary>Whether work is being recorded into a graph at the moment.</summary>
    public bool IsCapturing { get; private set; }

    /// <inheritdoc/>
    public override bool IsRecordingStep => IsCapturing;

    /// <inheritdoc/>
    public override bool IsAsynchronous => true;

    /// <summary>Not with ENGINE_CUDA_SYNC=1: in a recorded step there is nothing to wait for between two kernels.</summary>
    public override bool CanRecordSteps => !CudaSynchronization.IsOn;

    /// <inheritdoc/>
    protected override IRecordedStep RecordStepCore(Action step, IRecordedStep? sharing) => Capture(step, (CapturedStep?)sharing);

    /// <inheritdoc/>
    protected override ScalarReadback CreateReadbackCore(int capacity)
    {
        Enter();
        return _queue is DriverQueue ? new CudaReadback(this, capacity) : base.CreateReadbackCore(capacity);
    }

    /// <summary>
    /// Records everything that a step queues on this device, without running it, as one CUDA graph, which
    /// <see cref="CapturedStep.Replay"/> then runs as often as wanted with hardly any work on the host.
    /// </summary>
    /// <param name="step">
    /// The step: forward, backward, optimizer, on tensors that exist already. Run it at least once before, so that convolutions are
    /// searched and gradients have their memory. It must neither upload nor read back; what it
    /// does on the host, such as choosing numbers or counting batches, happens now and not again.
    /// </param>
    /// <param name="sharing">
    /// An earlier recording of this device, whose memory for intermediates this one uses too: they run one after the other, and
    /// neither reads what the other's intermediates held. Null for memory of its own.
    /// </param>
    /// <returns>
    /// The recording. Tensors that the step made and kept (<see cref="Tensor.Keep"/>), a loss for one, receive new numbers by every replay.
    /// </returns>
    /// <exception cref="EngineException">Work is being recorded already, or the step did what cannot be recorded.</exception>
    public CapturedStep Capture(Action step, CapturedStep? sharing = null)
    {
        using DeviceUse use = Use();
        Enter();
        if (IsCapturing)
        {
            throw new EngineException($"{Name} is already recording a step: recordings cannot be nested");
        }

        if (sharing is null)
        {
            // The recording takes memory of its own: what lies idle would only lie idle longer.
            Memory.Trim();
        }

        MemoryReservation memory = Memory.BeginReservation(sharing?.Memory);
        _recordedShadows.Clear();
        _recordedCasts.Clear();
        try
        {
            QueuedGraph graph = Record(step);
            RecordedWrites writes = new(memory.End(), [.. _recordedShadows], [.. _recordedShadows.Where(IsShadowFresh)]);
            CapturedStep recording = new(this, graph, memory, writes);
            _recordings.Add(recording.Recording);
            return recording;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
        finally
        {
            // A copy whose making was only recorded has not been made yet.
            foreach (Shadow shadow in _recordedCasts)
            {
                shadow.Version = Shadow.NeverMade;
            }

            // A device must not be what keeps a network from being forgotten.
            _recordedShadows.Clear();
            _recordedCasts.Clear();
        }
    }

    internal void Replay(QueuedGraph graph, RecordedWrites writes)
    {
        using DeviceUse use = Use();
        Enter();
        if (IsCapturing)
        {
            throw new EngineException($"{Name} cannot replay a step while another is being recorded");
        }

        // Weights that a program has written since their last step have bfloat16 copies that are out of date.
        foreach (Tensor tensor in writes.Shadowed)
        {
            InStorage(tensor, KernelVariant.BFloat16);
        }

        graph.Launch();
        writes.MarkWritten();
        foreach (Tensor tensor in writes.FreshAfterwards)
        {
            if (tensor.DeviceState is Shadow shadow)
            {
                shadow.Version = tensor.Version;
            }
        }
    }

    private static bool IsShadowFresh(Tensor tensor) => tensor.DeviceState is Shadow shadow && shadow.Version == tensor.Version;

    internal void Forget(StepRecording recording)
    {
        _recordings.Remove(recording);
        EnterForRelease();
        _queue.SynchronizeForRelease();
        if (_recordings.Count == 0)
        {
            ReleaseUpdateTables(); // No graph refers to them any more; a step that is not recorded uploads its own again.
        }
    }

    private QueuedGraph Record(Action step)
    {
        bool isDone = false;
        _queue.BeginCapture();
        IsCapturing = true;
        try
        {
            step();
            isDone = true;
        }
        finally
        {
            IsCapturing = false;
            if (!isDone)
            {
                AbandonCapture();
            }
        }

        return _queue.EndCapture();
    }

    // The step's own exception tells what went wrong; that the recording is broken as well does not matter.
    private void AbandonCapture()
    {
        try
        {
            _queue.EndCapture().Dispose();
        }
        catch (CudaException)
        {
            Tape.Clear();
        }
    }

    /// <summary>Notes handles that go with the device at the latest.</summary>
    internal ReadbackHandles Track(ReadbackHandles handles)
    {
        _readbacks.Add(handles);
        return handles;
    }

    internal void Untrack(ReadbackHandles handles) => _readbacks.Remove(handles);

    private void DisposeRecordings()
    {
        while (_recordings.Count > 0)
        {
            _recordings[^1].Dispose();
        }

        foreach (ReadbackHandles handles in _readbacks.ToArray())
        {
            handles.Dispose();
        }
    }

    private void ThrowIfCapturing(string what, Tensor tensor)
    {
        if (IsCapturing)
        {
            throw new EngineException($"{Name} cannot {what} {tensor} while a step is being recorded: do it before or after");
        }
    }
}
