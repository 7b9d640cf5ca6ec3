// Device memory: one stretch of address space, never reused before it is used up, with red zones between allocations.
#include "emulator.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <deque>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace emulator
{
std::uintptr_t arena_begin, arena_end;
unsigned char* states;
bool checking = true;

namespace
{
constexpr std::size_t ArenaBytes = 16ull << 30, DeviceBytes = 8ull << 30, Alignment = 256;
constexpr unsigned char Poison = 0xff; // NaN as float, as bfloat16 and as double, -1 as an integer
constexpr unsigned char Canary = 0xfb;

std::map<std::uintptr_t, Allocation> live;
std::deque<Allocation> freed;
std::map<std::uintptr_t, Allocation> freed_by_address;
std::uintptr_t next;
std::uint64_t count;
std::size_t used;
std::string message;

struct Library
{
    std::size_t (*live)();
    void (*reset)();
};

std::vector<Library> libraries;

bool reserve()
{
    if (arena_begin != 0)
    {
        return true;
    }

    void* arena = mmap(nullptr, ArenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void* shadow = mmap(nullptr, ArenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED || shadow == MAP_FAILED)
    {
        return false;
    }

    arena_begin = (std::uintptr_t)arena;
    arena_end = arena_begin + ArenaBytes;
    states = (unsigned char*)shadow;
    next = arena_begin;
    return true;
}

void set_state(const Allocation& allocation, State state)
{
    std::memset(states + (allocation.address - arena_begin), state, allocation.bytes);
}

// A stretch of the arena: fresh, or, once all of it was used, the one that was freed longest ago and is large enough.
std::uintptr_t take(std::size_t span)
{
    if (next + span <= arena_end)
    {
        std::uintptr_t address = next;
        next += span;
        return address;
    }

    for (auto old = freed.begin(); old != freed.end(); ++old)
    {
        if (old->span == span)
        {
            std::uintptr_t address = old->address - Alignment;
            freed_by_address.erase(old->address);
            freed.erase(old);
            return address;
        }
    }

    return 0;
}
}

int fail(int code, const char* format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    message = text;
    std::fprintf(stderr, "emulator: %s\n", text);
    if (in_kernel())
    {
        broken() = code;
        abandon_kernel();
    }

    return code;
}

void set_message(const char* format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    message = text;
}

const std::string& last_message() { return message; }

void merge(Clock& into, const Clock& from)
{
    for (auto& entry : from)
    {
        std::uint64_t& tick = into[entry.first];
        tick = tick < entry.second ? entry.second : tick;
    }
}

int allocate(std::size_t bytes, std::uintptr_t* address)
{
    if (bytes == 0 || !reserve())
    {
        return bytes == 0 ? InvalidValue : OutOfMemory;
    }

    // A red zone on both sides, and what rounding leaves belongs to the red zone.
    std::size_t span = (bytes + Alignment - 1) / Alignment * Alignment + 2 * Alignment;
    std::uintptr_t start = used + bytes > DeviceBytes ? 0 : take(span);
    if (start == 0)
    {
        return OutOfMemory;
    }

    Allocation allocation;
    allocation.address = start + Alignment;
    allocation.bytes = bytes;
    allocation.span = span;
    allocation.number = ++count;
    ASAN_UNPOISON_MEMORY_REGION((void*)start, span);
    std::memset((void*)start, Canary, Alignment);
    std::memset((void*)(allocation.address), Poison, bytes);
    std::memset((void*)(allocation.address + bytes), Canary, span - Alignment - bytes);
    ASAN_POISON_MEMORY_REGION((void*)start, Alignment);
    ASAN_POISON_MEMORY_REGION((void*)(allocation.address + bytes), span - Alignment - bytes);
    set_state(allocation, Fresh);
    used += bytes;
    *address = allocation.address;
    live.emplace(allocation.address, allocation);
    return Success;
}

int check_canaries(Allocation& allocation)
{
#if !defined(__SANITIZE_ADDRESS__)
    const unsigned char* before = (const unsigned char*)allocation.address - Alignment;
    const unsigned char* after = (const unsigned char*)allocation.address + allocation.bytes;
    std::size_t rest = allocation.span - Alignment - allocation.bytes;
    for (std::size_t i = 0; i < Alignment; i++)
    {
        if (before[i] != Canary)
        {
            return fail(
                OutOfBounds, "something wrote %zu bytes before allocation %llu of %zu bytes", Alignment - i, (unsigned long long)allocation.number,
                allocation.bytes);
        }
    }

    for (std::size_t i = 0; i < rest; i++)
    {
        if (after[i] != Canary)
        {
            return fail(
                OutOfBounds, "something wrote %zu bytes past the end of allocation %llu of %zu bytes", i, (unsigned long long)allocation.number,
                allocation.bytes);
        }
    }
#else
    (void)allocation;
#endif
    return Success;
}

int release(std::uintptr_t address)
{
    if (address == 0)
    {
        return Success;
    }

    auto found = live.find(address);
    if (found == live.end())
    {
        return freed_by_address.count(address) != 0 ? fail(DoubleFree, "cuMemFree: 0x%zx was freed before", (std::size_t)address)
                                                    : fail(NotDeviceMemory, "cuMemFree: 0x%zx is not the start of an allocation", (std::size_t)address);
    }

    int status = check_canaries(found->second);
    Allocation& gone = found->second;
    set_state(gone, Freed);
    // A page that is read after it was freed shows NaN, too; large ones give their memory back instead.
    if (gone.bytes <= 1 << 20)
    {
        std::memset((void*)gone.address, Poison, gone.bytes);
    }
    else
    {
        madvise((void*)((gone.address + 4095) & ~(std::uintptr_t)4095), (gone.bytes & ~(std::size_t)4095) - 4096, MADV_DONTNEED);
    }

    ASAN_POISON_MEMORY_REGION((void*)gone.address, gone.bytes);
    used -= gone.bytes;
    freed.push_back(gone);
    freed_by_address[gone.address] = gone;
    live.erase(found);
    return status;
}

Allocation* find(std::uintptr_t address)
{
    auto after = live.upper_bound(address);
    if (after == live.begin())
    {
        return nullptr;
    }

    Allocation& candidate = (--after)->second;
    return address < candidate.address + candidate.bytes ? &candidate : nullptr;
}

int locate(const char* call, const char* what, std::uintptr_t address, std::size_t bytes, Allocation** found)
{
    Allocation* allocation = find(address);
    *found = allocation;
    if (allocation != nullptr)
    {
        std::size_t room = allocation->address + allocation->bytes - address;
        return bytes <= room ? Success
                             : fail(OutOfBounds, "%s: %s takes %zu bytes, but only %zu are left of allocation %llu of %zu bytes", call, what, bytes, room,
                                    (unsigned long long)allocation->number, allocation->bytes);
    }

    auto after = freed_by_address.upper_bound(address);
    if (after != freed_by_address.begin())
    {
        const Allocation& old = (--after)->second;
        if (address < old.address + old.bytes)
        {
            return fail(UseAfterFree, "%s: %s is memory that was freed (allocation %llu of %zu bytes)", call, what, (unsigned long long)old.number, old.bytes);
        }
    }

    return address >= arena_begin && address < arena_end
               ? fail(OutOfBounds, "%s: %s, 0x%zx, lies between allocations", call, what, (std::size_t)address)
               : fail(NotDeviceMemory, "%s: %s, 0x%zx, is not device memory; a host pointer?", call, what, (std::size_t)address);
}

int check_order(Allocation& allocation, const Work& work, bool writes)
{
    auto known = [&](const Stamp& stamp) {
        auto entry = work.clock->find(stamp.stream);
        return stamp.tick == 0 || (entry != work.clock->end() && entry->second >= stamp.tick);
    };
    auto complain = [&](const Stamp& stamp, const char* did) {
        return fail(StreamOrder, "%s on stream %d %s allocation %llu (%zu bytes), which %s on stream %d %s, and nothing "
            "orders the two", work.stamp.what, work.stamp.stream,
                    writes ? "writes" : "reads", (unsigned long long)allocation.number, allocation.bytes, stamp.what, stamp.stream, did);
    };
    if (!known(allocation.write))
    {
        return complain(allocation.write, "wrote");
    }

    if (writes)
    {
        for (const Stamp& read : allocation.reads)
        {
            if (!known(read))
            {
                return complain(read, "read");
            }
        }

        allocation.reads.clear();
        allocation.write = work.stamp;
        return Success;
    }

    for (Stamp& read : allocation.reads)
    {
        if (read.stream == work.stamp.stream)
        {
            read = work.stamp;
            return Success;
        }
    }

    allocation.reads.push_back(work.stamp);
    return Success;
}

int touch(const char* what, std::uintptr_t address, std::size_t bytes, bool writes, const Work& work)
{
    if (bytes == 0)
    {
        return Success;
    }

    Allocation* allocation;
    int status = locate(work.stamp.what, what, address, bytes, &allocation);
    if (status == Success)
    {
        status = check_order(*allocation, work, writes);
    }

    if (status == Success && checking)
    {
        unsigned char* state = states + (address - arena_begin);
        if (writes)
        {
            std::memset(state, Written, bytes);
        }
        else
        {
            for (std::size_t i = 0; i < bytes; i++)
            {
                if (state[i] != Written)
                {
                    return fail(NeverWritten, "%s: byte %zu of %zu of %s was never written (allocation %llu of %zu bytes)", work.stamp.what, i, bytes, what,
                                (unsigned long long)allocation->number, allocation->bytes);
                }
            }
        }
    }

    return status;
}

std::size_t live_bytes() { return used; }
std::size_t live_count() { return live.size(); }

std::string describe_live()
{
    std::string text;
    for (auto& entry : live)
    {
        if (text.size() < 200)
        {
            text += (text.empty() ? "" : ", ") + std::string("allocation ") + std::to_string(entry.second.number) + " of "
                + std::to_string(entry.second.bytes) + " bytes";
        }
    }

    return text;
}

void register_library(std::size_t (*live_objects)(), void (*reset)()) { libraries.push_back({live_objects, reset}); }

void forget_library(std::size_t (*live_objects)())
{
    for (std::size_t i = libraries.size(); i-- > 0;)
    {
        if (libraries[i].live == live_objects)
        {
            libraries.erase(libraries.begin() + (std::ptrdiff_t)i);
        }
    }
}

std::size_t live_of_libraries()
{
    std::size_t sum = 0;
    for (const Library& library : libraries)
    {
        sum += library.live();
    }

    return sum;
}

void release_all()
{
    while (!live.empty())
    {
        release(live.begin()->first);
    }

    for (const Library& library : libraries)
    {
        library.reset();
    }
}
}

EMU_EXPORT std::size_t emu_live_bytes() { return emulator::live_bytes(); }
EMU_EXPORT std::size_t emu_live_allocations() { return emulator::live_count(); }
EMU_EXPORT std::size_t emu_device_bytes() { return emulator::DeviceBytes; }
