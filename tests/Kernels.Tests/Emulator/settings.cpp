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
    for (const char* other : {"cudnnGetVersion", "cudnnGetCudartVersion", "cudnnGetErrorString", "cudnnGetLastErrorString", "cublasGetStatusString", "cublasGetStatusName",
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

std::string read_times(const std::string& text, Times* read)
{
    unsigned long long seed = 0;
    int length = 0;
    if (text.empty() || text == "clock" || text == "fixed")
    {
        read->kind = text == "fixed" ? Times::Fixed : Times::Clock;
        return "";
    }

    if (std::sscanf(text.c_str(), "varying:%llu%n", &seed, &length) != 1 || length != (int)text.size())
    {
        return problem("'%s' is none of clock, fixed and varying:SEED", text.c_str());
    }

    read->kind = Times::Varying;
    read->seed = seed;
    return "";
}

std::string value_of(const char* variable)
{
    auto set = overridden.find(variable);
    const char* value = set != overridden.end() ? set->second.c_str() : std::getenv(variable);
    return value == nullptr ? "" : value;
}

// Reads all of it; what is wrong, or nothing.
std::string read_all()
{
    std::vector<Rule> new_rules;
    Times new_times;
    std::string wrong = read_rules(value_of("ENGINE_EMULATOR_FAIL"), &new_rules);
    if (!wrong.empty())
    {
        return "ENGINE_EMULATOR_FAIL: " + wrong;
    }

    wrong = read_times(value_of("ENGINE_EMULATOR_TIMES"), &new_times);
    if (!wrong.empty())
    {
        return "ENGINE_EMULATOR_TIMES: " + wrong;
    }

    rules = new_rules;
    times = new_times;
    is_read = true;
    return "";
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
    return times.kind == Times::Clock ? std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count() : emulated_milliseconds;
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
    return wrong.c_str();
}
