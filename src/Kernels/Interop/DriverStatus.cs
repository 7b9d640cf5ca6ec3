namespace Engine.Kernels.Interop;

/// <summary>What the driver's statuses (CUresult) mean for a user: names where the driver has none to give, and what to do.</summary>
internal static class DriverStatus
{
    /// <summary>
    /// Whether a status says that the context is lost: it returns the same from then on, whatever is called. In cuda.h's words, the
    /// process is in an inconsistent state and must be ended, or the context cannot be used any more.
    /// </summary>
    internal static bool IsContextLost(int status) => status is
        4          // DEINITIALIZED: the driver is shutting down
        or 214     // ECC_UNCORRECTABLE
        or 220     // NVLINK_UNCORRECTABLE
        or 226     // CONTAINED: an error of the device, contained by it
        or 700     // ILLEGAL_ADDRESS
        or 702     // LAUNCH_TIMEOUT
        or 709     // CONTEXT_IS_DESTROYED
        or 710     // ASSERT
        or (>= 714 and <= 719) // HARDWARE_STACK_ERROR, ILLEGAL_INSTRUCTION, MISALIGNED_ADDRESS, INVALID_ADDRESS_SPACE, INVALID_PC, LAUNCH_FAILED
        or 721     // TENSOR_MEMORY_LEAK
        or 810     // MPS_CLIENT_TERMINATED
        or 911;    // EXTERNAL_DEVICE

    /// <summary>Its name in cuda.h, for those that may come before a driver can say it itself.</summary>
    internal static string? NameOf(int status) => status switch
    {
        2 => "CUDA_ERROR_OUT_OF_MEMORY",
        3 => "CUDA_ERROR_NOT_INITIALIZED",
        34 => "CUDA_ERROR_STUB_LIBRARY",
        36 => "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER",
        46 => "CUDA_ERROR_DEVICE_UNAVAILABLE",
        100 => "CUDA_ERROR_NO_DEVICE",
        101 => "CUDA_ERROR_INVALID_DEVICE",
        222 => "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
        304 => "CUDA_ERROR_OPERATING_SYSTEM",
        802 => "CUDA_ERROR_SYSTEM_NOT_READY",
        803 => "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
        804 => "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
        805 => "CUDA_ERROR_MPS_CONNECTION_FAILED",
        999 => "CUDA_ERROR_UNKNOWN",
        _ => null,
    };

    /// <summary>What to do about it, where there is more to say than to look at nvidia-smi.</summary>
    internal static string Advice(int status) => status switch
    {
        34 => "the library is the stub for linking that comes with the CUDA toolkit: take its folder out of the search, and install the NVIDIA driver",
        46 => "another process uses the GPU for itself alone: see nvidia-smi",
        100 or 101 =>
            "the driver is there and sees no GPU: see nvidia-smi and CUDA_VISIBLE_DEVICES; a container must be given one, as by docker run --gpus all",
        304 => "/dev/nvidia* cannot be opened: see their permissions; a container must be given the GPU, as by docker run --gpus all",
        802 => "the GPUs' fabric is not up: start the service nvidia-fabricmanager",
        803 => "the driver's kernel module and its library differ in version: restart the machine after an update of the driver, or make both the same",
        804 => "the folder of cuda-compat comes first and does not serve this GPU: take it out of the search, or install a newer driver",
        805 => "the MPS service does not answer: start nvidia-cuda-mps-control, or unset CUDA_MPS_PIPE_DIRECTORY",
        999 => "load the kernel module nvidia_uvm anew, or restart the machine",
        _ => "see nvidia-smi",
    };
}
