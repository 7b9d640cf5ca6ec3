// The driver's entry points but for streams: devices, contexts, memory, modules, launches.
#include "emulator.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <set>

namespace emulator
{
struct Module
{
    std::string path;
    std::uint64_t hash = 0;
    bool checked = false;
    std::vector<Kernel> kernels;
    std::vector<Segment> writable, constant;
};

namespace
{
struct LoadedModule
{
    Module* module;
    std::map<std::string, std::unique_ptr<Kernel>> functions;
};

std::vector<std::unique_ptr<Module>> modules;
Module* registering;
bool scanned;
std::vector<Segment> writable_data;
std::set<LoadedModule*> loaded;
std::map<Kernel*, LoadedModule*> functions;
std::map<std::uintptr_t, std::size_t> pinned;
int retained, status_of_context;
bool initialized;

bool wants_checks()
{
    const char* mode = std::getenv("ENGINE_EMULATOR");
#if defined(__SANITIZE_ADDRESS__)
    (void)mode;
    return false; // AddressSanitizer does the checking there.
#else
    return mode == nullptr || std::strcmp(mode, "fast") != 0;
#endif
}

int note_segments(struct dl_phdr_info* info, std::size_t, void* data)
{
    Module& module = *(Module*)data;
    if (module.path == info->dlpi_name)
    {
        for (int i = 0; i < info->dlpi_phnum; i++)
        {
            const ElfW(Phdr)& header = info->dlpi_phdr[i];
            if (header.p_type == PT_LOAD)
            {
                std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
                ((header.p_flags & PF_W) != 0 ? module.writable : module.constant).push_back({begin, begin + header.p_memsz});
            }
        }
    }

    return 0;
}

// Opens the modules beside this library whose kernels are of the wanted kind.
void scan()
{
    if (scanned)
    {
        return;
    }

    scanned = true;
    checking = wants_checks();
    Dl_info self;
    dladdr((void*)&scan, &self);
    std::string folder = std::string(self.dli_fname).substr(0, std::string(self.dli_fname).rfind('/'));
    const std::string ending = checking ? "_checked.so" : "_fast.so";
    DIR* directory = opendir(folder.c_str());
    while (struct dirent* entry = directory == nullptr ? nullptr : readdir(directory))
    {
        std::string name = entry->d_name;
        if (name.rfind("module_", 0) != 0 || name.size() < ending.size() || name.compare(name.size() - ending.size(), ending.size(), ending) != 0)
        {
            continue;
        }

        std::unique_ptr<Module> module(new Module());
        module->path = folder + "/" + name;
        registering = module.get();
        void* handle = dlopen(module->path.c_str(), RTLD_NOW | RTLD_LOCAL);
        registering = nullptr;
        if (handle == nullptr)
        {
            fail(InvalidImage, "%s does not load: %s", name.c_str(), dlerror());
            continue;
        }

        const char* begin = (const char*)dlsym(handle, "emu_module_source");
        const char* end = (const char*)dlsym(handle, "emu_module_source_end");
        module->hash = hash(begin, (std::size_t)(end - begin));
        dl_iterate_phdr(note_segments, module.get());
        writable_data.insert(writable_data.end(), module->writable.begin(), module->writable.end());
        modules.push_back(std::move(module));
    }

    if (directory != nullptr)
    {
        closedir(directory);
    }
}
}

std::recursive_mutex& gate()
{
    static std::recursive_mutex mutex;
    return mutex;
}

int& broken() { return status_of_context; }

std::uint64_t hash(const char* text, std::size_t length)
{
    std::uint64_t value = 14695981039346656037ull; // FNV-1a
    for (std::size_t i = 0; i < length; i++)
    {
        value = (value ^ (unsigned char)text[i]) * 1099511628211ull;
    }

    return value;
}

bool has_module(std::uint64_t source_hash)
{
    scan();
    for (auto& module : modules)
    {
        if (module->hash == source_hash)
        {
            return true;
        }
    }

    return false;
}

std::vector<Segment>& module_data() { return writable_data; }

bool is_module_constant(std::uintptr_t address)
{
    for (auto& module : modules)
    {
        for (const Segment& segment : module->constant)
        {
            if (address >= segment.begin && address < segment.end)
            {
                return true;
            }
        }
    }

    return false;
}

bool is_pinned(const void* address, std::size_t bytes)
{
    auto after = pinned.upper_bound((std::uintptr_t)address);
    return after != pinned.begin() && (--after)->first + after->second >= (std::uintptr_t)address + bytes;
}
}

