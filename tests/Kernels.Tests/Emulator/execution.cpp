// Runs a kernel: blocks one after another, the threads of a block as fibers that switch only at barriers and shuffles.
#include "settings.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace emulator
{
Where here;

namespace
{
constexpr std::size_t StackBytes = 256 * 1024;
constexpr unsigned MaxThreads = 1024;

enum class Status : unsigned char { Unstarted, Ready, AtBarrier, AtWarp, Done };

#if defined(__x86_64__)
// Saves the caller's registers and stack pointer, and goes on where another stack left off.
asm(R"(
.text
.type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_switch, . - emulator_switch
)");
extern "C" void emulator_switch(void** save, void* to);
typedef void* Context;
#else
typedef ucontext_t Context;
#endif

struct Thread
{
    Status status = Status::Unstarted;
    int line = 0;
    int stack = -1;
    Context context;
};

// Lanes of one mask that are exchanging values.
struct Meeting
{
    unsigned mask = 0, arrived = 0;
    std::uint64_t offered[32], result[32];
};

struct Warp
{
    std::vector<Meeting> meetings;
    unsigned epoch = 0;
};

char* stacks;
std::vector<int> idle_stacks;
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<void*> parameters;
const Launch* current;
Context scheduler;
unsigned running;
unsigned barriers;
bool active, failed;
std::uint64_t ordered_launches; // since the order began
std::uint64_t random_state;
std::vector<unsigned> block_sequence, thread_sequence;
std::uint64_t launches;

void fiber()
{
    current->kernel->call(parameters.data());
    threads[running].status = Status::Done;
#if defined(__x86_64__)
    void* unused;
    emulator_switch(&unused, scheduler);
#else
    setcontext(&scheduler);
#endif
}

void to_scheduler()
{
#if defined(__x86_64__)
    emulator_switch(&threads[running].context, scheduler);
#else
    swapcontext(&threads[running].context, &scheduler);
#endif
}

bool make_stacks()
{
    if (stacks == nullptr)
    {
        void* memory = mmap(nullptr, StackBytes * MaxThreads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
        {
            return false;
        }

        stacks = (char*)memory;
        // A page below each stack that nobody may touch.
        for (unsigned i = 0; i < MaxThreads; i++)
        {
            mprotect(stacks + i * StackBytes, 4096, PROT_NONE);
        }
    }

    idle_stacks.clear();
    for (int i = MaxThreads - 1; i >= 0; i--)
    {
        idle_stacks.push_back(i);
    }

    return true;
}

void start(Thread& thread)
{
    thread.stack = idle_stacks.back();
    idle_stacks.pop_back();
    char* base = stacks + thread.stack * StackBytes;
#if defined(__SANITIZE_ADDRESS__)
    // A thread that was abandoned in a failing kernel left its marks.
    ASAN_UNPOISON_MEMORY_REGION(base, StackBytes);
#endif
#if defined(__x86_64__)
    // As if fiber had been called: its return address is never used, and the stack is aligned as after a call.
    void** top = (void**)(base + StackBytes) - 1;
    *top = nullptr;
    *--top = (void*)&fiber;
    top -= 6;
    thread.context = top;
#else
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = base;
    thread.context.uc_stack.ss_size = StackBytes;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, fiber, 0);
#endif
}

void resume(unsigned index)
{
    Thread& thread = threads[index];
    running = index;
    if (thread.status == Status::Unstarted)
    {
        start(thread);
    }

    thread.status = Status::Ready;
    here.thread_number = index;
    here.thread[0] = index % current->block[0];
    here.thread[1] = index / current->block[0] % current->block[1];
    here.thread[2] = index / (current->block[0] * current->block[1]);
    here.warp_epoch = warps[index / 32].epoch;
    here.stack_begin = (std::uintptr_t)stacks + thread.stack * StackBytes;
    here.stack_end = here.stack_begin + StackBytes;
    active = true;
#if defined(__x86_64__)
    emulator_switch(&scheduler, thread.context);
#else
    swapcontext(&scheduler, &thread.context);
#endif
    active = false;
    if (thread.status == Status::Done)
    {
        idle_stacks.push_back(thread.stack);
    }
}

// All that still run wait at a barrier, or nobody can go on: lets them go on, or says what is wrong.
int pass_barrier(bool progressed)
{
    unsigned done = 0, at_barrier = 0, at_warp = 0, first = 0, second = 0;
    int line = -1, other = -1, warp_line = 0;
    for (unsigned i = 0; i < threads.size(); i++)
    {
        const Thread& thread = threads[i];
        done += thread.status == Status::Done;
        at_warp += thread.status == Status::AtWarp;
        warp_line = thread.status == Status::AtWarp ? thread.line : warp_line;
        if (thread.status == Status::AtBarrier)
        {
            at_barrier++;
            if (line < 0)
            {
                line = thread.line;
                first = i;
            }
            else if (thread.line != line && other < 0)
            {
                other = thread.line;
                second = i;
            }
        }
    }

    const char* name = current->kernel->name.c_str();
    if (at_barrier + done == threads.size())
    {
        if (done > 0)
        {
            return fail(
                Barrier, "%s: %u of %zu threads returned without reaching the barrier at line %d, where %u wait", name, done, threads.size(), line,
                at_barrier);
        }

        if (other >= 0)
        {
            return fail(Barrier, "%s: thread %u waits at the barrier at line %d, but thread %u at that at line %d", name, first, line, second, other);
        }

        for (Thread& thread : threads)
        {
            thread.status = Status::Ready;
        }

        here.epoch = ++barriers;
        return Success;
    }

    return progressed ? Success
                      : fail(Barrier, "%s: nobody can go on: %u threads wait for lanes at line %d, %u at a barrier (line %d), %u have "
                          "returned", name, at_warp, warp_line,
                             at_barrier, line, done);
}

std::uint64_t next_random() { return mix(random_state++, 0); }

// Puts the numbers below count into the order in which they are to run.
void arrange(std::vector<unsigned>& sequence, std::size_t count)
{
    bool reverse = order().kind == Order::Reverse;
    sequence.resize(count);
    for (std::size_t i = 0; i < count; i++)
    {
        sequence[i] = (unsigned)(reverse ? count - 1 - i : i);
    }

    for (std::size_t i = count; order().kind == Order::Random && i > 1; i--)
    {
        std::swap(sequence[i - 1], sequence[(std::size_t)(next_random() % i)]);
    }
}

int run_block()
{
    std::size_t count = current->block[0] * current->block[1] * current->block[2];
    threads.assign(count, Thread());
    warps.assign((count + 31) / 32, Warp());
    if (!make_stacks())
    {
        return OutOfMemory;
    }

    here.epoch = barriers = 0;
    for (;;)
    {
        bool progressed = false, all_done = true;
        arrange(thread_sequence, count);
        for (unsigned i : thread_sequence)
        {
            if (threads[i].status == Status::Unstarted || threads[i].status == Status::Ready)
            {
                resume(i);
                progressed = true;
                if (failed)
                {
                    return broken();
                }
            }

            all_done &= threads[i].status == Status::Done;
        }

        if (all_done)
        {
            return Success;
        }

        int status = pass_barrier(progressed);
        if (status != Success)
        {
            broken() = status;
            return status;
        }
    }
}
}

bool in_kernel() { return active; }

void restart_order() { ordered_launches = 0; }

void abandon_kernel()
{
    failed = true;
    to_scheduler();
}

int run(const Launch& launch, const Work& work)
{
    int status = check_launch(launch, work);
    if (status != Success)
    {
        return status;
    }

    current = &launch;
    parameters.clear();
    for (auto& argument : launch.arguments)
    {
        parameters.push_back((void*)argument.data());
    }

    note_kernel(launch.kernel->name);
    here = Where();
    here.kernel = launch.kernel->name.c_str();
    here.launch = ++launches;
    failed = false;
    begin_checks(work);
    random_state = mix(order().seed, ++ordered_launches);
    arrange(block_sequence, (std::size_t)launch.grid[0] * launch.grid[1] * launch.grid[2]);
    for (std::size_t i = 0; i < block_sequence.size() && status == Success; i++)
    {
        unsigned number = block_sequence[i];
        here.block[0] = number % launch.grid[0];
        here.block[1] = number / launch.grid[0] % launch.grid[1];
        here.block[2] = number / launch.grid[0] / launch.grid[1];
        here.block_number = number;
        status = run_block();
    }

    end_checks();
    return status == Success ? check_written(launch) : status;
}

// The kernel's side: entered from a fiber.
namespace
{
void wait(Status status, int line)
{
    threads[running].status = status;
    threads[running].line = line;
    to_scheduler();
}
}
}

