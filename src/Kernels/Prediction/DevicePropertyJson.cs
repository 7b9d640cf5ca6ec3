using System.Text.Json.Nodes;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>
/// The JSON by which cuDNN (9.8 and later) knows a GPU that is not there: attribute 2702 of its DEVICEPROP descriptor. The keys are
/// cuDNN's; 9.28 needs memoryBusWidth too, which 9.19 accepts.
/// </summary>
internal static class DevicePropertyJson
{
    /// <summary>The GPU's figures as the driver would tell them.</summary>
    /// <exception cref="EngineException">A key is missing, or is no positive number.</exception>
    internal static CudaDeviceProperties Read(JsonObject json)
    {
        int version = checked((int)Number("deviceVer"));
        return new CudaDeviceProperties(
            0, json["deviceName"] is JsonValue name ? (string)name! : throw new EngineException("device.deviceName is missing"),
            new Version(version / 100, version / 10 % 10), Number("totalGlobalMem"), Small("multiProcessorCount"), Small("maxThreadsPerSM"),
            Small("maxThreadsPerBlock"), Small("maxSharedMemoryPerBlock"), Small("maxSharedMemoryPerBlockOptin"), Small("l2CacheSize"),
            Small("memClockRateKHz"), Small("memoryBusWidth"));

        int Small(string key) => checked((int)Number(key));

        long Number(string key) => json[key] is JsonValue value && value.TryGetValue(out long number) && number > 0
            ? number
            : throw new EngineException($"device.{key} must be a positive whole number");
    }

    /// <summary>The highest clock of its multiprocessors, in Hz.</summary>
    internal static double ClockOf(JsonObject json) => json["smClockRateKHz"] is JsonValue value && value.TryGetValue(out long clock) && clock > 0
        ? 1000.0 * clock
        : throw new EngineException("device.smClockRateKHz must be a positive whole number");

    /// <summary>The JSON of a GPU at hand, from the driver's attributes.</summary>
    internal static JsonObject Write(int deviceId)
    {
        CudaDeviceProperties gpu = CudaContext.GetDeviceProperties(deviceId);
        Version driver = CudaContext.GetDriverVersion();

        // The numbers are CUdevice_attribute's. The PCI identifier is the upper half of 139, which drivers before CUDA 12.8 do not tell.
        JsonArray Three(int first) => new(Attribute(first), Attribute(first + 1), Attribute(first + 2));
        int Attribute(int attribute) => CudaContext.GetAttribute(deviceId, attribute);
        return new JsonObject
        {
            ["maxGridSize"] = Three(5),
            ["maxBlockSize"] = Three(2),
            ["regsPerBlock"] = Attribute(12),
            ["multiProcessorCount"] = gpu.MultiprocessorCount,
            ["warpSize"] = Attribute(10),
            ["maxSharedMemoryPerBlock"] = gpu.SharedMemoryPerBlock,
            ["maxSharedMemoryPerBlockOptin"] = gpu.SharedMemoryPerBlockOptIn,
            ["reservedSharedMemoryPerBlock"] = Attribute(111),
            ["maxRegistersPerSM"] = Attribute(82),
            ["maxCtasPerSM"] = Attribute(106),
            ["maxThreadsPerBlock"] = gpu.MaxThreadsPerBlock,
            ["maxThreadsPerSM"] = gpu.MaxThreadsPerMultiprocessor,
            ["pciDeviceId"] = (int)((uint)Attribute(139) >> 16),
            ["isTccDriver"] = Attribute(35),
            ["supportCoopLaunch"] = Attribute(95),
            ["totalGlobalMem"] = gpu.TotalMemory,
            ["smClockRateKHz"] = Attribute(13),
            ["memClockRateKHz"] = gpu.MemoryClockKilohertz,
            ["l2CacheSize"] = gpu.L2CacheBytes,
            ["memoryBusWidth"] = gpu.MemoryBusBits,
            ["cudaDeviceId"] = 0,
            ["deviceVer"] = (gpu.ComputeCapability.Major * 100) + (gpu.ComputeCapability.Minor * 10),
            ["driverVer"] = (driver.Major * 1000) + (driver.Minor * 10),
            ["deviceName"] = gpu.Name,
        };
    }
}