using namespace emulator;

EMU_EXPORT void emu_register_kernel(const char* name, void (*call)(void**), int parameters, const int* sizes, const int* kinds)
{
    Kernel kernel;
    kernel.name = name;
    kernel.call = call;
    kernel.sizes.assign(sizes, sizes + parameters);
    kernel.kinds.assign(kinds, kinds + parameters);
    registering->kernels.push_back(kernel);
}

// ---- For tests -------------------------------------------------------------------------------------------------------------

EMU_EXPORT const char* emu_last_message() { return last_message().c_str(); }

EMU_EXPORT int emu_is_checking()
{
    EMU_ENTER;
    scan();
    return checking;
}

// As if the GPU had been reset: nothing is left, and the context works again.
EMU_EXPORT void emu_reset()
{
    EMU_ENTER;
    release_all();
    reset_streams();
    for (LoadedModule* module : loaded)
    {
        delete module;
    }

    loaded.clear();
    functions.clear();
    for (auto& block : pinned)
    {
        std::free((void*)block.first);
    }

    pinned.clear();
    status_of_context = Success;
}

EMU_EXPORT std::size_t emu_live_handles()
{
    EMU_ENTER;
    return live_handles() + loaded.size() + pinned.size();
}

// The names of all kernels of a module file, each on a line.
EMU_EXPORT const char* emu_kernel_names(const char* module_name)
{
    EMU_ENTER;
    static std::string text;
    text.clear();
    scan();
    for (auto& module : modules)
    {
        if (module->path.find(std::string("/module_") + module_name + "_") != std::string::npos)
        {
            for (const Kernel& kernel : module->kernels)
            {
                text += kernel.name + "\n";
            }
        }
    }

    return text.c_str();
}

// ---- Errors and devices ----------------------------------------------------------------------------------------------------

EMU_EXPORT int cuGetErrorName(int error, const char** text)
{
    *text = error > 9000 ? "EMULATOR" : error == InvalidValue ? "CUDA_ERROR_INVALID_VALUE" : error == OutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
            : error == InvalidImage ? "CUDA_ERROR_INVALID_IMAGE" : error == NotFound ? "CUDA_ERROR_NOT_FOUND"
            : error == CaptureUnsupported ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED" : "CUDA_ERROR";
    return Success;
}

EMU_EXPORT int cuGetErrorString(int error, const char** text)
{
    *text = error > 9000 || error == CaptureUnsupported ? last_message().c_str() : error == OutOfMemory ? "out of memory" : "see its name";
    return Success;
}

EMU_EXPORT int cuInit(unsigned)
{
    initialized = true;
    return Success;
}

EMU_EXPORT int cuDriverGetVersion(int* version)
{
    *version = 12080;
    return Success;
}

EMU_EXPORT int cuDeviceGetCount(int* count)
{
    *count = 1;
    return initialized ? (int)Success : 3;
}

EMU_EXPORT int cuDeviceGet(int* device, int ordinal)
{
    *device = 0;
    return ordinal == 0 ? (int)Success : 101;
}

EMU_EXPORT int cuDeviceGetName(char* name, int length, int)
{
    std::snprintf(name, (std::size_t)length, "CUDA emulator");
    return Success;
}

EMU_EXPORT int cuDeviceTotalMem_v2(std::size_t* bytes, int)
{
    extern std::size_t emu_device_bytes_of() asm("emu_device_bytes");
    *bytes = emu_device_bytes_of();
    return Success;
}