using namespace emulator;

EMU_EXPORT unsigned emu_index(int which, int axis)
{
    return which == 0 ? here.thread[axis] : which == 1 ? here.block[axis] : which == 2 ? current->block[axis] : current->grid[axis];
}

EMU_EXPORT void emu_barrier(int line) { wait(Status::AtBarrier, line); }

EMU_EXPORT const std::uint64_t* emu_warp_exchange(unsigned mask, std::uint64_t value, int line)
{
    unsigned lane = running % 32;
    Warp& warp = warps[running / 32];
    if ((mask >> lane & 1) == 0)
    {
        fail(Barrier, "%s: lane %u calls with the mask 0x%x, which is without it (line %d)", here.kernel, lane, mask, line);
    }

    std::size_t index = 0;
    while (index < warp.meetings.size() && warp.meetings[index].mask != mask)
    {
        index++;
    }

    if (index == warp.meetings.size())
    {
        // Room for every mask there can be at once, so that results stay where they are.
        warp.meetings.reserve(64);
        warp.meetings.emplace_back();
        warp.meetings.back().mask = mask;
    }

    Meeting& meeting = warp.meetings[index];
    meeting.offered[lane] = value;
    meeting.arrived |= 1u << lane;
    if (meeting.arrived != mask)
    {
        wait(Status::AtWarp, line);
        return meeting.result;
    }

    std::memcpy(meeting.result, meeting.offered, sizeof meeting.result);
    meeting.arrived = 0;
    for (unsigned i = 0; i < 32; i++)
    {
        unsigned other = running / 32 * 32 + i;
        if ((mask >> i & 1) != 0 && other != running)
        {
            threads[other].status = Status::Ready;
        }
    }

    return meeting.result;
}

EMU_EXPORT void emu_warp_sync(unsigned mask, int line)
{
    unsigned before = warps[running / 32].epoch;
    emu_warp_exchange(mask, 0, line);
    Warp& warp = warps[running / 32];
    // Once for the warp: the first lane to go on counts.
    warp.epoch = std::max(warp.epoch, before + 1);
    here.warp_epoch = warp.epoch;
}

EMU_EXPORT void emu_fail_lane(const char* function, int lane, int line)
{
    fail(Barrier, "%s: %s reads lane %d, which its mask is without (line %d)", here.kernel, function, lane, line);
}
