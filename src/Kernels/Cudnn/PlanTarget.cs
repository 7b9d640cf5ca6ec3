using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// What graphs are planned for: the GPU of a cuDNN handle, or a described GPU. A plan always has the one or the other: cuDNN crashes on
/// a plan that is restored from JSON with neither.
/// </summary>
public sealed class PlanTarget
{
    /// <summary>The GPU of a handle, on which the plans can run.</summary>
    public PlanTarget(CudaDNNContext context) => (Backend, Handle) = (NativeCudnnBackend.Instance, context.Handle);

    /// <summary>A described GPU, which need not be there. Needs cuDNN 9.8 or later.</summary>
    public PlanTarget(DeviceProperties properties) => (Backend, Properties) = (properties.Calls, properties);

    internal PlanTarget(ICudnnBackend backend, nint handle) => (Backend, Handle) = (backend, handle);

    /// <summary>The raw cudnnHandle_t; 0 where the GPU is described.</summary>
    public nint Handle { get; }

    /// <summary>The description; null where there is a handle.</summary>
    public DeviceProperties? Properties { get; }

    internal ICudnnBackend Backend { get; }
}
