// What the environment asks of the emulator; docs/kernels.md has the list.
#pragma once

#include "emulator.h"

#include <chrono>
#include <set>

namespace emulator
{
// ENGINE_EMULATOR_TIMES: what time a measurement shows.
struct Times
{
    enum Kind { Clock, Fixed, Varying } kind = Clock;
    std::uint64_t seed = 0;
};

// ENGINE_EMULATOR_ORDER: in which order blocks run, and the threads of a block between barriers.
struct Order
{
    enum Kind { Forward, Reverse, Random } kind = Forward;
    std::uint64_t seed = 1;
};

// ENGINE_EMULATOR: which compilation of the kernels runs.
enum class Build { Fast, Checked, Contracted };

const Order& order();
Build build();
int multiprocessors();

// A number that looks random and depends on nothing but these two.
std::uint64_t mix(std::uint64_t seed, std::uint64_t number);
// A piece of work ran: under fixed and varying times that takes ten microseconds, more or less.
void spend_time();
// The time that an event recorded now shows.
double milliseconds_now();
bool is_sticky(int status);

// ---- trace.cpp -------------------------------------------------------------------------------------------------------------

// Writes the line of a piece of work that runs: what is told of it, or else its name.
void trace(const std::string& told, const char* what, int stream, std::uint64_t graph_launch);
// Another file, or none, from now on; false when it cannot be written.
bool set_trace(const std::string& path);
}
