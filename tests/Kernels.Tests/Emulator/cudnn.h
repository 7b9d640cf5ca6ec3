// What cuDNN's convolutions and batch norms have in common: handles and tensor descriptors.
#pragma once

#include "emulator.h"
#include "numbers.h"

#include <set>

namespace emulator::dnn
{
constexpr int BadParam = 2000, Insufficient = 2006, Mismatch = 2008, Unsupported = 3000, ExecutionFailed = 5000;
constexpr int Nhwc = 1, Float32 = 0, BFloat16 = 9, FmaMath = 3;

struct Tensor
{
    int type = -1, n = 0, c = 0, h = 0, w = 0;
    std::size_t stride_n = 0, stride_c = 0, stride_h = 0, stride_w = 0;
    std::size_t count() const { return (std::size_t)n * c * h * w; }
    std::size_t bytes() const { return count() * (type == BFloat16 ? 2 : 4); }
    std::size_t at(int in, int ic, int ih, int iw) const { return in * stride_n + ic * stride_c + ih * stride_h + iw * stride_w; }
    bool bf16() const { return type == BFloat16; }
};

struct Handle
{
    void* stream = nullptr;
};

inline std::set<Handle*> handles;
inline std::set<Tensor*> tensors;

// Those of the legacy API that cudnn.cpp keeps.
std::size_t live_convolution_descriptors();
void forget_convolution_descriptors();

inline int bad(int status, int code, const char* call, const char* text)
{
    fail(code, "%s: %s", call, text);
    return status;
}
}
