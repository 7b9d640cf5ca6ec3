// The number formats of cuBLAS's and cuDNN's operands.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace emulator
{
inline float from_bf16(std::uint16_t bits)
{
    std::uint32_t word = (std::uint32_t)bits << 16;
    float value;
    std::memcpy(&value, &word, 4);
    return value;
}

inline std::uint16_t to_bf16(float value)
{
    std::uint32_t word;
    std::memcpy(&word, &value, 4);
    return value != value ? 0x7fff : (std::uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

inline float from_fp16(std::uint16_t bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    float value = exponent == 31 ? (mantissa == 0 ? INFINITY : NAN) : exponent == 0
        ? std::ldexp((float)mantissa, -24) : std::ldexp((float)(mantissa + 1024), exponent - 25);
    return (bits & 0x8000) != 0 ? -value : value;
}

// To the nearest, ties to even; beyond 65504 and half a step it is infinity.
inline std::uint16_t to_fp16(float value)
{
    std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    float size = std::fabs(value);
    if (!(size < 65520))
    {
        return value != value ? 0x7fff : (std::uint16_t)(sign | 0x7c00);
    }

    int exponent = size < std::ldexp(1.0f, -14) ? -14 : std::ilogb(size);
    // In steps of the last bit; a carry into the exponent comes out right by itself.
    int steps = (int)std::nearbyint(std::ldexp(size, 10 - exponent));
    return (std::uint16_t)(sign | (steps + (exponent + 14) * 1024));
}

// A tensor core reads 32-bit floats with 10 bits of mantissa.
inline float to_tf32(float value)
{
    std::uint32_t word;
    std::memcpy(&word, &value, 4);
    if (value - value == 0)
    {
        word = (word + 0xfff + (word >> 13 & 1)) & ~0x1fffu;
        std::memcpy(&value, &word, 4);
    }

    return value;
}

inline std::vector<float> read_floats(const void* data, std::size_t count, bool bf16, bool tf32)
{
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; i++)
    {
        values[i] = bf16 ? from_bf16(((const std::uint16_t*)data)[i]) : tf32 ? to_tf32(((const float*)data)[i]) : ((const float*)data)[i];
    }

    return values;
}

// output = alpha * value + beta * output; an output is not read when beta is 0.
inline void blend(void* data, std::size_t index, bool bf16, float alpha, float value, float beta)
{
    if (bf16)
    {
        std::uint16_t& output = ((std::uint16_t*)data)[index];
        output = to_bf16(alpha * value + (beta == 0 ? 0 : beta * from_bf16(output)));
    }
    else
    {
        float& output = ((float*)data)[index];
        output = alpha * value + (beta == 0 ? 0 : beta * output);
    }
}
}
