using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// The six calls of cuDNN's backend API that everything else here is made of, each returning a cudnnStatus_t. It is a seam: tests put
/// a recorder in the library's place, which needs no native code.
/// </summary>
internal unsafe interface ICudnnBackend
{
    /// <summary>Why this thread's last call failed, in cuDNN's own words; empty where it says nothing.</summary>
    string LastError { get; }

    int Create(BackendDescriptorType type, out nint descriptor);

    int Destroy(nint descriptor);

    int Set(nint descriptor, BackendAttribute attribute, BackendAttributeType type, long count, void* elements);

    /// <param name="descriptor">What is asked.</param>
    /// <param name="attribute">Which of its attributes.</param>
    /// <param name="type">The type of the elements.</param>
    /// <param name="requested">Room in <paramref name="elements"/>; 0 to ask for the count alone.</param>
    /// <param name="count">How many elements the attribute has.</param>
    /// <param name="elements">Receives them. Descriptors must have been created before; they are filled in.</param>
    int Get(nint descriptor, BackendAttribute attribute, BackendAttributeType type, long requested, out long count, void* elements);

    int Finish(nint descriptor);

    int Execute(nint handle, nint plan, nint variantPack);
}

/// <summary>The calls as the library has them.</summary>
internal sealed unsafe class NativeCudnnBackend : ICudnnBackend
{
    internal static NativeCudnnBackend Instance { get; } = new();

    public string LastError => CudnnApi.LastError();

    public int Create(BackendDescriptorType type, out nint descriptor)
    {
        nint made = 0;
        int status = CudnnApi.cudnnBackendCreateDescriptor((int)type, &made);
        descriptor = made;
        return status;
    }

    public int Destroy(nint descriptor) => CudnnApi.cudnnBackendDestroyDescriptor(descriptor);

    public int Set(nint descriptor, BackendAttribute attribute, BackendAttributeType type, long count, void* elements) =>
        CudnnApi.cudnnBackendSetAttribute(descriptor, (int)attribute, (int)type, count, elements);

    public int Get(nint descriptor, BackendAttribute attribute, BackendAttributeType type, long requested, out long count, void* elements)
    {
        long held = 0;
        int status = CudnnApi.cudnnBackendGetAttribute(descriptor, (int)attribute, (int)type, requested, &held, elements);
        count = held;
        return status;
    }

    public int Finish(nint descriptor) => CudnnApi.cudnnBackendFinalize(descriptor);

    public int Execute(nint handle, nint plan, nint variantPack) => CudnnApi.cudnnBackendExecute(handle, plan, variantPack);
}
