// What CUDA's compiler offers to a kernel, for a C++ compiler: included before kernels.cu when it is built for the emulator.
// Threads of a block are fibers of one host thread, and blocks run one after another, so shared memory is a static variable.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define __CUDA_EMULATOR__ 1
// Not inlined into the code that unpacks its arguments, which the checks must not see.
#define __global__ __attribute__((visibility("default"), noinline))
#define EMULATOR_UNCHECKED __attribute__((no_sanitize("thread", "undefined")))
#define __device__
#define __host__
#define __constant__ static const
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#ifndef __restrict__
#define __restrict__ __restrict
#endif

// ---- What the emulator's libcuda offers to kernels -----------------------------------------------------------------------

extern "C"
{
    // 0 threadIdx, 1 blockIdx, 2 blockDim, 3 gridDim; constant during a thread's life.
    unsigned emu_index(int which, int axis) __attribute__((const));
    void emu_barrier(int line);
    void emu_warp_sync(unsigned mask, int line);
    // Every lane of the mask offers a value; returns the values of all lanes once all have come.
    const std::uint64_t* emu_warp_exchange(unsigned mask, std::uint64_t value, int line);
    void emu_fail_lane(const char* function, int lane, int line);
    void emu_atomic(void* address, std::size_t size);
    void emu_register_kernel(const char* name, void (*call)(void**), int parameters, const int* sizes, const int* kinds);
}

