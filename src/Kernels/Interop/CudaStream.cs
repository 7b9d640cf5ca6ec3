namespace Engine.Kernels.Interop;

/// <summary>A queue of work on the GPU: its work runs in order, beside that of other streams.</summary>
public sealed unsafe class CudaStream : IDisposable
{
    private const int NotReady = 600;

    /// <summary>Makes a stream that does not wait for the legacy default stream.</summary>
    /// <param name="priority">0, or lower for work that goes first.</param>
    public CudaStream(int priority = 0)
    {
        nint handle;
        DriverApi.Check(DriverApi.cuStreamCreateWithPriority(&handle, flags: 1, priority), "cuStreamCreateWithPriority");
        Handle = handle;
    }

    /// <summary>The raw CUstream; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Whether all its work is done.</summary>
    public bool IsIdle
    {
        get
        {
            int status = DriverApi.cuStreamQuery(Handle);
            if (status != NotReady)
            {
                DriverApi.Check(status, "cuStreamQuery");
            }

            return status == 0;
        }
    }

    /// <summary>Whether its work goes into a graph at the moment instead of running.</summary>
    public bool IsCapturing
    {
        get
        {
            int status;
            DriverApi.Check(DriverApi.cuStreamIsCapturing(Handle, &status), "cuStreamIsCapturing");
            return status != 0;
        }
    }

    /// <summary>Waits on the host until all its work is done.</summary>
    public void Synchronize() => DriverApi.Check(DriverApi.cuStreamSynchronize(Handle), "cuStreamSynchronize");

    /// <summary>Waits before something is given back: nothing is said of a context that has failed, when an error has said it before.</summary>
    internal void SynchronizeForRelease() => DriverApi.CheckRelease(DriverApi.cuStreamSynchronize(Handle), "cuStreamSynchronize");

    /// <summary>Lets its later work wait for an event, without making the host wait.</summary>
    public void WaitEvent(CudaEvent @event) => DriverApi.Check(DriverApi.cuStreamWaitEvent(Handle, @event.Handle, 0), "cuStreamWaitEvent");

    /// <summary>
    /// From now on its work is not run but recorded, until <see cref="EndCapture"/>. Other streams, and taking memory, stay allowed meanwhile.
    /// </summary>
    /// <remarks>Mode 2 is relaxed: in the others this thread could take no memory, and in mode 0 other threads' calls would spoil the recording.</remarks>
    public void BeginCapture() => DriverApi.Check(DriverApi.cuStreamBeginCapture_v2(Handle, mode: 2), "cuStreamBeginCapture");

    /// <summary>Ends the recording and returns it.</summary>
    /// <exception cref="CudaException">Something not allowed was called meanwhile, or another stream was drawn in and never joined.</exception>
    public CudaGraph EndCapture()
    {
        nint graph;
        DriverApi.Check(DriverApi.cuStreamEndCapture(Handle, &graph), "cuStreamEndCapture");
        return new CudaGraph(graph);
    }

    /// <summary>Gives it back; work already queued still runs.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(DriverApi.cuStreamDestroy_v2(handle), "cuStreamDestroy");
        }
    }
}
