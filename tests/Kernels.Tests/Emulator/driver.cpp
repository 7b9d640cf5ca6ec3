// The driver's entry points but for streams, graphs and modules: devices, contexts and memory.
#include "emulator.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emulator
{
namespace
{
std::map<std::uintptr_t, std::size_t> pinned;
int retained, status_of_context;
bool initialized;
}

std::recursive_mutex& gate()
{
    static std::recursive_mutex mutex;
    return mutex;
}

int& broken() { return status_of_context; }

bool is_context(const void* context) { return retained > 0 && context == &retained; }
bool has_context() { return retained > 0; }

std::uint64_t hash(const char* text, std::size_t length)
{
    std::uint64_t value = 14695981039346656037ull; // FNV-1a
    for (std::size_t i = 0; i < length; i++)
    {
        value = (value ^ (unsigned char)text[i]) * 1099511628211ull;
    }

    return value;
}

bool is_pinned(const void* address, std::size_t bytes)
{
    auto after = pinned.upper_bound((std::uintptr_t)address);
    return after != pinned.begin() && (--after)->first + after->second >= (std::uintptr_t)address + bytes;
}
}

using namespace emulator;

// ---- For tests -------------------------------------------------------------------------------------------------------------

EMU_EXPORT const char* emu_last_message() { return last_message().c_str(); }

// As if the GPU had been reset: nothing is left, and the context works again.
EMU_EXPORT void emu_reset()
{
    EMU_LOCK;
    release_all();
    reset_streams();
    reset_libraries();
    reset_modules();
    for (auto& block : pinned)
    {
        std::free((void*)block.first);
    }

    pinned.clear();
    status_of_context = Success;
}

EMU_EXPORT std::size_t emu_live_handles()
{
    EMU_LOCK;
    return live_handles() + live_modules() + pinned.size() + live_of_libraries();
}

// ---- Devices ---------------------------------------------------------------------------------------------------------------

EMU_EXPORT int cuInit(unsigned)
{
    EMU_ENTER;
    initialized = true;
    return Success;
}

EMU_EXPORT int cuDeviceGetCount(int* count)
{
    EMU_ENTER;
    *count = 1;
    return initialized ? (int)Success : 3;
}

EMU_EXPORT int cuDeviceGet(int* device, int ordinal)
{
    EMU_ENTER;
    *device = 0;
    return ordinal == 0 ? (int)Success : 101;
}

EMU_EXPORT int cuDeviceGetName(char* name, int length, int)
{
    EMU_ENTER;
    std::snprintf(name, (std::size_t)length, "CUDA emulator");
    return Success;
}

EMU_EXPORT int cuDeviceTotalMem_v2(std::size_t* bytes, int)
{
    EMU_ENTER;
    extern std::size_t emu_device_bytes_of() asm("emu_device_bytes");
    *bytes = emu_device_bytes_of();
    return Success;
}

EMU_EXPORT int cuDevicePrimaryCtxRetain(void** context, int)
{
    EMU_ENTER;
    retained++;
    *context = &retained;
    return Success;
}

EMU_EXPORT int cuDevicePrimaryCtxRelease_v2(int)
{
    EMU_ENTER;
    if (retained == 0)
    {
        return fail(BadHandle, "cuDevicePrimaryCtxRelease: the context was released before");
    }

    if (--retained > 0)
    {
        return Success;
    }

    int status = Success;
    if (live_count() > 0 || live_handles() + live_modules() + pinned.size() > 0)
    {
        status = fail(Leak, "the context ends with %zu bytes not freed in %zu allocations, %zu streams, events or graphs, %zu modules and %zu pinned "
            "blocks: %s", live_bytes(),
                      live_count(), live_handles(), live_modules(), pinned.size(), describe_live().c_str());
    }

    emu_reset();
    return status;
}

EMU_EXPORT int cuCtxSetCurrent(void* context)
{
    EMU_ENTER;
    return context == nullptr || context == &retained ? (int)Success : fail(BadHandle, "cuCtxSetCurrent: %p is no context", context);
}

EMU_EXPORT int cuCtxGetCurrent(void** context)
{
    EMU_ENTER;
    *context = retained > 0 ? &retained : nullptr;
    return Success;
}

// ---- Memory ----------------------------------------------------------------------------------------------------------------

EMU_EXPORT int cuMemGetInfo_v2(std::size_t* free, std::size_t* total)
{
    EMU_ENTER;
    cuDeviceTotalMem_v2(total, 0);
    *free = *total - live_bytes();
    return Success;
}

EMU_EXPORT int cuMemAlloc_v2(std::uintptr_t* pointer, std::size_t bytes)
{
    EMU_ENTER;
    int status = retained == 0 ? fail(InvalidContext, "cuMemAlloc: there is no context") : broken() != Success ? broken() : unsafe_call("cuMemAlloc");
    return status != Success ? status : allocate(bytes, pointer);
}

EMU_EXPORT int cuMemFree_v2(std::uintptr_t pointer)
{
    EMU_ENTER;
    int status = unsafe_call("cuMemFree");
    return status != Success ? status : release(pointer);
}

