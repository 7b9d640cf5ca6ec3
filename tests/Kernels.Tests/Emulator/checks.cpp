// The checked build of a module is compiled with the compiler's instrumentation for ThreadSanitizer and for alignment, and calls
// these functions before each access instead of the sanitizers' own. So every access of every thread is seen and judged:
// is it device memory, inside an allocation that lives, was it ever written, does another thread touch it without a barrier?
#include "emulator.h"

#include <cstdio>

namespace emulator
{
namespace
{
// Who touched a byte last in this launch: which block (its number plus one; 0 is nobody) and thread, and between which barriers.
struct Touch
{
    std::uint32_t block = 0, epoch = 0;
    std::uint16_t thread = 0, warp_epoch = 0;
};

struct Shadow
{
    Touch write, read;
};

constexpr std::size_t PageBytes = 4096;
// Shadows of the pages touched in this launch: one for every byte.
std::map<std::uintptr_t, std::vector<Shadow>> pages;
std::uintptr_t last_page;
std::vector<Shadow>* last_shadow;
bool active_checks;
const Work* work;
struct Known
{
    std::uintptr_t begin, end;
    bool writes;
};
std::vector<Known> known;

std::string place()
{
    char text[200];
    std::snprintf(text, sizeof text, "%s, block [%u, %u, %u], thread "
        "[%u, %u, %u]", here.kernel, here.block[0], here.block[1], here.block[2], here.thread[0], here.thread[1],
                  here.thread[2]);
    return text;
}

Shadow* shadow_of(std::uintptr_t address)
{
    std::uintptr_t page = address / PageBytes;
    if (page != last_page || last_shadow == nullptr)
    {
        std::vector<Shadow>& shadows = pages[page];
        if (shadows.empty())
        {
            shadows.resize(PageBytes);
        }

        last_page = page;
        last_shadow = &shadows;
    }

    return last_shadow->data() + address % PageBytes;
}

// Whether two touches of one launch may happen at the same time on a GPU.
bool concurrent(const Touch& touch, bool shared)
{
    if (touch.block == 0 || (touch.block == here.block_number + 1 && touch.thread == here.thread_number))
    {
        return false;
    }

    if (touch.block != here.block_number + 1)
    {
        return !shared;
    }

    return touch.epoch == here.epoch && (touch.thread / 32 != here.thread_number / 32 || touch.warp_epoch == (std::uint16_t)here.warp_epoch);
}

void check_race(std::uintptr_t address, std::size_t size, bool writes, bool shared, const char* memory)
{
    for (std::size_t i = 0; i < size; i++)
    {
        Shadow& shadow = *shadow_of(address + i);
        const Touch* other = concurrent(shadow.write, shared) ? &shadow.write : writes && concurrent(shadow.read, shared) ? &shadow.read : nullptr;
        if (other != nullptr)
        {
            fail(DataRace, "%s %s %s that thread %u of block %u %s, and no barrier is between them", place().c_str(), writes
                ? "writes" : "reads", memory, other->thread,
                 other->block - 1, other == &shadow.write ? "wrote" : "read");
        }

        Touch& mine = writes ? shadow.write : shadow.read;
        mine.block = here.block_number + 1;
        mine.thread = (std::uint16_t)here.thread_number;
        mine.epoch = here.epoch;
        mine.warp_epoch = (std::uint16_t)here.warp_epoch;
    }
}

void check_device(std::uintptr_t address, std::size_t size, bool writes, bool atomic)
{
    unsigned char* state = states + (address - arena_begin);
    for (std::size_t i = 0; i < size; i++)
    {
        if (state[i] == Written || (state[i] == Fresh && writes && !atomic))
        {
            state[i] = Written;
            continue;
        }

        const char* verb = writes ? "writes" : "reads";
        Allocation* before = find(address - (address > arena_begin ? 1 : 0));
        if (state[i] == Fresh)
        {
            Allocation* allocation = find(address);
            fail(NeverWritten, "%s reads memory never written: byte %zu of allocation %llu of %zu bytes", place().c_str(), (std::size_t)(address
                + i - allocation->address),
                 (unsigned long long)allocation->number, allocation->bytes);
        }
        else if (state[i] == Freed)
        {
            fail(UseAfterFree, "%s %s memory that was freed, at 0x%zx", place().c_str(), verb, (std::size_t)address);
        }
        else if (before != nullptr)
        {
            fail(OutOfBounds, "%s %s %zu bytes at offset %zu of allocation %llu, "
                "which has %zu", place().c_str(), verb, size, (std::size_t)(address - before->address),
                 (unsigned long long)before->number, before->bytes);
        }
        else
        {
            fail(OutOfBounds, "%s %s %zu bytes at 0x%zx, between allocations", place().c_str(), verb, size, (std::size_t)address);
        }
    }

    bool is_known = false;
    for (const Known& range : known)
    {
        is_known |= address >= range.begin && address < range.end && (range.writes || !writes);
    }

    if (!is_known)
    {
        Allocation* allocation = find(address);
        check_order(*allocation, *work, writes);
        known.push_back({allocation->address, allocation->address + allocation->bytes, writes});
    }
}

// Shared memory holds nothing at the start of a block.
void check_shared(std::uintptr_t address, std::size_t size, bool writes)
{
    for (std::size_t i = 0; i < size && !writes; i++)
    {
        if (shadow_of(address + i)->write.block != here.block_number + 1)
        {
            fail(NeverWritten, "%s reads shared memory that no thread of its block has written", place().c_str());
        }
    }
}

void access(const void* pointer, std::size_t size, bool writes, bool atomic)
{
    if (!active_checks)
    {
        return;
    }

    std::uintptr_t address = (std::uintptr_t)pointer;
    if (address >= here.stack_begin && address < here.stack_end)
    {
        return;
    }

    if (address >= arena_begin && address < arena_end)
    {
        check_device(address, size, writes, atomic);
        if (!atomic)
        {
            check_race(address, size, writes, false, "device memory");
        }
    }
    else
    {
        bool is_shared = false;
        for (const Segment& segment : module_data())
        {
            is_shared |= address >= segment.begin && address < segment.end;
        }

        if (is_shared)
        {
            check_shared(address, size, writes && !atomic);
            if (!atomic)
            {
                check_race(address, size, writes, true, "shared memory");
            }
        }
        else if (writes || !is_module_constant(address))
        {
            fail(NotDeviceMemory, "%s %s %zu bytes at 0x%zx, which is not device memory; a host pointer?", place().c_str(), writes ? "writes" : "reads", size,
                 (std::size_t)address);
        }
    }
}
}

void begin_checks(const Work& current)
{
    work = &current;
    known.clear();
    pages.clear();
    last_shadow = nullptr;
    active_checks = checking;
}

void end_checks() { active_checks = false; }
}

