// What the emulated libraries share. libcuda.so.1 holds all state; the others link to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

// The other libraries use these, too.
#pragma GCC visibility push(default)
namespace emulator
{
// The driver's own codes where a real one answers so, and codes of ours, all above 9000, where a GPU would go on silently.
enum Code : int
{
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    InvalidImage = 200,
    InvalidContext = 201,
    NotFound = 500,
    NotSupported = 801,
    CaptureUnsupported = 900,
    OutOfBounds = 9001,
    UseAfterFree = 9002,
    NeverWritten = 9003,
    Misaligned = 9004,
    DataRace = 9005,
    Barrier = 9006,
    LaunchLimit = 9007,
    NotDeviceMemory = 9008,
    DoubleFree = 9009,
    Leak = 9010,
    BadHandle = 9011,
    BadParameters = 9012,
    StreamOrder = 9013,
    BadDescriptor = 9014,
    WorkspaceTooSmall = 9015,
    HostMemoryChanged = 9016,
};

// Notes and prints one line, and returns the code. Called inside a kernel it ends the launch and does not return there.
int fail(int code, const char* format, ...) __attribute__((format(printf, 2, 3)));
// Notes it only.
void set_message(const char* format, ...) __attribute__((format(printf, 1, 2)));
const std::string& last_message();

// Logical time: what of each stream's work is known to be done.
typedef std::map<int, std::uint64_t> Clock;
void merge(Clock& into, const Clock& from);

struct Stamp
{
    int stream = 0;
    std::uint64_t tick = 0;
    const char* what = nullptr;
};

struct Allocation
{
    std::uintptr_t address = 0;
    std::size_t bytes = 0;
    std::size_t span = 0;
    std::uint64_t number = 0;
    Stamp write;
    std::vector<Stamp> reads;
};

// A piece of work on a stream, while it runs: who it is and what it knows to be done.
struct Work
{
    Stamp stamp;
    const Clock* clock = nullptr;
};

// ---- memory.cpp ------------------------------------------------------------------------------------------------------------

// States of a byte of device memory. A fresh arena is all zeros.
enum State : unsigned char { Redzone = 0, Fresh = 1, Written = 2, Freed = 3 };

extern std::uintptr_t arena_begin, arena_end;
extern unsigned char* states;
extern bool checking;

int allocate(std::size_t bytes, std::uintptr_t* address);
int release(std::uintptr_t address);
Allocation* find(std::uintptr_t address);
// The allocation, or a failure that says what the address is instead.
int locate(const char* call, const char* what, std::uintptr_t address, std::size_t bytes, Allocation** found);
int check_canaries(Allocation& allocation);
int check_order(Allocation& allocation, const Work& work, bool writes);
// One range of an operation that runs on the host: bounds, order, whether it was ever written; and notes what it writes.
int touch(const char* what, std::uintptr_t address, std::size_t bytes, bool writes, const Work& work);
std::size_t live_bytes();
std::size_t live_count();
void release_all();
std::string describe_live();
// What a library of its own keeps: how much of it lives counts as leaked, and a reset forgets it.
void register_library(std::size_t (*live)(), void (*reset)());
void forget_library(std::size_t (*live)());
std::size_t live_of_libraries();

// ---- execution.cpp ---------------------------------------------------------------------------------------------------------

struct Kernel
{
    std::string name;
    void (*call)(void**) = nullptr;
    std::vector<int> sizes, kinds;
    int max_dynamic_shared = 48 * 1024;
    struct Module* module = nullptr;
};

struct Launch
{
    const Kernel* kernel = nullptr;
    unsigned grid[3], block[3];
    unsigned shared_bytes = 0;
    std::vector<std::vector<unsigned char>> arguments;
};

int run(const Launch& launch, const Work& work);
// launches.cpp: before and after the run, and the list of kernels that ran.
int check_launch(const Launch& launch, const Work& work);
int check_written(const Launch& launch);
void note_kernel(const std::string& name);
// The order of blocks and threads begins anew: the next launch is the first.
void restart_order();
bool in_kernel();
// Leaves a failing kernel for good.
void abandon_kernel();
struct Where
{
    const char* kernel;
    unsigned block[3], thread[3];
    std::uint64_t launch;      // a number of the launch
    unsigned block_number;     // within the grid
    unsigned thread_number;    // within the block
    unsigned epoch, warp_epoch; // barriers that the block, and the warp, has passed
    std::uintptr_t stack_begin, stack_end;
};
extern Where here;

// ---- checks.cpp ------------------------------------------------------------------------------------------------------------

void begin_checks(const Work& work);
void end_checks();

// ---- streams.cpp -----------------------------------------------------------------------------------------------------------

// Runs work on a stream, or records it while the stream captures. The work is given its place in the order. What describe() told of it, if anything, is
// its line in the trace.
int submit(void* stream, const char* what, std::function<int(const Work&)> work, std::string told = "");
// Copies whose host side must stay as it is, or is not there yet, until the work is known to be done.
int host_read_later(const Work& work, const void* source, std::size_t bytes);
int host_write_later(const Work& work, void* destination, const void* device, std::size_t bytes);
// The order of a call that waits for nothing and is waited for by nobody but the host.
int submit_now(const char* what, std::function<int(const Work&)> work, std::string told = "");
int unsafe_call(const char* call);
// The calling thread's cuThreadExchangeStreamCaptureMode: 0 global, 1 thread local, 2 relaxed.
int& capture_mode();
std::size_t live_handles();
bool is_stream(void* stream);
void reset_streams();

// ---- driver.cpp ------------------------------------------------------------------------------------------------------------

bool is_pinned(const void* address, std::size_t bytes);
// Held through every entry point of every library.
std::recursive_mutex& gate();
// Once a kernel has failed, the context is of no more use, as on a GPU.
int& broken();
bool is_context(const void* context);
bool has_context();
std::uint64_t hash(const char* text, std::size_t length);

// ---- settings.cpp ----------------------------------------------------------------------------------------------------------

// The entry of an exported function: holds the lock, and knows the status that ENGINE_EMULATOR_FAIL plants in this call, if any. Only calls from
// outside of the emulator count.
class Entry
{
public:
    explicit Entry(const char* function);
    ~Entry();
    Entry(const Entry&) = delete;
    int planted() const { return status; }

private:
    std::lock_guard<std::recursive_mutex> lock;
    int status = 0;
};
// What a library reports for work that takes so long: as it is, or varied as ENGINE_EMULATOR_TIMES asks.
float varied(float milliseconds);

// ---- trace.cpp -------------------------------------------------------------------------------------------------------------

// ENGINE_EMULATOR_TRACE names a file that receives a line of JSON for each piece of work that runs: describe("cublasGemmEx", {{"m", m}, ...}) is what
// submit() takes for it; empty while nothing is traced.
std::string describe(const char* call, std::initializer_list<std::pair<const char*, long long>> numbers);
bool tracing();

// ---- modules.cpp -----------------------------------------------------------------------------------------------------------

struct Segment
{
    std::uintptr_t begin, end;
};
// The writable data of loaded modules: their shared variables.
std::vector<Segment>& module_data();
bool is_module_constant(std::uintptr_t address);
bool has_module(std::uint64_t source_hash);
// Loads a compiled source for the kind of kernels that runs now.
bool open_module(const std::string& path);
// Where this library lies.
std::string library_folder();
// compiling.cpp: compiles a source and loads it; what the compiler says of it, or nothing.
std::string compile_module(const std::string& source, const std::string& name);
std::size_t live_modules();
void reset_modules();
void reset_libraries();
}
#pragma GCC visibility pop

#define EMU_EXPORT extern "C" __attribute__((visibility("default")))
// The first line of every exported function that answers a status: the lock, and the planted statuses.
#define EMU_ENTER                            \
    emulator::Entry emu_entry(__func__);     \
    if (emu_entry.planted() != 0)            \
    {                                        \
        return emu_entry.planted();          \
    }                                        \
    static_assert(true, "")
// That of the others, which are there for tests.
#define EMU_LOCK std::lock_guard<std::recursive_mutex> emu_lock(emulator::gate())
