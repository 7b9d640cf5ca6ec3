namespace Engine.Kernels.Interop;

/// <summary>A mark in a stream: done when all work before it is.</summary>
public sealed unsafe class CudaEvent : IDisposable
{
    private const int NotReady = 600;

    /// <summary>Makes an event.</summary>
    /// <param name="timing">Whether it notes the time, which makes it a little slower.</param>
    public CudaEvent(bool timing = false)
    {
        nint handle;
        DriverApi.Check(DriverApi.cuEventCreate(&handle, timing ? 0u : 2u), "cuEventCreate");
        Handle = handle;
    }

    /// <summary>The raw CUevent; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Whether all work before its last record is done; true when it was never recorded.</summary>
    public bool IsComplete
    {
        get
        {
            int status = DriverApi.cuEventQuery(Handle);
            if (status != NotReady)
            {
                DriverApi.Check(status, "cuEventQuery");
            }

            return status == 0;
        }
    }

    /// <summary>Puts the mark behind all work that the stream has now.</summary>
    public void Record(CudaStream stream) => DriverApi.Check(DriverApi.cuEventRecord(Handle, stream.Handle), "cuEventRecord");

    /// <summary>Waits on the host until it is done.</summary>
    public void Synchronize() => DriverApi.Check(DriverApi.cuEventSynchronize(Handle), "cuEventSynchronize");

    /// <summary>Waits before something is given back: nothing is said of a context that has failed, when an error has said it before.</summary>
    internal void SynchronizeForRelease() => DriverApi.CheckRelease(DriverApi.cuEventSynchronize(Handle), "cuEventSynchronize");

    /// <summary>The milliseconds between two timed events that are both done.</summary>
    public static float ElapsedMilliseconds(CudaEvent start, CudaEvent end)
    {
        float milliseconds;
        DriverApi.Check(DriverApi.cuEventElapsedTime(&milliseconds, start.Handle, end.Handle), "cuEventElapsedTime");
        return milliseconds;
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(DriverApi.cuEventDestroy_v2(handle), "cuEventDestroy");
        }
    }
}