EMU_EXPORT int cuDeviceGetAttribute(int* value, int attribute, int)
{
    switch (attribute)
    {
    case 1: *value = 1024; break;          // threads of a block
    case 8: *value = 48 * 1024; break;     // shared memory of a block
    case 10: *value = 32; break;           // threads of a warp
    case 16: *value = 4; break;            // multiprocessors: few, so that grids made for them are short
    case 36: *value = 1000000; break;      // the memory's clock, kHz
    case 37: *value = 256; break;          // the memory's bus, bits
    case 38: *value = 1 << 20; break;      // second-level cache
    case 39: *value = 2048; break;         // threads of a multiprocessor
    case 75: *value = 9; break;            // compute capability 9.0
    case 76: *value = 0; break;
    case 97: *value = 227 * 1024; break;   // shared memory of a block that asks
    default: *value = 0; return InvalidValue;
    }

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
    if (live_count() > 0 || live_handles() + loaded.size() + pinned.size() > 0)
    {
        status = fail(Leak, "the context ends with %zu bytes not freed in %zu allocations, %zu streams, events or graphs, %zu modules and %zu pinned blocks: %s", live_bytes(),
                      live_count(), live_handles(), loaded.size(), pinned.size(), describe_live().c_str());
    }

    emu_reset();
    return status;
}

EMU_EXPORT int cuCtxSetCurrent(void* context)
{
    return context == nullptr || context == &retained ? (int)Success : fail(BadHandle, "cuCtxSetCurrent: %p is no context", context);
}

EMU_EXPORT int cuCtxGetCurrent(void** context)
{
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
    return status != Success ? status : submit_now("cuMemcpyHtoD", [=](const Work& work) { return copy_in(destination, source, bytes, work); });
}

EMU_EXPORT int cuMemcpyDtoH_v2(void* destination, std::uintptr_t source, std::size_t bytes)
{
    EMU_ENTER;
    int status = host_pointer("cuMemcpyDtoH", destination);
    return status != Success ? status : submit_now("cuMemcpyDtoH", [=](const Work& work) { return copy_out(destination, source, bytes, work); });
}

EMU_EXPORT int cuMemcpyHtoDAsync_v2(std::uintptr_t destination, const void* source, std::size_t bytes, void* stream)
{
    EMU_ENTER;
    int status = host_pointer("cuMemcpyHtoDAsync", source);
    return status != Success ? status : submit(stream, "cuMemcpyHtoDAsync", [=](const Work& work) {
        int copied = copy_in(destination, source, bytes, work);
        return copied == Success && is_pinned(source, bytes) ? host_read_later(work, source, bytes) : copied;
    });
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
    });
}

EMU_EXPORT int cuMemcpyDtoDAsync_v2(std::uintptr_t destination, std::uintptr_t source, std::size_t bytes, void* stream)
{
    EMU_ENTER;
    return submit(stream, "cuMemcpyDtoDAsync", [=](const Work& work) {
        int status = touch("the source", source, bytes, false, work);
        return status == Success ? copy_in(destination, (const void*)source, bytes, work) : status;
    });
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
    });
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
    });
}

// ---- Modules and launches --------------------------------------------------------------------------------------------------

EMU_EXPORT int cuModuleLoadData(void** result, const void* image)
{
    EMU_ENTER;
    scan();
    unsigned long long wanted = 0;
    if (std::sscanf((const char*)image, "ENGINE-EMULATOR-MODULE %llx", &wanted) != 1)
    {
        return InvalidImage;
    }

    for (auto& module : modules)
    {
        if (module->hash == wanted)
        {
            LoadedModule* made = new LoadedModule{module.get(), {}};
            loaded.insert(made);
            *result = made;
            return Success;
        }
    }

    return InvalidImage;
}

EMU_EXPORT int cuModuleUnload(void* handle)
{
    EMU_ENTER;
    LoadedModule* module = (LoadedModule*)handle;
    if (loaded.erase(module) == 0)
    {
        return fail(BadHandle, "cuModuleUnload: %p is no module", handle);
    }

    for (auto& entry : module->functions)
    {
        functions.erase(entry.second.get());
    }

    delete module;
    return Success;
}