using emulator::access;

EMU_EXPORT void emu_atomic(void* address, std::size_t size) { access(address, size, true, true); }

// ---- ThreadSanitizer's entry points, as the compiler calls them ------------------------------------------------------------

#define EMU_ACCESS(size)                                                                             \
    EMU_EXPORT void __tsan_read##size(void* address) { access(address, size, false, false); }            \
    EMU_EXPORT void __tsan_write##size(void* address) { access(address, size, true, false); }            \
    EMU_EXPORT void __tsan_unaligned_read##size(void* address) { access(address, size, false, false); }  \
    EMU_EXPORT void __tsan_unaligned_write##size(void* address) { access(address, size, true, false); }

EMU_ACCESS(1)
EMU_ACCESS(2)
EMU_ACCESS(4)
EMU_ACCESS(8)
EMU_ACCESS(16)

EMU_EXPORT void __tsan_read_range(void* address, std::size_t size) { access(address, size, false, false); }
EMU_EXPORT void __tsan_write_range(void* address, std::size_t size) { access(address, size, true, false); }
EMU_EXPORT void __tsan_init() {}
EMU_EXPORT void __tsan_func_entry(void*) {}
EMU_EXPORT void __tsan_func_exit() {}
EMU_EXPORT void __tsan_vptr_update(void**, void*) {}
EMU_EXPORT void __tsan_vptr_read(void**) {}

// ---- The alignment sanitizer's: the compiler says where, and what it expected ----------------------------------------------

struct SourceLocation
{
    const char* file;
    std::uint32_t line, column;
};

struct TypeDescriptor
{
    std::uint16_t kind, info;
    char name[1];
};

struct TypeMismatch
{
    SourceLocation location;
    const TypeDescriptor* type;
    unsigned char log_alignment, check;
};

EMU_EXPORT void __ubsan_handle_type_mismatch_v1(TypeMismatch* data, std::uintptr_t address)
{
    if (emulator::active_checks)
    {
        if (address == 0)
        {
            emulator::fail(emulator::NotDeviceMemory, "%s dereferences a null pointer, line %u", emulator::place().c_str(), data->location.line);
        }
        else
        {
            emulator::fail(emulator::Misaligned, "%s takes 0x%zx for a %s, which must be aligned to %u "
                "bytes, line %u", emulator::place().c_str(), (std::size_t)address,
                           data->type->name, 1u << data->log_alignment, data->location.line);
        }
    }
}

EMU_EXPORT void __ubsan_handle_type_mismatch_v1_abort(TypeMismatch* data, std::uintptr_t address) { __ubsan_handle_type_mismatch_v1(data, address); }
