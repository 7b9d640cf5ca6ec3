namespace Engine.Kernels.Interop;

/// <summary>A call of a CUDA library failed. The message is one line: the call, the library's status and its text, and what it was called with.</summary>
public sealed class CudaException : EngineException
{
    internal CudaException(string call, int status, string text, string? details)
        : base($"{call}: {text} (status {status}){(string.IsNullOrEmpty(details) ? "" : $"; {details}")}")
    {
        Call = call;
        Status = status;
    }

    /// <summary>The native function that failed.</summary>
    public string Call { get; }

    /// <summary>The status it returned, in the numbering of its own library.</summary>
    public int Status { get; }

    /// <summary>What the compiler printed, where it was NVRTC that refused a source; otherwise null.</summary>
    public string? CompilerLog { get; internal init; }

    /// <summary>Whether the device had no memory left: the driver's status 2, cuBLAS's 3 and cuDNN's 4004.</summary>
    public bool IsOutOfMemory =>
        Call.StartsWith("cudnn", StringComparison.Ordinal) ? Status == CudnnStatus.DeviceAllocationFailed : Status == (
            Call.StartsWith("cublas", StringComparison.Ordinal) ? 3 : 2);

    /// <summary>Whether cuDNN has no kernel for what was asked (<see cref="CudnnStatus.IsNotSupported"/>), so that another may be tried.</summary>
    public bool IsNotSupported => Call.StartsWith("cudnn", StringComparison.Ordinal) && CudnnStatus.IsNotSupported(Status);
}
