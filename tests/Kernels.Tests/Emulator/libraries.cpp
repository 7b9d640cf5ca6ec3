// Libraries: modules by another name, which belong to no context until a kernel of theirs is asked for.
#include "emulator.h"

#include <set>

using namespace emulator;

EMU_EXPORT int cuModuleLoadData(void** module, const void* image);
EMU_EXPORT int cuModuleUnload(void* module);
EMU_EXPORT int cuModuleGetFunction(void** function, void* module, const char* name);
EMU_EXPORT int cuFuncGetAttribute(int* value, int attribute, void* function);
EMU_EXPORT int cuFuncSetAttribute(void* function, int attribute, int value);
EMU_EXPORT int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
    unsigned shared_bytes,
                              void* stream, void** parameters, void** extra);

namespace
{
struct Library;

struct LibraryKernel
{
    Library* library;
    std::string name;
    void* function;
};

struct Library
{
    void* module = nullptr;
    std::map<std::string, std::unique_ptr<LibraryKernel>> kernels;
};

// cuda.h's CUlaunchConfig.
struct LaunchConfig
{
    unsigned grid[3], block[3], shared_bytes;
    void* stream;
    void* attributes;
    unsigned attribute_count;
};
static_assert(sizeof(LaunchConfig) == 56, "as in cuda.h");

std::set<Library*> libraries;
std::set<LibraryKernel*> library_kernels;

LibraryKernel* find_kernel(const char* call, void* handle)
{
    LibraryKernel* kernel = (LibraryKernel*)handle;
    if (library_kernels.count(kernel) != 0)
    {
        return kernel;
    }

    fail(BadHandle, "%s: %p is no kernel of a library, or the library was unloaded", call, handle);
    return nullptr;
}
}

namespace emulator
{
void reset_libraries()
{
    for (Library* library : libraries)
    {
        delete library;
    }

    libraries.clear();
    library_kernels.clear();
}
}

EMU_EXPORT int cuModuleLoadDataEx(void** module, const void* image, unsigned count, const int* options, void** values)
{
    EMU_ENTER;
    // Options direct the compilation of PTX, and nothing is compiled here.
    return count > 0 && (options == nullptr || values == nullptr) ? (int)InvalidValue : cuModuleLoadData(module, image);
}

EMU_EXPORT int cuLibraryLoadData(void** result, const void* image, const int* options, void** values, unsigned count, const int* library_options,
    void** library_values,
                                 unsigned library_count)
{
    EMU_ENTER;
    if ((count > 0 && (options == nullptr || values == nullptr)) || (library_count > 0 && (library_options == nullptr || library_values == nullptr)))
    {
        return InvalidValue;
    }

    std::unique_ptr<Library> library(new Library());
    int status = cuModuleLoadData(&library->module, image);
    if (status == Success)
    {
        *result = library.get();
        libraries.insert(library.release());
    }

    return status;
}

EMU_EXPORT int cuLibraryUnload(void* handle)
{
    EMU_ENTER;
    Library* library = (Library*)handle;
    if (libraries.erase(library) == 0)
    {
        return fail(BadHandle, "cuLibraryUnload: %p is no library, or one that was unloaded", handle);
    }

    for (auto& entry : library->kernels)
    {
        library_kernels.erase(entry.second.get());
    }

    int status = cuModuleUnload(library->module);
    delete library;
    return status;
}

EMU_EXPORT int cuLibraryGetModule(void** module, void* handle)
{
    EMU_ENTER;
    if (libraries.count((Library*)handle) == 0)
    {
        return fail(BadHandle, "cuLibraryGetModule: %p is no library", handle);
    }

    *module = ((Library*)handle)->module;
    return has_context() ? Success : InvalidContext;
}

EMU_EXPORT int cuLibraryGetKernel(void** result, void* handle, const char* name)
{
    EMU_ENTER;
    Library* library = (Library*)handle;
    if (libraries.count(library) == 0)
    {
        return fail(BadHandle, "cuLibraryGetKernel: %p is no library", handle);
    }

    void* function;
    int status = cuModuleGetFunction(&function, library->module, name);
    if (status == Success)
    {
        std::unique_ptr<LibraryKernel>& kernel = library->kernels[name];
        kernel.reset(kernel == nullptr ? new LibraryKernel{library, name, function} : kernel.release());
        library_kernels.insert(kernel.get());
        *result = kernel.get();
    }

    return status;
}

EMU_EXPORT int cuKernelGetFunction(void** function, void* handle)
{
    EMU_ENTER;
    LibraryKernel* kernel = find_kernel("cuKernelGetFunction", handle);
    *function = kernel == nullptr || !has_context() ? nullptr : kernel->function;
    return kernel == nullptr ? (int)BadHandle : has_context() ? (int)Success : (int)InvalidContext;
}

EMU_EXPORT int cuKernelGetLibrary(void** library, void* handle)
{
    EMU_ENTER;
    LibraryKernel* kernel = find_kernel("cuKernelGetLibrary", handle);
    *library = kernel == nullptr ? nullptr : kernel->library;
    return kernel == nullptr ? BadHandle : Success;
}

EMU_EXPORT int cuKernelGetName(const char** name, void* handle)
{
    EMU_ENTER;
    LibraryKernel* kernel = find_kernel("cuKernelGetName", handle);
    *name = kernel == nullptr ? nullptr : kernel->name.c_str();
    return kernel == nullptr ? BadHandle : Success;
}

EMU_EXPORT int cuKernelGetAttribute(int* value, int attribute, void* handle, int)
{
    EMU_ENTER;
    LibraryKernel* kernel = find_kernel("cuKernelGetAttribute", handle);
    return kernel == nullptr ? (int)BadHandle : cuFuncGetAttribute(value, attribute, kernel->function);
}

EMU_EXPORT int cuKernelSetAttribute(int attribute, int value, void* handle, int)
{
    EMU_ENTER;
    LibraryKernel* kernel = find_kernel("cuKernelSetAttribute", handle);
    return kernel == nullptr ? (int)BadHandle : cuFuncSetAttribute(kernel->function, attribute, value);
}

EMU_EXPORT int cuLaunchKernelEx(const LaunchConfig* config, void* function, void** parameters, void** extra)
{
    EMU_ENTER;
    if (config->attribute_count > 0)
    {
        return fail(NotSupported, "cuLaunchKernelEx: launch attributes (clusters, cooperation, priorities) are not emulated");
    }

    // A kernel of a library may stand for its function.
    void* launched = library_kernels.count((LibraryKernel*)function) != 0 ? ((LibraryKernel*)function)->function : function;
    return cuLaunchKernel(launched, config->grid[0], config->grid[1], config->grid[2], config->block[0], config->block[1], config->block[2],
        config->shared_bytes, config->stream,
                          parameters, extra);
}
