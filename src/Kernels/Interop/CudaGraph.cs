namespace Engine.Kernels.Interop;

/// <summary>Work recorded by <see cref="CudaStream.BeginCapture"/>.</summary>
public sealed unsafe class CudaGraph : IDisposable
{
    internal CudaGraph(nint handle) => Handle = handle;

    /// <summary>The raw CUgraph; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>How many pieces of work it holds.</summary>
    public long NodeCount
    {
        get
        {
            nuint count;
            DriverApi.Check(DriverApi.cuGraphGetNodes(Handle, null, &count), "cuGraphGetNodes");
            return (long)count;
        }
    }

    /// <summary>Makes it ready to run, as often as one likes. The graph itself may then be disposed.</summary>
    public CudaGraphExec Instantiate()
    {
        nint executable;
        DriverApi.Check(DriverApi.cuGraphInstantiateWithFlags(&executable, Handle, 0), "cuGraphInstantiateWithFlags");
        return new CudaGraphExec(executable);
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(DriverApi.cuGraphDestroy(handle), "cuGraphDestroy");
        }
    }
}

/// <summary>A graph that is ready to run. It reads and writes the very addresses that were in use when it was recorded.</summary>
public sealed class CudaGraphExec : IDisposable
{
    internal CudaGraphExec(nint handle) => Handle = handle;

    /// <summary>The raw CUgraphExec; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Copies it to the GPU, so that the first launch is not slower than the rest.</summary>
    public void Upload(CudaStream stream) => DriverApi.Check(DriverApi.cuGraphUpload(Handle, stream.Handle), "cuGraphUpload");

    /// <summary>Queues all its work on a stream.</summary>
    public void Launch(CudaStream stream)
    {
        DriverApi.Check(DriverApi.cuGraphLaunch(Handle, stream.Handle), "cuGraphLaunch");
        if (CudaSynchronization.IsOn)
        {
            CudaSynchronization.Wait(stream.Handle, "a recorded step: run it without recording, and its kernels are waited for one by one");
        }
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(DriverApi.cuGraphExecDestroy(handle), "cuGraphExecDestroy");
        }
    }
}