EMU_EXPORT int cuModuleGetFunction(void** function, void* handle, const char* name)
{
    EMU_ENTER;
    LoadedModule* module = (LoadedModule*)handle;
    if (loaded.count(module) == 0)
    {
        return fail(BadHandle, "cuModuleGetFunction: %p is no module", handle);
    }

    std::unique_ptr<Kernel>& made = module->functions[name];
    for (const Kernel& kernel : module->module->kernels)
    {
        if (made == nullptr && kernel.name == name)
        {
            made.reset(new Kernel(kernel));
            functions[made.get()] = module;
        }
    }

    *function = made.get();
    return made == nullptr ? (int)NotFound : (int)Success;
}

EMU_EXPORT int cuFuncGetAttribute(int* value, int attribute, void* function)
{
    EMU_ENTER;
    if (functions.count((Kernel*)function) == 0)
    {
        return fail(BadHandle, "cuFuncGetAttribute: %p is no kernel", function);
    }

    *value = attribute == 0 ? 1024 : attribute == 4 ? 32 : attribute == 8 ? ((Kernel*)function)->max_dynamic_shared : 0;
    return Success;
}

EMU_EXPORT int cuFuncSetAttribute(void* function, int attribute, int value)
{
    EMU_ENTER;
    if (functions.count((Kernel*)function) == 0)
    {
        return fail(BadHandle, "cuFuncSetAttribute: %p is no kernel", function);
    }

    if (attribute == 8)
    {
        if (value > 227 * 1024)
        {
            return fail(LaunchLimit, "cuFuncSetAttribute: %d bytes of dynamic shared memory; at most %d are possible", value, 227 * 1024);
        }

        ((Kernel*)function)->max_dynamic_shared = value;
    }

    return Success;
}

EMU_EXPORT int cuFuncGetParamInfo(void* function, std::size_t index, std::size_t* offset, std::size_t* size)
{
    EMU_ENTER;
    if (functions.count((Kernel*)function) == 0)
    {
        return fail(BadHandle, "cuFuncGetParamInfo: %p is no kernel", function);
    }

    const Kernel& kernel = *(Kernel*)function;
    if (index >= kernel.sizes.size())
    {
        return InvalidValue;
    }

    *offset = 0;
    for (std::size_t i = 0; i <= index; i++)
    {
        std::size_t bytes = (std::size_t)kernel.sizes[i], alignment = bytes >= 8 ? 8 : bytes;
        *offset = (*offset + alignment - 1) / alignment * alignment;
        *offset += i < index ? bytes : 0;
    }

    *size = (std::size_t)kernel.sizes[index];
    return Success;
}

EMU_EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int block_size, std::size_t)
{
    *blocks = block_size > 0 ? 2048 / block_size : 0;
    return Success;
}

EMU_EXPORT int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                              void* stream, void** parameters, void** extra)
{
    EMU_ENTER;
    Kernel* kernel = (Kernel*)function;
    if (functions.count(kernel) == 0)
    {
        return fail(BadHandle, "cuLaunchKernel: %p is no kernel, or its module was unloaded", function);
    }

    if (extra != nullptr || (parameters == nullptr && !kernel->sizes.empty()))
    {
        return fail(BadParameters, "%s: takes %zu parameters by address", kernel->name.c_str(), kernel->sizes.size());
    }

    // The driver copies the arguments when the launch is queued.
    Launch launch{kernel, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_bytes, {}};
    for (std::size_t i = 0; i < kernel->sizes.size(); i++)
    {
        const unsigned char* argument = (const unsigned char*)parameters[i];
        if (argument == nullptr)
        {
            return fail(BadParameters, "%s: parameter %zu of %zu has no address", kernel->name.c_str(), i, kernel->sizes.size());
        }

        launch.arguments.emplace_back(argument, argument + kernel->sizes[i]);
    }

    return submit(stream, kernel->name.c_str(), [=](const Work& work) { return run(launch, work); });
}
