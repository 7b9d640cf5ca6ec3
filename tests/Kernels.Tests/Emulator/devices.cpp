// What the driver says of its device and context, and what the CUDA runtime inside of NVRTC and cuDNN asks of a driver.
#include "settings.h"

#include <cstdio>
#include <cstring>
#include <dlfcn.h>

using namespace emulator;

namespace
{
constexpr int DriverVersion = 12080;

// An H100's, but for the number of multiprocessors and the small memory. The names are those of CU_DEVICE_ATTRIBUTE_...
struct Attribute
{
    int number, value;
};

const Attribute attributes[] = {
    {1, 1024},                                   // MAX_THREADS_PER_BLOCK
    {2, 1024}, {3, 1024}, {4, 64},               // MAX_BLOCK_DIM_X, Y, Z
    {5, 0x7fffffff}, {6, 65535}, {7, 65535},     // MAX_GRID_DIM_X, Y, Z
    {8, 48 * 1024},                              // MAX_SHARED_MEMORY_PER_BLOCK
    {9, 64 * 1024},                              // TOTAL_CONSTANT_MEMORY
    {10, 32},                                    // WARP_SIZE
    {11, 0x7fffffff},                            // MAX_PITCH
    {12, 65536},                                 // MAX_REGISTERS_PER_BLOCK
    {13, 1980000},                               // CLOCK_RATE, kHz
    {14, 512},                                   // TEXTURE_ALIGNMENT
    {15, 1},                                     // GPU_OVERLAP
    {17, 0},                                     // KERNEL_EXEC_TIMEOUT
    {18, 0},                                     // INTEGRATED
    {19, 1},                                     // CAN_MAP_HOST_MEMORY
    {20, 0},                                     // COMPUTE_MODE
    {31, 1},                                     // CONCURRENT_KERNELS
    {32, 0},                                     // ECC_ENABLED
    {33, 0}, {34, 0}, {50, 0},                   // PCI_BUS_ID, PCI_DEVICE_ID, PCI_DOMAIN_ID
    {36, 1000000},                               // MEMORY_CLOCK_RATE, kHz
    {37, 256},                                   // GLOBAL_MEMORY_BUS_WIDTH, bits
    {38, 1 << 20},                               // L2_CACHE_SIZE
    {39, 2048},                                  // MAX_THREADS_PER_MULTIPROCESSOR
    {40, 1},                                     // ASYNC_ENGINE_COUNT
    {41, 1},                                     // UNIFIED_ADDRESSING
    {75, 9}, {76, 0},                            // COMPUTE_CAPABILITY_MAJOR, MINOR
    {78, 1},                                     // STREAM_PRIORITIES_SUPPORTED
    {81, 228 * 1024},                            // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
    {82, 65536},                                 // MAX_REGISTERS_PER_MULTIPROCESSOR
    {83, 0}, {89, 0},                            // MANAGED_MEMORY, CONCURRENT_MANAGED_ACCESS: there is none here
    {95, 0},                                     // COOPERATIVE_LAUNCH: blocks run one after another
    {97, 227 * 1024},                            // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    {106, 32},                                   // MAX_BLOCKS_PER_MULTIPROCESSOR
    {111, 1024},                                 // RESERVED_SHARED_MEMORY_PER_BLOCK
    {115, 0},                                    // MEMORY_POOLS_SUPPORTED
    {120, 0},                                    // CLUSTER_LAUNCH
};

// The newest version of a function: the name, or the name with the highest _vN.
void* newest(const std::string& name)
{
    Dl_info self;
    dladdr((void*)&newest, &self);
    void* library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    void* found = nullptr;
    for (const char* version : {"", "_v2", "_v3", "_v4"})
    {
        void* other = library == nullptr ? nullptr : dlsym(library, (name + version).c_str());
        found = other == nullptr ? found : other;
    }

    if (library != nullptr)
    {
        dlclose(library);
    }

    return found;
}

int look_up(const char* call, const char* name, void** function, unsigned long long flags, int* result)
{
    if (name == nullptr || function == nullptr || flags > 1)
    {
        // Flag 2 asks for the functions of per-thread default streams, which are not emulated.
        return fail(InvalidValue, "%s: the name and the place of the result must be there, and the flags 0 or 1", call);
    }

    *function = std::strncmp(name, "cu", 2) == 0 ? newest(name) : nullptr;
    if (result != nullptr)
    {
        *result = *function == nullptr; // CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND
    }

    return Success;
}
}

EMU_EXPORT int cuDriverGetVersion(int* version)
{
    EMU_ENTER;
    *version = DriverVersion;
    return Success;
}

EMU_EXPORT int cuDeviceGetAttribute(int* value, int number, int)
{
    EMU_ENTER;
    if (number == 16)
    {
        *value = multiprocessors();
        return Success;
    }

    for (const Attribute& attribute : attributes)
    {
        if (attribute.number == number)
        {
            *value = attribute.value;
            return Success;
        }
    }

    *value = 0;
    return InvalidValue;
}

EMU_EXPORT int cuDeviceGetUuid_v2(unsigned char* uuid, int)
{
    EMU_ENTER;
    std::memcpy(uuid, "CUDA-emulator-01", 16);
    return Success;
}

EMU_EXPORT int cuDeviceGetPCIBusId(char* text, int length, int)
{
    EMU_ENTER;
    return std::snprintf(text, (std::size_t)length, "0000:00:00.0") < length ? (int)Success : (int)InvalidValue;
}

EMU_EXPORT int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* active)
{
    EMU_ENTER;
    *flags = 0;
    *active = has_context();
    return Success;
}

EMU_EXPORT int cuCtxGetDevice(int* device)
{
    EMU_ENTER;
    *device = 0;
    return has_context() ? Success : InvalidContext;
}

EMU_EXPORT int cuCtxGetApiVersion(void* context, unsigned* version)
{
    EMU_ENTER;
    *version = 3020;
    return is_context(context) || (context == nullptr && has_context()) ? Success : InvalidContext;
}

EMU_EXPORT int cuCtxGetStreamPriorityRange(int* least, int* greatest)
{
    EMU_ENTER;
    *least = 0;
    *greatest = -5;
    return has_context() ? Success : InvalidContext;
}

EMU_EXPORT int cuThreadExchangeStreamCaptureMode(int* mode)
{
    EMU_ENTER;
    if (*mode < 0 || *mode > 2)
    {
        return InvalidValue;
    }

    std::swap(*mode, capture_mode());
    return Success;
}

EMU_EXPORT int cuModuleGetLoadingMode(int* mode)
{
    EMU_ENTER;
    *mode = 1; // eager
    return Success;
}

// The runtime asks here for tables that no header describes. A driver that lacks one says so; whoever asks must live with it.
EMU_EXPORT int cuGetExportTable(const void** table, const void*)
{
    EMU_ENTER;
    *table = nullptr;
    return InvalidValue;
}

EMU_EXPORT int cuGetProcAddress(const char* name, void** function, int, unsigned long long flags)
{
    EMU_ENTER;
    int status = look_up("cuGetProcAddress", name, function, flags, nullptr);
    return status == Success && *function == nullptr ? (int)NotFound : status;
}

// Of a name that does not exist it says so in its last argument, and answers success.
EMU_EXPORT int cuGetProcAddress_v2(const char* name, void** function, int, unsigned long long flags, int* result)
{
    EMU_ENTER;
    return look_up("cuGetProcAddress", name, function, flags, result);
}
