// What the environment asks of the emulator (ENGINE_EMULATOR_...), and the entry of every function that a library exports: the lock,
// and the statuses that are planted there.
#include "settings.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>

namespace emulator
{
namespace
{
struct Rule
{
    std::string function;
    int status = 0;
    long long first = 1, last = 0; // of the calls that fail, counted from 1; last 0: there is no end
    long long calls = 0;
};

// Set from within the process, by a test; else the environment counts.
std::map<std::string, std::string> overridden;
std::vector<Rule> rules;
Times times;
Order order_of_work;
Build kernels_build = Build::Checked;
int multiprocessor_count = 4;
bool is_read;
int depth; // of entry points that call each other

std::string problem(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string problem(const char* format, ...)
{
    char text[500];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

// The names that the emulated libraries export, as the build listed them; empty where the list is missing.
const std::set<std::string>& exported()
{
    static std::set<std::string> names;
    if (names.empty())
    {
        Dl_info self;
        dladdr((void*)&exported, &self);
        std::ifstream file(std::string(self.dli_fname).substr(0, std::string(self.dli_fname).rfind('/')) + "/entry_points.txt");
        for (std::string name; file >> name;)
        {
            names.insert(name);
        }
    }

    return names;
}

// cuda.h's names stand for those with the newest version: cuMemAlloc is cuMemAlloc_v2.
bool is_named(const std::string& function, const std::string& name)
{
    return function == name || (function.compare(0, name.size(), name) == 0 && function.compare(name.size(), 2, "_v") == 0);
}

bool is_function(const std::string& name)
{
    for (const char* other : {"cudnnGetVersion", "cudnnGetCudartVersion", "cudnnGetMaxDeviceVersion", "cudnnGetErrorString", "cudnnGetLastErrorString",
        "cublasGetStatusString", "cublasGetStatusName",
                              "nvrtcGetErrorString"})
    {
        if (name == other)
        {
            return false;
        }
    }

    bool found = exported().empty();
    for (const std::string& function : exported())
    {
        found |= is_named(function, name);
    }

    return found && (name.compare(0, 2, "cu") == 0 || name.compare(0, 5, "nvrtc") == 0);
}

// function:status[@call[-[last]]],...
std::string read_rules(const std::string& text, std::vector<Rule>* read)
{
    for (std::size_t begin = 0; begin < text.size();)
    {
        std::size_t end = std::min(text.find(',', begin), text.size());
        std::string part = text.substr(begin, end - begin);
        begin = end + 1;
        Rule rule;
        char function[128];
        int length = 0;
        if (std::sscanf(part.c_str(), "%127[A-Za-z0-9_]:%d%n", function, &rule.status, &length) != 2 || rule.status == 0)
        {
            return problem("'%s' is not function:status[@call], such as cuMemAlloc:2@3 or cudnnConvolutionForward:3000", part.c_str());
        }

        std::string calls = part.substr((std::size_t)length);
        int rest = 0;
        if (calls.empty())
        {
            rule.last = 0;
        }
        else if (std::sscanf(calls.c_str(), "@%lld-%lld%n", &rule.first, &rule.last, &rest) == 2 && rest == (int)calls.size())
        {
        }
        else if (std::sscanf(calls.c_str(), "@%lld%n", &rule.first, &rest) == 1 && calls.substr((std::size_t)rest) == "-")
        {
            rule.last = 0;
        }
        else if (std::sscanf(calls.c_str(), "@%lld%n", &rule.first, &rest) == 1 && rest == (int)calls.size())
        {
            rule.last = rule.first;
        }
        else
        {
            return problem("'%s': the calls that fail are given as @3, @3- or @3-5, counted from 1", part.c_str());
        }

        if (rule.first < 1 || (rule.last != 0 && rule.last < rule.first))
        {
            return problem("'%s': calls are counted from 1", part.c_str());
        }

        rule.function = function;
        if (!is_function(rule.function))
        {
            return problem("no emulated library has a function %s that answers a status", function);
        }

        read->push_back(rule);
    }

    return "";
}

// word, or word:NUMBER, into the number's place.
bool is_word(const std::string& text, const char* word, std::uint64_t* number)
{
    std::string expected = std::string(word) + (number == nullptr ? "" : ":%llu%n");
    unsigned long long read = 0;
    int length = 0;
    if (number == nullptr || text.find(':') == std::string::npos)
    {
        return text == word;
    }

    bool matches = std::sscanf(text.c_str(), expected.c_str(), &read, &length) == 1 && length == (int)text.size();
    *number = matches ? read : *number;
    return matches;
}

std::string read_times(const std::string& text, Times* read)
{
    bool varying = is_word(text, "varying", &read->seed) && text != "varying";
    read->kind = varying ? Times::Varying : text == "fixed" ? Times::Fixed : Times::Clock;
    return varying || text.empty() || text == "clock" || text == "fixed" ? "" : problem("'%s' is none of clock, fixed and varying:SEED", text.c_str());
}

std::string read_order(const std::string& text, Order* read)
{
    bool random = is_word(text, "random", &read->seed);
    read->kind = random ? Order::Random : text == "reverse" ? Order::Reverse : Order::Forward;
    return random || text.empty() || text == "forward" || text == "reverse" ? "" : problem("'%s' is none of forward, reverse and random[:SEED]", text.c_str());
}

std::string read_build(const std::string& text, Build* read)
{
#if defined(__SANITIZE_ADDRESS__)
    // AddressSanitizer does the checking there.
    *read = Build::Fast;
    return text == "contracted" ? "there are no contracted kernels under AddressSanitizer" : "";
#else
    *read = text == "fast" ? Build::Fast : text == "contracted" ? Build::Contracted : Build::Checked;
    return text.empty() || text == "checked" || text == "fast" || text == "contracted" ? "" : problem(
        "'%s' is none of checked, fast and contracted", text.c_str());
#endif
}

std::string read_multiprocessors(const std::string& text, int* read)
{
    int length = 0;
    *read = 4;
    bool good = text.empty() || (std::sscanf(text.c_str(), "%4d%n", read, &length) == 1 && length == (int)text.size() && *read >= 1 && *read <= 1024);
    return good ? "" : problem("'%s' is no number of multiprocessors from 1 to 1024", text.c_str());
}

std::string value_of(const char* variable)
{
    auto set = overridden.find(variable);
    const char* value = set != overridden.end() ? set->second.c_str() : std::getenv(variable);
    return value == nullptr ? "" : value;
}

// Reads one variable, and puts its name before what is wrong with it.
template <class T> void read_into(std::string* wrong, const char* variable, std::string (*read)(const std::string&, T*), T* value)
{
    std::string problem = wrong->empty() ? read(value_of(variable), value) : "";
    *wrong = problem.empty() ? *wrong : std::string(variable) + ": " + problem;
}

// Reads all of them; what is wrong, or nothing.
std::string read_all()
{
    std::vector<Rule> new_rules;
    Times new_times;
    Order new_order;
    Build new_build;
    int new_count;
    std::string wrong;
    read_into(&wrong, "ENGINE_EMULATOR_FAIL", read_rules, &new_rules);
    read_into(&wrong, "ENGINE_EMULATOR_TIMES", read_times, &new_times);
    read_into(&wrong, "ENGINE_EMULATOR_ORDER", read_order, &new_order);
    read_into(&wrong, "ENGINE_EMULATOR", read_build, &new_build);
    read_into(&wrong, "ENGINE_EMULATOR_SMS", read_multiprocessors, &new_count);
    std::string trace_path = value_of("ENGINE_EMULATOR_TRACE");
    if (wrong.empty() && !set_trace(trace_path))
    {
        wrong = "ENGINE_EMULATOR_TRACE: '" + trace_path + "' cannot be written";
    }

    if (wrong.empty())
    {
        rules = new_rules;
        times = new_times;
        order_of_work = new_order;
        kernels_build = new_build;
        checking = new_build == Build::Checked; // also for calls before the first kernel
        multiprocessor_count = new_count;
        is_read = true;
    }

    return wrong;
}

void read_once()
{
    std::string wrong = is_read ? "" : read_all();
    if (!wrong.empty())
    {
        std::fprintf(stderr, "emulator: %s\n", wrong.c_str());
        std::_Exit(2);
    }
}
}

const Order& order()
{
    read_once();
    return order_of_work;
}

Build build()
{
    read_once();
    return kernels_build;
}

int multiprocessors()
{
    read_once();
    return multiprocessor_count;
}

// After these a GPU's context is of no more use: every later call answers the same.
bool is_sticky(int status)
{
    switch (status)
    {
    case 214: // ECC_UNCORRECTABLE
    case 220: // NVLINK_UNCORRECTABLE
    case 226: // CONTAINED
    case 700: // ILLEGAL_ADDRESS
    case 702: // LAUNCH_TIMEOUT
    case 710: // ASSERT
    case 714: // HARDWARE_STACK_ERROR
    case 715: // ILLEGAL_INSTRUCTION
    case 716: // MISALIGNED_ADDRESS
    case 717: // INVALID_ADDRESS_SPACE
    case 718: // INVALID_PC
    case 719: // LAUNCH_FAILED
    case 721: // TENSOR_MEMORY_LEAK
    case 911: // EXTERNAL_DEVICE
        return true;
    default:
        return false;
    }
}

Entry::Entry(const char* function) : lock(gate())
{
    read_once();
    if (depth++ > 0)
    {
        return;
    }

    for (Rule& rule : rules)
    {
        if (is_named(function, rule.function))
        {
            long long call = ++rule.calls;
            if (status == 0 && call >= rule.first && (rule.last == 0 || call <= rule.last))
            {
                status = rule.status;
                set_message("%s: status %d, planted at call %lld", function, status, call);
                bool of_driver = std::strncmp(function, "cu", 2) == 0 && function[2] >= 'A' && function[2] <= 'Z';
                broken() = of_driver && broken() == Success && is_sticky(status) ? status : broken();
            }
        }
    }
}

Entry::~Entry() { depth--; }

namespace
{
// splitmix64's finalizer.
std::uint64_t finalize(std::uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t number) { return finalize(finalize(seed + 0x9e3779b97f4a7c15ull) + (number + 1) * 0x9e3779b97f4a7c15ull); }

namespace
{
std::uint64_t measurements, pieces;
double emulated_milliseconds;

// Between a quarter and four.
double factor(std::uint64_t number)
{
    return times.kind != Times::Varying ? 1 : std::pow(4.0, 2 * (double)(mix(times.seed, number) >> 11) / (double)(1ull << 53) - 1);
}
}

float varied(float milliseconds)
{
    read_once();
    return (float)(milliseconds * factor(2 * ++measurements + 1));
}

void spend_time()
{
    read_once();
    emulated_milliseconds += 0.01 * factor(2 * ++pieces);
}

double milliseconds_now()
{
    read_once();
    return times.kind == Times::Clock ? std::chrono::duration<double, std::milli>(
        std::chrono::steady_clock::now().time_since_epoch()).count() : emulated_milliseconds;
}
}

using namespace emulator;

// Sets a variable as if the environment had held this value from the start; null gives it back to the environment. The answer says
// what is wrong with the value, which then counts for nothing, or is empty.
EMU_EXPORT const char* emu_set(const char* variable, const char* value)
{
    EMU_LOCK;
    static std::string wrong;
    std::map<std::string, std::string> before = overridden;
    if (value == nullptr)
    {
        overridden.erase(variable);
    }
    else
    {
        overridden[variable] = value;
    }

    wrong = read_all();
    if (!wrong.empty())
    {
        overridden = before;
    }

    measurements = pieces = 0;
    emulated_milliseconds = 0;
    restart_order();
    return wrong.c_str();
}
