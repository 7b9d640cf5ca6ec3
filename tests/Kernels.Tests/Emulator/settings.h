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

// A number that looks random and depends on nothing but these two.
std::uint64_t mix(std::uint64_t seed, std::uint64_t number);
// A piece of work ran: under fixed and varying times that takes ten microseconds, more or less.
void spend_time();
// The time that an event recorded now shows.
double milliseconds_now();
bool is_sticky(int status);
}