EMU_EXPORT int cuMemHostAlloc(void** pointer, std::size_t bytes, unsigned)
{
    EMU_ENTER;
    if (posix_memalign(pointer, 4096, bytes == 0 ? 1 : bytes) != 0)
    {
        return OutOfMemory;
    }

    std::memset(*pointer, 0xff, bytes);
    pinned[(std::uintptr_t)*pointer] = bytes;
    return Success;
}

EMU_EXPORT int cuMemFreeHost(void* pointer)
{
    EMU_ENTER;
    if (pinned.erase((std::uintptr_t)pointer) == 0)
    {
        return fail(NotDeviceMemory, "cuMemFreeHost: %p is not pinned memory", pointer);
    }

    std::free(pointer);
    return Success;
}

namespace
{
int copy_in(std::uintptr_t destination, const void* source, std::size_t bytes, const Work& work)
{
    int status = touch("the destination", destination, bytes, true, work);
    if (status == Success)
    {
        std::memcpy((void*)destination, source, bytes);
    }

    return status;
}

int copy_out(void* destination, std::uintptr_t source, std::size_t bytes, const Work& work)
{
    int status = touch("the source", source, bytes, false, work);
    if (status == Success)
    {
        std::memcpy(destination, (const void*)source, bytes);
    }

    return status;
}

int host_pointer(const char* call, const void* pointer)
{
    std::uintptr_t address = (std::uintptr_t)pointer;
    return address >= arena_begin && address < arena_end ? fail(NotDeviceMemory, "%s: the host's side, %p, is device memory", call, pointer) : (int)Success;
}
}

EMU_EXPORT int cuMemcpyHtoD_v2(std::uintptr_t destination, const void* source, std::size_t bytes)
{
    EMU_ENTER;
    int status = host_pointer("cuMemcpyHtoD", source);
    return status != Success ? status : submit_now("cuMemcpyHtoD", [=](const Work& work) { return copy_in(destination, source, bytes, work); },
                                                           describe("cuMemcpyHtoD", {{"bytes", bytes}}));
}

EMU_EXPORT int cuMemcpyDtoH_v2(void* destination, std::uintptr_t source, std::size_t bytes)
{
    EMU_ENTER;
    int status = host_pointer("cuMemcpyDtoH", destination);
    return status != Success ? status : submit_now("cuMemcpyDtoH", [=](const Work& work) { return copy_out(destination, source, bytes, work); },
                                                           describe("cuMemcpyDtoH", {{"bytes", bytes}}));
}

EMU_EXPORT int cuMemcpyHtoDAsync_v2(std::uintptr_t destination, const void* source, std::size_t bytes, void* stream)
{
    EMU_ENTER;
    int status = host_pointer("cuMemcpyHtoDAsync", source);
    return status != Success ? status : submit(stream, "cuMemcpyHtoDAsync", [=](const Work& work) {
        int copied = copy_in(destination, source, bytes, work);
        return copied == Success && is_pinned(source, bytes) ? host_read_later(work, source, bytes) : copied;
    }, describe("cuMemcpyHtoDAsync", {{"bytes", bytes}}));
}

EMU_EXPORT int cuMemcpyDtoHAsync_v2(void* destination, std::uintptr_t source, std::size_t bytes, void* stream)
{
    EMU_ENTER;
    int status = host_pointer("cuMemcpyDtoHAsync", destination);
    return status != Success ? status : submit(stream, "cuMemcpyDtoHAsync", [=](const Work& work) {
        if (!is_pinned(destination, bytes))
        {
            return copy_out(destination, source, bytes, work);
        }

        int read = touch("the source", source, bytes, false, work);
        return read == Success ? host_write_later(work, destination, (const void*)source, bytes) : read;
    }, describe("cuMemcpyDtoHAsync", {{"bytes", bytes}}));
}

EMU_EXPORT int cuMemcpyDtoDAsync_v2(std::uintptr_t destination, std::uintptr_t source, std::size_t bytes, void* stream)
{
    EMU_ENTER;
    return submit(stream, "cuMemcpyDtoDAsync", [=](const Work& work) {
        int status = touch("the source", source, bytes, false, work);
        return status == Success ? copy_in(destination, (const void*)source, bytes, work) : status;
    }, describe("cuMemcpyDtoDAsync", {{"bytes", bytes}}));
}

EMU_EXPORT int cuMemsetD8Async(std::uintptr_t destination, unsigned char value, std::size_t count, void* stream)
{
    EMU_ENTER;
    return submit(stream, "cuMemsetD8Async", [=](const Work& work) {
        int status = touch("the destination", destination, count, true, work);
        if (status == Success)
        {
            std::memset((void*)destination, value, count);
        }

        return status;
    }, describe("cuMemsetD8Async", {{"bytes", count}}));
}

EMU_EXPORT int cuMemsetD32Async(std::uintptr_t destination, unsigned value, std::size_t count, void* stream)
{
    EMU_ENTER;
    if (destination % 4 != 0)
    {
        return fail(Misaligned, "cuMemsetD32Async: 0x%zx is not a multiple of 4", (std::size_t)destination);
    }

    return submit(stream, "cuMemsetD32Async", [=](const Work& work) {
        int status = touch("the destination", destination, count * 4, true, work);
        for (std::size_t i = 0; status == Success && i < count; i++)
        {
            ((unsigned*)destination)[i] = value;
        }

        return status;
    }, describe("cuMemsetD32Async", {{"bytes", count * 4}}));
}