struct dim3
{
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace emulator
{
template <int Which, int Axis> struct IndexAxis
{
    operator unsigned() const { return emu_index(Which, Axis); }
};

template <int Which> struct Index
{
    IndexAxis<Which, 0> x;
    IndexAxis<Which, 1> y;
    IndexAxis<Which, 2> z;
};

// What a parameter is to the checks: a number, memory that is only read, or memory that may be written.
template <class T> constexpr int kind()
{
    return !std::is_pointer<T>::value ? 0 : std::is_const<typename std::remove_pointer<T>::type>::value ? 1 : 2;
}

template <class F, F function> struct Registration;

// Unpacks cuLaunchKernel's array of addresses by the kernel's own signature.
template <class... P, void (*function)(P...)> struct Registration<void (*)(P...), function>
{
    template <std::size_t... I> EMULATOR_UNCHECKED static void unpack(void** p, std::integer_sequence<std::size_t, I...>)
    {
        (void)p;
        function(*static_cast<typename std::remove_reference<P>::type*>(p[I])...);
    }

    EMULATOR_UNCHECKED static void call(void** parameters) { unpack(parameters, std::make_index_sequence<sizeof...(P)>()); }

    explicit Registration(const char* name)
    {
        const int sizes[] = {(int)sizeof(P)..., 0};
        const int kinds[] = {kind<P>()..., 0};
        emu_register_kernel(name, &call, (int)sizeof...(P), sizes, kinds);
    }
};

template <class T> std::uint64_t to_bits(T value)
{
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

template <class T> T from_bits(std::uint64_t bits)
{
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline unsigned lane() { return (emu_index(0, 0) + emu_index(2, 0) * (emu_index(0, 1) + emu_index(2, 1) * emu_index(0, 2))) % 32; }

template <class T> EMULATOR_UNCHECKED T shuffle(const char* name, unsigned mask, T value, int source, int line)
{
    const std::uint64_t* values = emu_warp_exchange(mask, to_bits(value), line);
    if ((mask >> (source & 31) & 1) == 0)
    {
        emu_fail_lane(name, source, line);
    }

    return from_bits<T>(values[source & 31]);
}

template <class T> T shuffle_xor(unsigned mask, T value, int flip, int line, int width = 32)
{
    int me = (int)lane(), source = me ^ flip;
    return shuffle("__shfl_xor_sync", mask, value, source >= (me | (width - 1)) + 1 ? me : source, line);
}

template <class T> T shuffle_down(unsigned mask, T value, unsigned by, int line, int width = 32)
{
    int me = (int)lane(), source = me + (int)by;
    return shuffle("__shfl_down_sync", mask, value, source > (me | (width - 1)) ? me : source, line);
}

template <class T> T shuffle_up(unsigned mask, T value, unsigned by, int line, int width = 32)
{
    int me = (int)lane(), source = me - (int)by;
    return shuffle("__shfl_up_sync", mask, value, source < (me & ~(width - 1)) ? me : source, line);
}

template <class T> T shuffle_index(unsigned mask, T value, int from, int line, int width = 32)
{
    int me = (int)lane();
    return shuffle("__shfl_sync", mask, value, (me & ~(width - 1)) + (from & (width - 1)), line);
}

EMULATOR_UNCHECKED inline unsigned ballot(unsigned mask, int predicate, int line)
{
    const std::uint64_t* values = emu_warp_exchange(mask, predicate != 0, line);
    unsigned votes = 0;
    for (int i = 0; i < 32; i++)
    {
        votes |= (mask >> i & 1) != 0 && values[i] != 0 ? 1u << i : 0;
    }

    return votes;
}

// All threads are fibers of one host thread: a read-modify-write between two switches is atomic. It is told to the checks as such.
template <class T, class F> EMULATOR_UNCHECKED T atomic(T* address, F change)
{
    emu_atomic(address, sizeof(T));
    T old = *address;
    *address = change(old);
    return old;
}
}

static const emulator::Index<0> threadIdx __attribute__((unused)) = {};
static const emulator::Index<1> blockIdx __attribute__((unused)) = {};
static const emulator::Index<2> blockDim __attribute__((unused)) = {};
static const emulator::Index<3> gridDim __attribute__((unused)) = {};
static const int warpSize __attribute__((unused)) = 32;

#define EXPORTED(name) static const ::emulator::Registration<decltype(&name), &name> registration_of_##name(#name);

#define __syncthreads() emu_barrier(__LINE__)
#define __syncwarp(...) emu_warp_sync(emulator_mask(__VA_ARGS__), __LINE__)
#define __shfl_xor_sync(mask, value, ...) emulator_shuffle_xor(__LINE__, mask, value, __VA_ARGS__)
#define __shfl_down_sync(mask, value, ...) emulator_shuffle_down(__LINE__, mask, value, __VA_ARGS__)
#define __shfl_up_sync(mask, value, ...) emulator_shuffle_up(__LINE__, mask, value, __VA_ARGS__)
#define __shfl_sync(mask, value, ...) emulator_shuffle_index(__LINE__, mask, value, __VA_ARGS__)
#define __ballot_sync(mask, predicate) ::emulator::ballot(mask, predicate, __LINE__)
#define __any_sync(mask, predicate) (::emulator::ballot(mask, predicate, __LINE__) != 0)
#define __all_sync(mask, predicate) (::emulator::ballot(mask, !(predicate), __LINE__) == 0)

inline unsigned emulator_mask(unsigned mask = 0xffffffffu) { return mask; }
template <class T> T emulator_shuffle_xor(
    int line, unsigned mask, T value, int flip, int width = 32) { return emulator::shuffle_xor(mask, value, flip, line, width); }
template <class T> T emulator_shuffle_down(
    int line, unsigned mask, T value, unsigned by, int width = 32) { return emulator::shuffle_down(mask, value, by, line, width); }
template <class T> T emulator_shuffle_up(
    int line, unsigned mask, T value, unsigned by, int width = 32) { return emulator::shuffle_up(mask, value, by, line, width); }
template <class T> T emulator_shuffle_index(
    int line, unsigned mask, T value, int from, int width = 32) { return emulator::shuffle_index(mask, value, from, line, width); }

inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T, class U> T atomicAdd(T* address, U value) { return emulator::atomic(address, [=](T old) { return (T)(old + (T)value); }); }
template <class T, class U> T atomicSub(T* address, U value) { return emulator::atomic(address, [=](T old) { return (T)(old - (T)value); }); }
template <class T, class U> T atomicMax(T* address, U value) { return emulator::atomic(address, [=](T old) { return old < (T)value ? (T)value : old; }); }
template <class T, class U> T atomicMin(T* address, U value) { return emulator::atomic(address, [=](T old) { return (T)value < old ? (T)value : old; }); }
template <class T, class U> T atomicOr(T* address, U value) { return emulator::atomic(address, [=](T old) { return (T)(old | (T)value); }); }
template <class T, class U> T atomicExch(T* address, U value) { return emulator::atomic(address, [=](T) { return (T)value; }); }
template <class T, class U, class V> T atomicCAS(T* address, U compare, V value) { return emulator::atomic(
    address, [=](T old) { return old == (T)compare ? (T)value : old; }); }

// ---- Vector types and intrinsics ------------------------------------------------------------------------------------------

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(4) uchar4 { unsigned char x, y, z, w; };

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline uchar4 make_uchar4(unsigned char x, unsigned char y, unsigned char z, unsigned char w) { return {x, y, z, w}; }

inline unsigned __float_as_uint(float v) { return (unsigned)emulator::to_bits(v); }
inline int __float_as_int(float v) { return (int)emulator::to_bits(v); }
inline float __uint_as_float(unsigned v) { return emulator::from_bits<float>(v); }
inline float __int_as_float(int v) { return emulator::from_bits<float>((unsigned)v); }
inline float __expf(float v) { return expf(v); }
inline float __logf(float v) { return logf(v); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float v) { return 1.0f / v; }
inline float __fsqrt_rn(float v) { return sqrtf(v); }
inline float rsqrtf(float v) { return 1.0f / sqrtf(v); }
inline double rsqrt(double v) { return 1.0 / sqrt(v); }
inline float __saturatef(float v) { return v > 0 ? v < 1 ? v : 1 : 0; }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __clz(int v) { return v == 0 ? 32 : __builtin_clz((unsigned)v); }
inline int __ffs(int v) { return __builtin_ffs(v); }

template <class T> T __ldg(const T* address) { return *address; }
template <class T> T __ldcs(const T* address) { return *address; }
template <class T> void __stcs(T* address, T value) { *address = value; }

template <class A, class B> typename std::common_type<A, B>::type min(A a, B b)
{
    typedef typename std::common_type<A, B>::type C;
    return (C)b < (C)a ? (C)b : (C)a;
}

template <class A, class B> typename std::common_type<A, B>::type max(A a, B b)
{
    typedef typename std::common_type<A, B>::type C;
    return (C)a < (C)b ? (C)b : (C)a;
}
