namespace Engine.Kernels.Interop;

/// <summary>
/// The search for a kernel that fails: with ENGINE_CUDA_SYNC=1 each kernel, copy and library call is waited for before the next one is
/// queued, so that the error which the driver would return from some later call names the one at fault.
/// </summary>
internal static class CudaSynchronization
{
    /// <summary>The environment variable; unset, empty or 0 means no.</summary>
    internal const string Variable = "ENGINE_CUDA_SYNC";

    /// <summary>Whether all work is waited for.</summary>
    internal static bool IsOn { get; set; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } value && value != "0";

    /// <summary>Waits for work that was just queued. What is being recorded does not run, so nothing is waited for then.</summary>
    /// <param name="stream">The raw stream.</param>
    /// <param name="what">What was queued, for the error.</param>
    /// <exception cref="CudaException">It failed.</exception>
    internal static unsafe void Wait(nint stream, string what)
    {
        int capturing = 0;
        int status = DriverApi.cuStreamIsCapturing(stream, &capturing);
        if (status == 0 && capturing == 0)
        {
            status = DriverApi.cuStreamSynchronize(stream);
        }

        DriverApi.Check(status, "cuStreamSynchronize", $"at fault is {what}");
    }
}
