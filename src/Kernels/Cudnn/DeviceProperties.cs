using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// A GPU as cuDNN 9.8 and later describe it, in JSON: enough to plan for a GPU that is not there, without a driver. (Engines that are
/// compiled at run time still need NVRTC and the driver; without them the heuristics leave them out and do not say so.)
/// </summary>
public sealed class DeviceProperties : BackendDescriptor
{
    /// <summary>
    /// Describes a GPU by its JSON: maxGridSize, regsPerBlock, multiProcessorCount and so on, deviceVer (900 for compute capability 9.0) and deviceName.
    /// </summary>
    /// <exception cref="CudaException">cuDNN does not take it: 2000 (bad parameter) where a member is missing that this version asks for.</exception>
    public DeviceProperties(string json) : this(json, NativeCudnnBackend.Instance) { }

    /// <summary>Describes the GPU of a handle.</summary>
    /// <exception cref="CudaException">cuDNN is older than 9.8.</exception>
    public DeviceProperties(CudaDNNContext context) : base(NativeCudnnBackend.Instance, BackendDescriptorType.DeviceProperties) =>
        Build(() => Set<nint>(BackendAttribute.DevicePropertiesHandle, BackendAttributeType.Handle, context.Handle));

    internal DeviceProperties(string json, ICudnnBackend backend) : base(backend, BackendDescriptorType.DeviceProperties) =>
        Build(() => SetText(BackendAttribute.DevicePropertiesJson, json, countsTerminator: true));

    /// <summary>The description, which <see cref="DeviceProperties(string)"/> takes on any machine.</summary>
    public string Json => GetText(BackendAttribute.DevicePropertiesJson);

    internal ICudnnBackend Calls => Backend;
}
