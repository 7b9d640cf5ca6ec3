// The GPU that plans are made for: the emulated one, or one that JSON describes (DEVICEPROP, attribute 2702).
#include "cudnn_plans.h"

extern "C" int cuDeviceGetAttribute(int* value, int attribute, int device);

namespace emulator::dnn
{
namespace
{
// What the recorded descriptions of GPUs hold, in their order; memoryBusWidth, which only newer versions read, is left out of plans.
const char* const members[] = {"maxGridSize", "maxBlockSize", "regsPerBlock", "multiProcessorCount", "warpSize", "maxSharedMemoryPerBlock",
    "maxSharedMemoryPerBlockOptin",
                               "reservedSharedMemoryPerBlock", "maxRegistersPerSM", "maxCtasPerSM", "maxThreadsPerBlock", "maxThreadsPerSM", "pciDeviceId",
                               "isTccDriver",
                               "supportCoopLaunch", "totalGlobalMem", "smClockRateKHz", "memClockRateKHz", "l2CacheSize", "cudaDeviceId", "deviceVer",
                               "driverVer", "deviceName"};

std::int64_t device_attribute(int attribute)
{
    int value = 0;
    cuDeviceGetAttribute(&value, attribute, 0);
    return value;
}
}

std::shared_ptr<const Gpu> own_gpu()
{
    auto gpu = std::make_shared<Gpu>();
    gpu->version = device_attribute(75) * 100 + device_attribute(76) * 10;
    const std::int64_t grid[] = {2147483647, 65535, 65535}, block[] = {1024, 1024, 64};
    Json& json = gpu->properties = Json::object();
    json.add("maxGridSize", Json::list(grid, 3)).add("maxBlockSize", Json::list(block, 3)).add("regsPerBlock", Json::number(65536));
    json.add("multiProcessorCount", Json::number(device_attribute(16))).add("warpSize", Json::number(32)).add("maxSharedMemoryPerBlock", Json::number(49152));
    json.add(
        "maxSharedMemoryPerBlockOptin",
        Json::number(device_attribute(97))).add("reservedSharedMemoryPerBlock", Json::number(1024)).add("maxRegistersPerSM", Json::number(65536));
    json.add("maxCtasPerSM", Json::number(32)).add(
        "maxThreadsPerBlock", Json::number(1024)).add("maxThreadsPerSM", Json::number(2048)).add("pciDeviceId", Json::number(0));
    json.add("isTccDriver", Json::number(0)).add("supportCoopLaunch", Json::number(1)).add(
        "totalGlobalMem", Json::number(8ll << 30)).add("smClockRateKHz", Json::number(1000000));
    json.add("memClockRateKHz", Json::number(1000000)).add("l2CacheSize", Json::number(device_attribute(38))).add("cudaDeviceId", Json::number(0));
    json.add("deviceVer", Json::number(gpu->version)).add("driverVer", Json::number(13000)).add("deviceName", Json::string("CUDA emulator"));
    return gpu;
}

int read_gpu(const std::string& text, std::shared_ptr<const Gpu>* read)
{
    Json json;
    if (!Json::read(text, &json) || json.kind != Json::Object)
    {
        return refuse(BadParam, "the JSON of a DEVICEPROP descriptor cannot be read: %.60s", text.c_str());
    }

    auto gpu = std::make_shared<Gpu>();
    gpu->properties = Json::object();
    for (const char* member : members)
    {
        const Json* found = json.find(member);
        if (found == nullptr)
        {
            return refuse(BadParam, "the JSON of a DEVICEPROP descriptor lacks %s", member);
        }

        gpu->properties.add(member, *found);
    }

    gpu->version = json.find("deviceVer")->integer();
    *read = gpu;
    return 0;
}
}
