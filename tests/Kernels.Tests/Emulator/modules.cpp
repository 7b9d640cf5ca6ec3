// Modules: the compiled CUDA sources beside this library, their kernels, and the launches of these.
#include "settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>

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

// The modules of one build of the kernels: opened when first wanted, and then kept.
struct Kind
{
    bool scanned = false;
    std::vector<std::unique_ptr<Module>> modules;
};

Kind kinds[3];
const char* const endings[] = {"_fast.so", "_checked.so", "_contracted.so"};
Module* registering;
std::vector<Segment> writable_data;
std::set<LoadedModule*> loaded;
std::map<Kernel*, LoadedModule*> functions;

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

// Opens one compiled source and adds it to a kind.
bool open_into(Kind& kind, const std::string& path)
{
    std::unique_ptr<Module> module(new Module());
    module->path = path;
    registering = module.get();
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    registering = nullptr;
    if (handle == nullptr)
    {
        fail(InvalidImage, "%s does not load: %s", path.c_str(), dlerror());
        return false;
    }

    const char* begin = (const char*)dlsym(handle, "emu_module_source");
    const char* end = (const char*)dlsym(handle, "emu_module_source_end");
    module->hash = hash(begin, (std::size_t)(end - begin));
    dl_iterate_phdr(note_segments, module.get());
    writable_data.insert(writable_data.end(), module->writable.begin(), module->writable.end());
    kind.modules.push_back(std::move(module));
    return true;
}

// Opens the modules beside this library whose kernels are of the wanted kind.
std::vector<std::unique_ptr<Module>>& scan()
{
    Kind& kind = kinds[(int)build()];
    if (kind.scanned)
    {
        return kind.modules;
    }

    kind.scanned = true;
    std::string folder = library_folder();
    const std::string ending = endings[(int)build()];
    DIR* directory = opendir(folder.c_str());
    while (struct dirent* entry = directory == nullptr ? nullptr : readdir(directory))
    {
        std::string name = entry->d_name;
        if (name.rfind("module_", 0) == 0 && name.size() >= ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
        {
            open_into(kind, folder + "/" + name);
        }
    }

    if (directory != nullptr)
    {
        closedir(directory);
    }

    return kind.modules;
}
}

std::string library_folder()
{
    Dl_info self;
    dladdr((void*)&library_folder, &self);
    return std::string(self.dli_fname).substr(0, std::string(self.dli_fname).rfind('/'));
}

bool open_module(const std::string& path)
{
    scan();
    return open_into(kinds[(int)build()], path);
}

bool has_module(std::uint64_t source_hash)
{
    for (auto& module : scan())
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
    for (auto& module : kinds[(int)build()].modules)
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

std::size_t live_modules() { return loaded.size(); }

void reset_modules()
{
    for (LoadedModule* module : loaded)
    {
        delete module;
    }

    loaded.clear();
    functions.clear();
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

EMU_EXPORT int emu_is_checking()
{
    EMU_LOCK;
    scan();
    return checking;
}

// The names of all kernels of a module file, each on a line.
EMU_EXPORT const char* emu_kernel_names(const char* module_name)
{
    EMU_LOCK;
    static std::string text;
    text.clear();
    for (auto& module : scan())
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

EMU_EXPORT int cuModuleLoadData(void** result, const void* image)
{
    EMU_ENTER;
    unsigned long long hash = 0;
    if (std::sscanf((const char*)image, "ENGINE-EMULATOR-MODULE %llx", &hash) != 1)
    {
        return InvalidImage;
    }

    for (auto& module : scan())
    {
        if (module->hash == hash)
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

    switch (attribute)
    {
    case 0: *value = 1024; break;                                            // MAX_THREADS_PER_BLOCK
    case 1: case 2: case 3: case 7: *value = 0; break;                       // SHARED, CONST and LOCAL_SIZE_BYTES, which nobody knows here; CACHE_MODE_CA
    case 4: *value = 32; break;                                              // NUM_REGS
    case 5: case 6: *value = 90; break;                                      // PTX_VERSION, BINARY_VERSION
    case 8: *value = ((Kernel*)function)->max_dynamic_shared; break;         // MAX_DYNAMIC_SHARED_SIZE_BYTES
    case 9: *value = -1; break;                                              // PREFERRED_SHARED_MEMORY_CARVEOUT
    default: *value = 0; return InvalidValue;
    }

    return Success;
}

EMU_EXPORT int cuFuncGetName(const char** name, void* function)
{
    EMU_ENTER;
    bool is_known = functions.count((Kernel*)function) != 0;
    *name = is_known ? ((Kernel*)function)->name.c_str() : nullptr;
    return is_known ? (int)Success : fail(BadHandle, "cuFuncGetName: %p is no kernel", function);
}

EMU_EXPORT int cuFuncGetModule(void** module, void* function)
{
    EMU_ENTER;
    auto found = functions.find((Kernel*)function);
    *module = found == functions.end() ? nullptr : found->second;
    return found != functions.end() ? (int)Success : fail(BadHandle, "cuFuncGetModule: %p is no kernel", function);
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

    // The carveout is a hint; nothing else can be set.
    return attribute == 8 || attribute == 9 ? (int)Success : (int)InvalidValue;
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

EMU_EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* function, int block_size, std::size_t dynamic_shared)
{
    EMU_ENTER;
    if (functions.count((Kernel*)function) == 0 || block_size <= 0)
    {
        return fail(
            functions.count((Kernel*)function) == 0 ? BadHandle : InvalidValue,
            "cuOccupancyMaxActiveBlocksPerMultiprocessor: %p is no kernel, or no thread is asked for", function);
    }

    // By threads, by the 32 blocks that fit, and by shared memory, of which each block costs a kilobyte more. No kernel has more than 32 registers here.
    std::size_t by_shared = 228 * 1024 / (dynamic_shared + 1024), by_threads = 2048 / (((std::size_t)block_size + 31) / 32 * 32);
    *blocks = block_size > 1024 || dynamic_shared > (std::size_t)((Kernel*)function)->max_dynamic_shared ? 0 : (int)std::min(
        {by_shared, by_threads, (std::size_t)32});
    return Success;
}

EMU_EXPORT int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
    unsigned shared_bytes,
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

    std::string told;
    if (tracing())
    {
        char text[400];
        std::snprintf(text, sizeof text, "\"kernel\":\"%s\",\"grid\":[%u,%u,%u],\"block\":[%u,%u,%u],\"shared\":%u", kernel->name.c_str(), grid_x, grid_y,
            grid_z, block_x, block_y,
                      block_z, shared_bytes);
        told = text;
    }

    return submit(stream, kernel->name.c_str(), [=](const Work& work) { return run(launch, work); }, told);
}
