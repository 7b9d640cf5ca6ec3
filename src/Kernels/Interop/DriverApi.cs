using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>The driver's entry points in use, under their exported names; see the CUDA driver API reference. All return a CUresult.</summary>
internal static unsafe partial class DriverApi
{
    private const string Library = "cuda";

    /// <summary>The status of the last error that was thrown, on any thread.</summary>
    private static volatile int _lastThrown;

    [LibraryImport(Library)]
    internal static partial int cuInit(uint flags);

    [LibraryImport(Library)]
    internal static partial int cuDriverGetVersion(int* version);

    [LibraryImport(Library)]
    internal static partial int cuGetErrorName(int error, byte** text);

    [LibraryImport(Library)]
    internal static partial int cuGetErrorString(int error, byte** text);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetCount(int* count);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGet(int* device, int ordinal);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetAttribute(int* value, int attribute, int device);

    [LibraryImport(Library)]
    internal static partial int cuDeviceTotalMem_v2(nuint* bytes, int device);

    [LibraryImport(Library)]
    internal static partial int cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library)]
    internal static partial int cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    internal static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    internal static partial int cuCtxSynchronize();

    [LibraryImport(Library)]
    internal static partial int cuMemGetInfo_v2(nuint* free, nuint* total);

    [LibraryImport(Library)]
    internal static partial int cuMemAlloc_v2(nint* pointer, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cuMemFree_v2(nint pointer);

    [LibraryImport(Library)]
    internal static partial int cuMemHostAlloc(nint* pointer, nuint bytes, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuMemFreeHost(nint pointer);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyHtoD_v2(nint destination, void* source, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoH_v2(void* destination, nint source, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyHtoDAsync_v2(nint destination, void* source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoHAsync_v2(void* destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoDAsync_v2(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemsetD8Async(nint destination, byte value, nuint count, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemsetD32Async(nint destination, uint value, nuint count, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamCreateWithPriority(nint* stream, uint flags, int priority);

    [LibraryImport(Library)]
    internal static partial int cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamQuery(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamWaitEvent(nint stream, nint @event, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    internal static partial int cuStreamEndCapture(nint stream, nint* graph);

    [LibraryImport(Library)]
    internal static partial int cuStreamIsCapturing(nint stream, int* status);

    [LibraryImport(Library)]
    internal static partial int cuEventCreate(nint* @event, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuEventDestroy_v2(nint @event);

    [LibraryImport(Library)]
    internal static partial int cuEventRecord(nint @event, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuEventSynchronize(nint @event);

    [LibraryImport(Library)]
    internal static partial int cuEventQuery(nint @event);

    [LibraryImport(Library)]
    internal static partial int cuEventElapsedTime(float* milliseconds, nint start, nint end);

    [LibraryImport(Library)]
    internal static partial int cuModuleLoadData(nint* module, void* image);

    [LibraryImport(Library)]
    internal static partial int cuModuleUnload(nint module);

    [LibraryImport(Library)]
    internal static partial int cuModuleGetFunction(nint* function, nint module, byte* name);

    [LibraryImport(Library)]
    internal static partial int cuFuncGetAttribute(int* value, int attribute, nint function);

    [LibraryImport(Library)]
    internal static partial int cuFuncSetAttribute(nint function, int attribute, int value);

    /// <summary>From CUDA 12.4 on; older drivers do not have it.</summary>
    [LibraryImport(Library)]
    internal static partial int cuFuncGetParamInfo(nint function, nuint index, nuint* offset, nuint* size);

    [LibraryImport(Library)]
    internal static partial int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, nint function, int blockSize, nuint dynamicSharedBytes);

    [LibraryImport(Library)]
    internal static partial int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters,
        void** extra);

    [LibraryImport(Library)]
    internal static partial int cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    internal static partial int cuGraphGetNodes(nint graph, nint* nodes, nuint* count);

    [LibraryImport(Library)]
    internal static partial int cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    internal static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    internal static partial int cuGraphUpload(nint executable, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuGraphLaunch(nint executable, nint stream);

    /// <summary>Throws when a call failed.</summary>
    internal static void Check(int status, string call, string? details = null)
    {
        if (status != 0)
        {
            throw Error(status, call, details);
        }
    }

    /// <summary>
    /// Throws when a call that releases something failed, unless the context itself has failed before and an error has said so: then
    /// everything in it is gone already, and no second error may hide the first one, which is on its way up.
    /// </summary>
    internal static void CheckRelease(int status, string call, string? details = null)
    {
        if (status != 0 && !IsReported(status))
        {
            throw Error(status, call, details);
        }
    }

    /// <summary>
    /// Throws what a library's own release made of its failure, unless the driver says that the context has failed and an error has said
    /// so before; where none has, the driver's error takes its place, since it is the cause.
    /// </summary>
    internal static void CheckRelease(Func<CudaException?> release)
    {
        if (release() is not { } failure)
        {
            return;
        }

        int status = cuCtxSynchronize();
        if (status == 0)
        {
            throw failure;
        }

        CheckRelease(status, "cuCtxSynchronize", failure.Call);
    }

    internal static CudaException Error(int status, string call, string? details)
    {
        _lastThrown = status;
        bool isLost = DriverStatus.IsContextLost(status);
        byte* name = null;
        byte* text = null;
        _ = cuGetErrorName(status, &name);
        _ = cuGetErrorString(status, &text);
        string title = Marshal.PtrToStringUTF8((nint)name) ?? DriverStatus.NameOf(status) ?? "an error without a name";
        string words = Marshal.PtrToStringUTF8((nint)text) is { Length: > 0 } said ? $"{title}, {said}" : title;

        // Work is queued: the call that returns the error is seldom the one that caused it.
        string? cause = isLost && status != 4
            && !CudaSynchronization.IsOn ? $"work queued earlier has failed, {CudaSynchronization.Variable}=1 names it" : null;
        return new CudaException(call, status, words, string.Join("; ", new[] { details, cause }.Where(part => !string.IsNullOrEmpty(part))));
    }

    /// <summary>A new context: what was said of an earlier one does not hold for it.</summary>
    internal static void ForgetErrors() => _lastThrown = 0;

    // A status that is not in the list of lost contexts may be one all the same: then every call returns it.
    private static bool IsReported(int status) =>
        status is 4 or 709 || (status == _lastThrown && (DriverStatus.IsContextLost(status) || cuCtxSynchronize() == status));
}
