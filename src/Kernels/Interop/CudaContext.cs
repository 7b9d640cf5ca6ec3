using System.Text;

namespace Engine.Kernels.Interop;

/// <summary>
/// A GPU's primary context, which every library in the process shares, ManagedCuda and the CUDA runtime included. It is current
/// on the thread that made it; <see cref="SetCurrent"/> makes it so on another.
/// </summary>
public sealed unsafe class CudaContext : IDisposable
{
    private bool _isDisposed;

    /// <summary>Retains a GPU's primary context and makes it current.</summary>
    /// <exception cref="EngineException">There is no such GPU, or the driver fails.</exception>
    public CudaContext(int deviceId = 0)
    {
        int count = GetDeviceCount();
        if (deviceId < 0 || deviceId >= count)
        {
            throw new EngineException($"cuda:{deviceId}: the NVIDIA driver shows {count} GPU(s), numbered from 0 (see CUDA_VISIBLE_DEVICES)");
        }

        Properties = GetDeviceProperties(deviceId);
        nint handle;
        DriverApi.Check(DriverApi.cuDevicePrimaryCtxRetain(&handle, deviceId), "cuDevicePrimaryCtxRetain", $"cuda:{deviceId}");
        Handle = handle;
        DriverApi.ForgetErrors();
        SetCurrent();
    }

    /// <summary>The raw CUcontext.</summary>
    public nint Handle { get; }

    /// <summary>The GPU's number.</summary>
    public int DeviceId => Properties.Index;

    /// <summary>What the driver says of the GPU.</summary>
    public CudaDeviceProperties Properties { get; }

    /// <summary>How many GPUs the driver shows.</summary>
    public static int GetDeviceCount()
    {
        DriverApi.Check(DriverApi.cuInit(0), "cuInit");
        int count;
        DriverApi.Check(DriverApi.cuDeviceGetCount(&count), "cuDeviceGetCount");
        return count;
    }

    /// <summary>The newest CUDA version that the driver supports.</summary>
    public static Version GetDriverVersion()
    {
        int version;
        DriverApi.Check(DriverApi.cuDriverGetVersion(&version), "cuDriverGetVersion");
        return new Version(version / 1000, version % 1000 / 10);
    }

    /// <summary>What the driver says of a GPU.</summary>
    public static CudaDeviceProperties GetDeviceProperties(int deviceId)
    {
        DriverApi.Check(DriverApi.cuInit(0), "cuInit");
        int device = GetDevice(deviceId);
        byte* name = stackalloc byte[256];
        DriverApi.Check(DriverApi.cuDeviceGetName(name, 256, device), "cuDeviceGetName");
        nuint memory;
        DriverApi.Check(DriverApi.cuDeviceTotalMem_v2(&memory, device), "cuDeviceTotalMem");
        int Attribute(int attribute)
        {
            int value;
            return DriverApi.cuDeviceGetAttribute(&value, attribute, device) == 0 ? value : 0;
        }

        ReadOnlySpan<byte> text = new(name, 256);
        // The numbers are CUdevice_attribute's.
        return new CudaDeviceProperties(
            deviceId, Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]), new Version(Attribute(75), Attribute(76)), (long)memory,
            MultiprocessorCount: Attribute(16), MaxThreadsPerMultiprocessor: Attribute(39), MaxThreadsPerBlock: Attribute(1),
            SharedMemoryPerBlock: Attribute(8),
            SharedMemoryPerBlockOptIn: Attribute(97), L2CacheBytes: Attribute(38), MemoryClockKilohertz: Attribute(36), MemoryBusBits: Attribute(37));
    }

    /// <summary>One of the driver's figures of a GPU, by its number in CUdevice_attribute; 0 where the driver does not tell.</summary>
    public static int GetAttribute(int deviceId, int attribute)
    {
        DriverApi.Check(DriverApi.cuInit(0), "cuInit");
        int value;
        return DriverApi.cuDeviceGetAttribute(&value, attribute, GetDevice(deviceId)) == 0 ? value : 0;
    }

    private static int GetDevice(int deviceId)
    {
        int device;
        DriverApi.Check(DriverApi.cuDeviceGet(&device, deviceId), "cuDeviceGet", $"cuda:{deviceId}");
        return device;
    }

    /// <summary>Makes the context current on the calling thread.</summary>
    public void SetCurrent() => DriverApi.Check(DriverApi.cuCtxSetCurrent(Handle), "cuCtxSetCurrent");

    /// <summary>Makes the context current to give something back: nothing is said of one that has failed, when an error has said it before.</summary>
    internal void SetCurrentForRelease() => DriverApi.CheckRelease(DriverApi.cuCtxSetCurrent(Handle), "cuCtxSetCurrent");

    /// <summary>Waits for all work of all streams.</summary>
    public void Synchronize() => DriverApi.Check(DriverApi.cuCtxSynchronize(), "cuCtxSynchronize");

    /// <summary>The GPU's memory that nobody uses and all that it has, in bytes.</summary>
    public (long Free, long Total) GetMemoryInfo()
    {
        nuint free;
        nuint total;
        DriverApi.Check(DriverApi.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
        return ((long)free, (long)total);
    }

    /// <summary>Loads a module from a cubin, or from PTX, which the driver compiles.</summary>
    public CudaModule LoadModule(ReadOnlySpan<byte> image) => new(image);

    /// <summary>Releases the primary context; when nobody else retains it, all that was made in it is gone.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            DriverApi.CheckRelease(DriverApi.cuDevicePrimaryCtxRelease_v2(DeviceId), "cuDevicePrimaryCtxRelease");
        }
    }
}
