// What is judged before a kernel runs and after it: the hardware's limits, the pointers among its arguments, the red zones of its arrays.
#include "emulator.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

namespace emulator
{
namespace
{
constexpr unsigned MaxThreads = 1024, MaxStaticShared = 48 * 1024, MaxOptInShared = 227 * 1024;
std::set<std::string> kernels_run;

// cuLaunchKernel's own limits, those of compute capability 9.0.
int check_limits(const Launch& launch)
{
    const unsigned* grid = launch.grid;
    const unsigned* block = launch.block;
    const char* name = launch.kernel->name.c_str();
    std::uint64_t count = (std::uint64_t)block[0] * block[1] * block[2];
    if (count == 0 || count > MaxThreads || block[0] > 1024 || block[1] > 1024 || block[2] > 64)
    {
        return fail(
            LaunchLimit, "%s: a block of [%u, %u, %u] has %llu threads; from 1 to 1024 are possible", name, block[0], block[1], block[2],
            (unsigned long long)count);
    }

    if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0 || grid[0] > 0x7fffffff || grid[1] > 65535 || grid[2] > 65535)
    {
        return fail(
            LaunchLimit, "%s: a grid of [%u, %u, %u]; each axis is at least 1, x at most 2^31 - 1, y and z at most 65535", name, grid[0], grid[1], grid[2]);
    }

    if (launch.shared_bytes > (unsigned)launch.kernel->max_dynamic_shared || launch.shared_bytes > MaxOptInShared)
    {
        return fail(LaunchLimit, "%s: %u bytes of dynamic shared memory; %u are possible, more (up to %u) once cuFuncSetAttribute asked "
            "for them", name, launch.shared_bytes,
                    MaxStaticShared, MaxOptInShared);
    }

    return Success;
}

// What the launch says of its pointers. Fast builds know no more than that; checked ones see each access.
int check_pointers(const Launch& launch, const Work& work)
{
    for (std::size_t i = 0; i < launch.arguments.size(); i++)
    {
        std::uintptr_t address = 0;
        if (launch.kernel->kinds[i] == 0)
        {
            continue;
        }

        std::memcpy(&address, launch.arguments[i].data(), sizeof address);
        if (address == 0)
        {
            continue;
        }

        char what[40];
        std::snprintf(what, sizeof what, "argument %zu", i);
        Allocation* allocation;
        int status = locate(work.stamp.what, what, address, 1, &allocation);
        if (status == Success && !checking)
        {
            status = check_order(*allocation, work, launch.kernel->kinds[i] == 2);
        }

        if (status != Success)
        {
            return status;
        }
    }

    return Success;
}
}

int check_launch(const Launch& launch, const Work& work)
{
    int status = check_limits(launch);
    return status == Success ? check_pointers(launch, work) : status;
}

// What a kernel wrote past its arrays shows in their red zones.
int check_written(const Launch& launch)
{
    int status = Success;
    for (std::size_t i = 0; i < launch.arguments.size() && status == Success; i++)
    {
        std::uintptr_t address = 0;
        if (launch.kernel->kinds[i] == 2)
        {
            std::memcpy(&address, launch.arguments[i].data(), sizeof address);
            Allocation* allocation = find(address);
            status = allocation == nullptr ? Success : check_canaries(*allocation);
            broken() = status == Success ? broken() : status;
        }
    }

    return status;
}

// ENGINE_EMULATOR_COVERAGE names a file that receives the name of each kernel that ran.
void note_kernel(const std::string& name)
{
    const char* path = std::getenv("ENGINE_EMULATOR_COVERAGE");
    if (kernels_run.insert(name).second && path != nullptr)
    {
        if (std::FILE* file = std::fopen(path, "a"))
        {
            std::fprintf(file, "%s\n", name.c_str());
            std::fclose(file);
        }
    }
}
}

using namespace emulator;

EMU_EXPORT const char* emu_kernels_run()
{
    static std::string text;
    text.clear();
    for (auto& name : kernels_run)
    {
        text += name + "\n";
    }

    return text.c_str();
}
