// Every CUDA kernel of the engine that NVIDIA's libraries do not serve, by hand.
//
// How to read this file. Each section serves one group of the primitives of Engine.Devices.Device; a kernel's comment says what it
// computes, how it is launched, and the bytes it has to move through device memory ("moves"): almost all kernels here are bound by
// memory, so bytes over bandwidth is the time to beat. Where a kernel has numbered versions (add_relu_1, _2, _3), each does more to
// be fast than the one before, and all compute the same. Which is the fastest depends on the GPU: `engine bench --kernels` compares
// them. The device launches the version whose comment says so.
//
// Conventions.
//  - Activations are channels last: [N, H, W, C] is a matrix of `rows` pixels by `channels`. T is the type in memory, float or bf16;
//    all arithmetic is in float. Parameters, statistics and losses are always float.
//  - Kernels are templates; the EXPORT macros make a C entry point for each type of storage: name_f32, name_bf16. A kernel that reads
//    channels in packs of 16 bytes has a scalar twin, name_f32_1 and name_bf16_1, for channel counts that do not divide by the pack.
//  - Every base address is aligned to 64 bytes. Blocks have 256 threads unless a comment says otherwise.
//  - Results never depend on the order in which threads run: sums are made in two stages of fixed order, and the only atomics count
//    integers. The same inputs give the same bits.
//  - The file includes nothing, so that NVRTC compiles it on any machine (CUDA 11.8 and later, compute capability 8.0 and later).

// =========================================================================================================================
// 0. Storage types, packs of 16 bytes, exports
// =========================================================================================================================

// An emulator may define EXPORTED to learn of every kernel and its parameters.
#ifndef EXPORTED
#define EXPORTED(name)
#endif

#define DEVICE __device__ __forceinline__
#define THREADS 256
#define WARP 32
#define ALL_LANES 0xffffffffu

struct bf16
{
    unsigned short bits;
};

// How many elements one access of 16 bytes holds.
template <class T> struct Pack;
template <> struct Pack<float> { static constexpr int width = 4; };
template <> struct Pack<bf16> { static constexpr int width = 8; };

template <int N> struct Size { static constexpr int value = N; };

DEVICE float to_float(float v) { return v; }
DEVICE float to_float(bf16 v) { return __uint_as_float((unsigned int)v.bits << 16); }

// Two floats as two bf16 in one word, `low` in the lower half, rounded to nearest, ties to even.
DEVICE unsigned int pack_bf16(float low, float high)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    unsigned int word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
#else
    unsigned int a = __float_as_uint(low), b = __float_as_uint(high);
    a = low != low ? 0x7fff0000u : a + 0x7fffu + ((a >> 16) & 1u);
    b = high != high ? 0x7fff0000u : b + 0x7fffu + ((b >> 16) & 1u);
    return (a >> 16) | (b & 0xffff0000u);
#endif
}

template <class T> DEVICE T from_float(float v);
template <> DEVICE float from_float<float>(float v) { return v; }
template <> DEVICE bf16 from_float<bf16>(float v)
{
    bf16 result;
    result.bits = (unsigned short)pack_bf16(v, 0.0f);
    return result;
}

DEVICE void unpack_bf16(unsigned int word, float& low, float& high)
{
    low = __uint_as_float(word << 16);
    high = __uint_as_float(word & 0xffff0000u);
}

// A pack, of one element or of 16 bytes, as memory has it. Read so, several can be on their way before the first is needed; as floats
// they would take too many registers.
template <class T, int W> struct Bits;

template <class T> struct Bits<T, 1>
{
    T bits;

    DEVICE void read(const T* source) { bits = *source; }
    DEVICE void unpack(float (&v)[1]) const { v[0] = to_float(bits); }
};

template <> struct Bits<float, 4>
{
    float4 words;

    DEVICE void read(const float* source) { words = *reinterpret_cast<const float4*>(source); }
    DEVICE void unpack(float (&v)[4]) const
    {
        v[0] = words.x;
        v[1] = words.y;
        v[2] = words.z;
        v[3] = words.w;
    }
};

template <> struct Bits<bf16, 8>
{
    uint4 words;

    DEVICE void read(const bf16* source) { words = *reinterpret_cast<const uint4*>(source); }
    DEVICE void unpack(float (&v)[8]) const
    {
        unpack_bf16(words.x, v[0], v[1]);
        unpack_bf16(words.y, v[2], v[3]);
        unpack_bf16(words.z, v[4], v[5]);
        unpack_bf16(words.w, v[6], v[7]);
    }
};

// load and store move a pack between memory and floats in registers.
template <class T, int W> DEVICE void load(const T* source, float (&v)[W])
{
    Bits<T, W> bits;
    bits.read(source);
    bits.unpack(v);
}

// Eight floats beside a pack of eight bf16: two accesses.
DEVICE void load(const float* source, float (&v)[8])
{
    float4 a = *reinterpret_cast<const float4*>(source);
    float4 b = *reinterpret_cast<const float4*>(source + 4);
    v[0] = a.x;
    v[1] = a.y;
    v[2] = a.z;
    v[3] = a.w;
    v[4] = b.x;
    v[5] = b.y;
    v[6] = b.z;
    v[7] = b.w;
}

template <class T> DEVICE void store(T* target, const float (&v)[1]) { *target = from_float<T>(v[0]); }

DEVICE void store(float* target, const float (&v)[4])
{
    float4 words;
    words.x = v[0];
    words.y = v[1];
    words.z = v[2];
    words.w = v[3];
    *reinterpret_cast<float4*>(target) = words;
}

DEVICE void store(bf16* target, const float (&v)[8])
{
    uint4 words;
    words.x = pack_bf16(v[0], v[1]);
    words.y = pack_bf16(v[2], v[3]);
    words.z = pack_bf16(v[4], v[5]);
    words.w = pack_bf16(v[6], v[7]);
    *reinterpret_cast<uint4*>(target) = words;
}

DEVICE void store(float* target, const float (&v)[8])
{
    const float low[4] = {v[0], v[1], v[2], v[3]}, high[4] = {v[4], v[5], v[6], v[7]};
    store(target, low);
    store(target + 4, high);
}

// Four bf16 in one access of 8 bytes, beside a pack of four floats.
DEVICE void store(bf16* target, const float (&v)[4])
{
    uint2 words;
    words.x = pack_bf16(v[0], v[1]);
    words.y = pack_bf16(v[2], v[3]);
    *reinterpret_cast<uint2*>(target) = words;
}

// Stores, or adds to what is there: the `accumulate` of Device's backwards.
template <class T, int W> DEVICE void put(T* target, float (&v)[W], int accumulate)
{
    if (accumulate)
    {
        float old[W];
        load(target, old);
        for (int k = 0; k < W; k++)
        {
            v[k] += old[k];
        }
    }

    store(target, v);
}

// A position within a pooling window, a byte for each element of a pack.
DEVICE void store_bytes(unsigned char* target, const int (&v)[1]) { *target = (unsigned char)v[0]; }

DEVICE unsigned int four_bytes(int a, int b, int c, int d)
{
    return (unsigned int)a | ((unsigned int)b << 8) | ((unsigned int)c << 16) | ((unsigned int)d << 24);
}

DEVICE void store_bytes(unsigned char* target, const int (&v)[4])
{
    *reinterpret_cast<unsigned int*>(target) = four_bytes(v[0], v[1], v[2], v[3]);
}

DEVICE void store_bytes(unsigned char* target, const int (&v)[8])
{
    uint2 words;
    words.x = four_bytes(v[0], v[1], v[2], v[3]);
    words.y = four_bytes(v[4], v[5], v[6], v[7]);
    *reinterpret_cast<uint2*>(target) = words;
}

// The bytes of a pack's elements as memory has them.
template <int W> struct ByteBits;

template <> struct ByteBits<1>
{
    unsigned char bits;

    DEVICE void read(const unsigned char* source) { bits = *source; }
    DEVICE void unpack(int (&v)[1]) const { v[0] = bits; }
};

template <> struct ByteBits<4>
{
    unsigned int word;

    DEVICE void read(const unsigned char* source) { word = *reinterpret_cast<const unsigned int*>(source); }
    DEVICE void unpack(int (&v)[4]) const
    {
        for (int k = 0; k < 4; k++)
        {
            v[k] = (int)((word >> (8 * k)) & 255u);
        }
    }
};

template <> struct ByteBits<8>
{
    uint2 words;

    DEVICE void read(const unsigned char* source) { words = *reinterpret_cast<const uint2*>(source); }
    DEVICE void unpack(int (&v)[8]) const
    {
        for (int k = 0; k < 4; k++)
        {
            v[k] = (int)((words.x >> (8 * k)) & 255u);
            v[k + 4] = (int)((words.y >> (8 * k)) & 255u);
        }
    }
};

// An address that a kernel reads from memory might be of any kind of memory, for all that the compiler can see, and every access through
// it would have to find out; this says that it is of global memory.
template <class T> DEVICE T* in_global_memory(T* address)
{
#if defined(__CUDA_ARCH__)
    bool is_global = __isGlobal(address);
    __builtin_assume(is_global);
#endif
    return address;
}

// A NaN stays one.
DEVICE float relu_of(float v) { return v < 0.0f ? 0.0f : v; }

DEVICE bool is_finite(float v) { return (__float_as_uint(v) & 0x7f800000u) != 0x7f800000u; }

// Runs the body once for each pack of n contiguous elements, then for each element of the rest: a grid-stride loop, launched with any
// number of blocks. The body is called with the pack's width, as a type, and the index of its first element.
template <class T, class Body> DEVICE void for_each_pack(long long n, Body body)
{
    constexpr int W = Pack<T>::width;
    long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    long long threads = (long long)gridDim.x * blockDim.x;
    long long packs = n / W;
    for (long long i = thread; i < packs; i += threads)
    {
        body(Size<W>(), i * W);
    }

    for (long long i = packs * W + thread; i < n; i += threads)
    {
        body(Size<1>(), i);
    }
}

// Where a pack of W channels lies in a tensor [N, H, W, C].
struct Place
{
    int n, y, x, c;
};

// Runs the body once for each pack of W channels of a tensor, with its place and the index of its first element: a grid-stride loop,
// launched with any number of blocks. It counts rows of images, and packs within a row, which fit in 32 bits: a 64-bit division takes
// some hundred instructions, and so a thread makes two of them in all, not two for every pack.
template <int W, class Body> DEVICE void for_each_place(int images, int height, int width, int channels, Body body)
{
    unsigned int packs = channels / W, per_row = packs * width, rows = images * height;
    if (per_row == 0)
    {
        return;
    }

    unsigned long long thread = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
    unsigned long long threads = (unsigned long long)gridDim.x * blockDim.x;
    unsigned int row = (unsigned int)(thread / per_row), row_step = (unsigned int)(threads / per_row);
    unsigned int in_row = (unsigned int)thread - row * per_row, step = (unsigned int)threads - row_step * per_row;
    while (row < rows)
    {
        Place place;
        place.x = in_row / packs;
        place.c = (in_row - place.x * packs) * W;
        place.n = row / height;
        place.y = row - place.n * height;
        body(place, ((long long)row * per_row + in_row) * W);

        // The next pack of this thread lies `threads` further.
        row += row_step;
        in_row += step;
        if (in_row >= per_row)
        {
            in_row -= per_row;
            row++;
        }
    }
}

// In these namespaces the macros below make the C entry points: T is the storage type there and V the width of its pack.
namespace f32
{
typedef float T;
constexpr int V = Pack<T>::width;
}

namespace b16
{
typedef bf16 T;
constexpr int V = Pack<T>::width;
}

#define ENTRY(space, name, template_arguments, entry, parameters, arguments) \
    namespace space                                                          \
    {                                                                        \
    extern "C" __global__ void __launch_bounds__(THREADS) entry parameters   \
    {                                                                        \
        name<UNWRAP template_arguments> arguments;                           \
    }                                                                        \
    EXPORTED(entry)                                                          \
    }
#define UNWRAP(...) __VA_ARGS__

// name_f32 and name_bf16 from a template <class T>.
#define EXPORT(name, parameters, arguments)                  \
    ENTRY(f32, name, (T), name##_f32, parameters, arguments) \
    ENTRY(b16, name, (T), name##_bf16, parameters, arguments)

// The same from a template <class T, int W>, in packs alone.
#define EXPORT_PACK(name, parameters, arguments)                \
    ENTRY(f32, name, (T, V), name##_f32, parameters, arguments) \
    ENTRY(b16, name, (T, V), name##_bf16, parameters, arguments)

// The same with the scalar twins name_f32_1 and name_bf16_1.
#define EXPORT_PACKED(name, parameters, arguments)                \
    ENTRY(f32, name, (T, V), name##_f32, parameters, arguments)   \
    ENTRY(f32, name, (T, 1), name##_f32_1, parameters, arguments) \
    ENTRY(b16, name, (T, V), name##_bf16, parameters, arguments)  \
    ENTRY(b16, name, (T, 1), name##_bf16_1, parameters, arguments)

// An entry point of one form only.
#define EXPORT_ONE(name, parameters)                                      \
    extern "C" __global__ void __launch_bounds__(THREADS) name parameters

// =========================================================================================================================
// 1. Memory: fill, casts, transposition
// =========================================================================================================================

// output = value. Any grid. Moves: n written.
template <class T> DEVICE void fill(T* output, float value, long long n)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        for (int k = 0; k < decltype(width)::value; k++)
        {
            v[k] = value;
        }

        store(output + i, v);
    });
}

EXPORT(fill, (T* output, float value, long long n), (output, value, n))

// The same for doubles, which only travel through this device.
EXPORT_ONE(fill_f64, (double* output, double value, long long n))
{
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads)
    {
        output[i] = value;
    }
}
EXPORTED(fill_f64)

// output (+)= input, one type of storage to the other: master weights to bf16, gradients back. Any grid. Moves: n read, n written.
template <class From, class To> DEVICE void cast_packed(const From* input, To* output, long long n, int accumulate)
{
    for_each_pack<bf16>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        load(input + i, v);
        put(output + i, v, accumulate);
    });
}

EXPORT_ONE(cast_f32_bf16, (const float* input, bf16* output, long long n, int accumulate)) { cast_packed(input, output, n, accumulate); }
EXPORTED(cast_f32_bf16)
EXPORT_ONE(cast_bf16_f32, (const bf16* input, float* output, long long n, int accumulate)) { cast_packed(input, output, n, accumulate); }
EXPORTED(cast_bf16_f32)

// The rarer conversions (labels, pixels, doubles), one element at a time, through double, which holds every number of every type.
// Integers are cut toward zero and held within their range. Any grid.
DEVICE double to_double(float v) { return v; }
DEVICE double to_double(bf16 v) { return to_float(v); }
DEVICE double to_double(double v) { return v; }
DEVICE double to_double(int v) { return v; }
DEVICE double to_double(unsigned char v) { return v; }

template <class T> DEVICE T from_double(double v) { return from_float<T>((float)v); }
template <> DEVICE double from_double<double>(double v) { return v; }
template <> DEVICE int from_double<int>(double v)
{
    return v != v ? 0 : v >= 2147483647.0 ? 2147483647 : v <= -2147483648.0 ? -2147483647 - 1 : (int)v;
}

template <> DEVICE unsigned char from_double<unsigned char>(double v)
{
    return (unsigned char)(!(v > 0.0) ? 0 : v >= 255.0 ? 255 : (int)v);
}

template <class From, class To> DEVICE void cast_each(const From* input, To* output, long long n)
{
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads)
    {
        output[i] = from_double<To>(to_double(input[i]));
    }
}

#define EXPORT_CAST(from_name, from, to_name, to)                                                                                     \
    EXPORT_ONE(cast_##from_name##_##to_name, (const from* input, to* output, long long n)) { cast_each<from, to>(input, output, n); } \
    EXPORTED(cast_##from_name##_##to_name)

EXPORT_CAST(f32, float, i32, int)
EXPORT_CAST(f32, float, u8, unsigned char)
EXPORT_CAST(bf16, bf16, i32, int)
EXPORT_CAST(bf16, bf16, u8, unsigned char)
EXPORT_CAST(i32, int, f32, float)
EXPORT_CAST(i32, int, bf16, bf16)
EXPORT_CAST(u8, unsigned char, f32, float)
EXPORT_CAST(u8, unsigned char, bf16, bf16)

EXPORT_CAST(u8, unsigned char, i32, int)
EXPORT_CAST(f64, double, f32, float)
EXPORT_CAST(f64, double, bf16, bf16)
EXPORT_CAST(f64, double, i32, int)
EXPORT_CAST(f64, double, u8, unsigned char)
EXPORT_CAST(f32, float, f64, double)
EXPORT_CAST(bf16, bf16, f64, double)
EXPORT_CAST(i32, int, f64, double)
EXPORT_CAST(u8, unsigned char, f64, double)
EXPORT_CAST(i32, int, u8, unsigned char)

// output[n, c, r] = input[n, r, c], for N matrices of rows x columns: channels last to channels first, and back. A tile of 32 x 32
// goes through shared memory, so that reads and writes are both contiguous; the 33rd column keeps a warp's column in 32 banks.
// Grid (columns / 32, rows / 32, N), rounded up; block (32, 8). Moves: all read once, written once.
template <class T> DEVICE void transpose(const T* input, T* output, int rows, int columns)
{
    __shared__ T tile[WARP][WARP + 1];
    const T* source = input + (long long)blockIdx.z * rows * columns;
    T* target = output + (long long)blockIdx.z * rows * columns;
    int column = blockIdx.x * WARP + threadIdx.x;
    for (int y = threadIdx.y; y < WARP; y += blockDim.y)
    {
        int row = blockIdx.y * WARP + y;
        if (row < rows && column < columns)
        {
            tile[y][threadIdx.x] = source[(long long)row * columns + column];
        }
    }

    __syncthreads();
    int row = blockIdx.y * WARP + threadIdx.x;
    for (int y = threadIdx.y; y < WARP; y += blockDim.y)
    {
        column = blockIdx.x * WARP + y;
        if (row < rows && column < columns)
        {
            target[(long long)column * rows + row] = tile[threadIdx.x][y];
        }
    }
}

EXPORT(transpose, (const T* input, T* output, int rows, int columns), (input, output, rows, columns))

// =========================================================================================================================
// 2. Images
// =========================================================================================================================

// output[n, y, x, c] = (pixels[n, y + top, x' + left, c] / 255 - mean) * scale, zero outside the image, x' mirrored where asked:
// crop, mirror, pad and normalize in one pass. placements are [N, 3]: top, left, mirror; mean is [C], or [H, W, C] where mean_per_pixel.
// One thread an output element, any grid. Moves: a byte read and an element written for each output.
template <class T>
DEVICE void prepare_images(const unsigned char* pixels, const int* placements, const float* mean, int mean_per_pixel, const float* scale, T* output,
    int images, int height, int width, int channels, int output_height, int output_width)
{
    for_each_place<1>(images, output_height, output_width, channels, [&](Place at, long long i) {
        int row = at.y + placements[3 * at.n];
        int column = (placements[3 * at.n + 2] == 1 ? output_width - 1 - at.x : at.x) + placements[3 * at.n + 1];
        float value = 0.0f;
        if (row >= 0 && row < height && column >= 0 && column < width)
        {
            long long source = ((long long)row * width + column) * channels + at.c;
            float byte = (float)pixels[(long long)at.n * height * width * channels + source];
            value = (byte / 255.0f - mean[mean_per_pixel ? source : at.c]) * scale[at.c];
        }

        output[i] = from_float<T>(value);
    });
}

EXPORT(prepare_images,
    (const unsigned char* pixels, const int* placements, const float* mean, int mean_per_pixel, const float* scale, T* output, int images,
        int height, int width, int channels, int output_height, int output_width),
    (pixels, placements, mean, mean_per_pixel, scale, output, images, height, width, channels, output_height, output_width))

// =========================================================================================================================
// 3. Elementwise. Outputs may be inputs: every element is read before it is written, by the same thread. Any grid.
// =========================================================================================================================

// output = left + right. Moves: 2 n read, n written.
template <class T> DEVICE void add(const T* left, const T* right, T* output, long long n)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float a[decltype(width)::value], b[decltype(width)::value];
        load(left + i, a);
        load(right + i, b);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            a[k] += b[k];
        }

        store(output + i, a);
    });
}

EXPORT(add, (const T* left, const T* right, T* output, long long n), (left, right, output, n))

// output = max(left + right, 0), the end of a residual block. Moves: 2 n read, n written, in all versions.
// 1, naive: one element a thread. A warp reads 128 bytes (64 as bf16) an instruction.
template <class T> DEVICE void add_relu_1(const T* left, const T* right, T* output, long long n)
{
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads)
    {
        output[i] = from_float<T>(relu_of(to_float(left[i]) + to_float(right[i])));
    }
}

EXPORT(add_relu_1, (const T* left, const T* right, T* output, long long n), (left, right, output, n))

// 2, packs: 16 bytes a thread and instruction, a quarter (an eighth as bf16) of the instructions. The device launches this one: on an
// H100 it is as fast as a copy, and 3 is within half a percent of it.
template <class T> DEVICE void add_relu_2(const T* left, const T* right, T* output, long long n)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float a[decltype(width)::value], b[decltype(width)::value];
        load(left + i, a);
        load(right + i, b);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            a[k] = relu_of(a[k] + b[k]);
        }

        store(output + i, a);
    });
}

EXPORT(add_relu_2, (const T* left, const T* right, T* output, long long n), (left, right, output, n))

// 3, two packs in flight: both packs' four loads are issued before the first is used, which hides more of the memory's latency where
// few threads fit on a multiprocessor.
template <class T> DEVICE void add_relu_3(const T* left, const T* right, T* output, long long n)
{
    constexpr int W = Pack<T>::width;
    long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    long long threads = (long long)gridDim.x * blockDim.x;
    long long pairs = n / (2 * W * THREADS) * THREADS;
    for (long long i = thread; i < pairs; i += threads)
    {
        // A block's threads read one contiguous stretch, then the next.
        long long first = (i / THREADS * 2 * THREADS + i % THREADS) * W;
        long long second = first + THREADS * W;
        float a[W], b[W], c[W], d[W];
        load(left + first, a);
        load(left + second, c);
        load(right + first, b);
        load(right + second, d);
        for (int k = 0; k < W; k++)
        {
            a[k] = relu_of(a[k] + b[k]);
            c[k] = relu_of(c[k] + d[k]);
        }

        store(output + first, a);
        store(output + second, c);
    }

    for (long long i = pairs * 2 * W + thread; i < n; i += threads)
    {
        output[i] = from_float<T>(relu_of(to_float(left[i]) + to_float(right[i])));
    }
}

EXPORT(add_relu_3, (const T* left, const T* right, T* output, long long n), (left, right, output, n))

// output = max(input, 0). Moves: n read, n written.
template <class T> DEVICE void relu(const T* input, T* output, long long n)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        load(input + i, v);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            v[k] = relu_of(v[k]);
        }

        store(output + i, v);
    });
}

EXPORT(relu, (const T* input, T* output, long long n), (input, output, n))

// input_gradient (+)= output_gradient where output > 0. Moves: 2 n read, n written; accumulating reads n more.
template <class T> DEVICE void relu_backward(const T* output_gradient, const T* output, T* input_gradient, long long n, int accumulate)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float g[decltype(width)::value], y[decltype(width)::value];
        load(output_gradient + i, g);
        load(output + i, y);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            g[k] = y[k] > 0.0f ? g[k] : 0.0f;
        }

        put(input_gradient + i, g, accumulate);
    });
}

EXPORT(relu_backward, (const T* output_gradient, const T* output, T* input_gradient, long long n, int accumulate),
    (output_gradient, output, input_gradient, n, accumulate))

// output (+)= left * right. Moves: 2 n read, n written.
template <class T> DEVICE void multiply(const T* left, const T* right, T* output, long long n, int accumulate)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float a[decltype(width)::value], b[decltype(width)::value];
        load(left + i, a);
        load(right + i, b);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            a[k] *= b[k];
        }

        put(output + i, a, accumulate);
    });
}

EXPORT(multiply, (const T* left, const T* right, T* output, long long n, int accumulate), (left, right, output, n, accumulate))

// output = 1 / (1 + exp(-input)). Moves: n read, n written.
template <class T> DEVICE void sigmoid(const T* input, T* output, long long n)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        load(input + i, v);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            v[k] = 1.0f / (1.0f + expf(-v[k]));
        }

        store(output + i, v);
    });
}

EXPORT(sigmoid, (const T* input, T* output, long long n), (input, output, n))

// input_gradient (+)= output_gradient * output * (1 - output). Moves: 2 n read, n written.
template <class T> DEVICE void sigmoid_backward(const T* output_gradient, const T* output, T* input_gradient, long long n, int accumulate)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float g[decltype(width)::value], y[decltype(width)::value];
        load(output_gradient + i, g);
        load(output + i, y);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            g[k] *= y[k] * (1.0f - y[k]);
        }

        put(input_gradient + i, g, accumulate);
    });
}

EXPORT(sigmoid_backward, (const T* output_gradient, const T* output, T* input_gradient, long long n, int accumulate),
    (output_gradient, output, input_gradient, n, accumulate))

// output (+)= factor * input; the factor comes by value times, where given, one number on the device. Moves: n read, n written.
template <class T>
DEVICE void scale(const T* input, float factor, const void* device_factor, int factor_is_bf16, T* output, long long n, int accumulate)
{
    if (device_factor)
    {
        factor *= factor_is_bf16 ? to_float(*(const bf16*)device_factor) : *(const float*)device_factor;
    }

    for_each_pack<T>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        load(input + i, v);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            v[k] *= factor;
        }

        put(output + i, v, accumulate);
    });
}

EXPORT(scale, (const T* input, float factor, const void* device_factor, int factor_is_bf16, T* output, long long n, int accumulate),
    (input, factor, device_factor, factor_is_bf16, output, n, accumulate))

// =========================================================================================================================
// 4. The row tile, column sums, bias
//
// Everything per channel runs on one geometry. The matrix of rows x channels is cut into packs of W channels; a block is (x, y) with
// x packs side by side and y rows below each other, x * y <= 256; the grid is (packs / x rounded up, chunks), and the rows are dealt
// to the chunks' blocks in turn. Thread and channel belong together, so what is per channel stays in registers, and a warp reads
// contiguous memory. Sums first run down a thread's rows, then over the block's rows in shared memory, and leave one partial sum for
// each chunk; a second kernel adds the chunks' partials in fixed order.
// =========================================================================================================================

// The first channel of this thread's pack, or -1 where the pack lies outside.
template <int W> DEVICE int tile_channel(int channels)
{
    int c = (blockIdx.x * blockDim.x + threadIdx.x) * W;
    return c < channels ? c : -1;
}

// Runs the body for each row of this thread.
template <class Body> DEVICE void for_each_row(int rows, Body body)
{
    for (long long row = (long long)blockIdx.y * blockDim.y + threadIdx.y; row < rows; row += (long long)gridDim.y * blockDim.y)
    {
        body(row);
    }
}

// The same from the last row to the first, R rows at once: read(i, row) for each of them, then use(i, row) for each, i from 0 to R - 1,
// so that R loads are on their way before the first result is needed; then the rows that are left, one by one. Backwards, because a
// pass that follows another one over the same tensor finds in the cache what that one touched last.
template <int R, class Read, class Use> DEVICE void for_each_row_backwards(int rows, Read read, Use use)
{
    long long step = (long long)gridDim.y * blockDim.y;
    long long row = rows - 1 - ((long long)blockIdx.y * blockDim.y + threadIdx.y);
    for (; row - (R - 1) * step >= 0; row -= R * step)
    {
#pragma unroll
        for (int i = 0; i < R; i++)
        {
            read(i, row - i * step);
        }

#pragma unroll
        for (int i = 0; i < R; i++)
        {
            use(i, row - i * step);
        }
    }

    for (; row >= 0; row -= step)
    {
        read(0, row);
        use(0, row);
    }
}

// The largest power of two below n, the first half of a tree over n.
DEVICE int tree_half(int n)
{
    int half = 1;
    while (half * 2 < n)
    {
        half *= 2;
    }

    return half;
}

// Adds S sums a channel over the block's rows and writes them as partials[chunk][sum][channel].
template <int S, int W> DEVICE void store_column_sums(float (&sums)[S][W], float* partials, int channels)
{
    __shared__ float shared[S * W * THREADS];
    int thread = threadIdx.y * blockDim.x + threadIdx.x;
    for (int s = 0; s < S; s++)
    {
        for (int k = 0; k < W; k++)
        {
            shared[(s * W + k) * THREADS + thread] = sums[s][k];
        }
    }

    for (int half = tree_half(blockDim.y); half > 0; half /= 2)
    {
        __syncthreads();
        if ((int)threadIdx.y < half && threadIdx.y + half < blockDim.y)
        {
            for (int i = 0; i < S * W; i++)
            {
                shared[i * THREADS + thread] += shared[i * THREADS + thread + half * blockDim.x];
            }
        }
    }

    int c = tile_channel<W>(channels);
    if (threadIdx.y == 0 && c >= 0)
    {
        for (int s = 0; s < S; s++)
        {
            for (int k = 0; k < W; k++)
            {
                partials[((long long)blockIdx.y * S + s) * channels + c + k] = shared[(s * W + k) * THREADS + thread];
            }
        }
    }
}

// The second stages, which add up or merge what the chunks left. A block has 8 channels: as many as 32 bytes hold, the least that
// memory moves. Thread t takes channel t % 8 of every 32nd chunk, so that its loads are few and do not wait for each other; then the
// 32 threads of a channel are put together, those of a warp by shuffles, the warps by shared memory. Grid channels / 8 rounded up.
#define FINISH_CHANNELS 8
#define FINISH_PARTS (THREADS / FINISH_CHANNELS)

// Adds up S sums over the threads of each channel; the first FINISH_CHANNELS threads get the results.
template <int S> DEVICE void add_finish_parts(float (&sums)[S])
{
    __shared__ float shared[S][THREADS / WARP][FINISH_CHANNELS];
    int lane = threadIdx.x % WARP;
    for (int s = 0; s < S; s++)
    {
        for (int distance = WARP / 2; distance >= FINISH_CHANNELS; distance /= 2)
        {
            sums[s] += __shfl_xor_sync(ALL_LANES, sums[s], distance);
        }

        if (lane < FINISH_CHANNELS)
        {
            shared[s][threadIdx.x / WARP][lane] = sums[s];
        }
    }

    __syncthreads();
    if (threadIdx.x < FINISH_CHANNELS)
    {
        for (int s = 0; s < S; s++)
        {
            sums[s] = 0.0f;
            for (int w = 0; w < THREADS / WARP; w++)
            {
                sums[s] += shared[s][w][lane];
            }
        }
    }
}

// first (+)= sum 0, second (+)= sum 1, sums[s][channel] = sum s, each where its address is given; one or two sums a channel.
// Moves: the partials.
EXPORT_ONE(column_sums_finish,
    (const float* partials, int chunks, int channels, int sums_per_channel, float* first, int accumulate_first, float* second,
        int accumulate_second, float* sums))
{
    int c = blockIdx.x * FINISH_CHANNELS + threadIdx.x % FINISH_CHANNELS;
    float total[2] = {};
    if (c < channels)
    {
#pragma unroll 4
        for (int chunk = threadIdx.x / FINISH_CHANNELS; chunk < chunks; chunk += FINISH_PARTS)
        {
            const float* source = partials + (long long)chunk * sums_per_channel * channels + c;
            total[0] += source[0];
            total[1] += sums_per_channel > 1 ? source[channels] : 0.0f;
        }
    }

    add_finish_parts(total);
    for (int s = 0; s < sums_per_channel && threadIdx.x < FINISH_CHANNELS && c < channels; s++)
    {
        float* target = s == 0 ? first : second;
        if (target)
        {
            target[c] = total[s] + ((s == 0 ? accumulate_first : accumulate_second) ? target[c] : 0.0f);
        }

        if (sums)
        {
            sums[s * channels + c] = total[s];
        }
    }
}
EXPORTED(column_sums_finish)

// partials[chunk][channel] = sums over rows: the bias' gradient, first stage. Row tile. Moves: all read once.
template <class T, int W> DEVICE void column_sums(const T* input, float* partials, int rows, int channels)
{
    float sums[1][W] = {};
    int c = tile_channel<W>(channels);
    if (c >= 0)
    {
        for_each_row(rows, [&](long long row) {
            float v[W];
            load(input + row * channels + c, v);
            for (int k = 0; k < W; k++)
            {
                sums[0][k] += v[k];
            }
        });
    }

    store_column_sums(sums, partials, channels);
}

EXPORT_PACKED(column_sums, (const T* input, float* partials, int rows, int channels), (input, partials, rows, channels))

// output = input + bias. Row tile. Moves: all read once, written once.
template <class T, int W> DEVICE void add_bias(const T* input, const float* bias, T* output, int rows, int channels)
{
    int c = tile_channel<W>(channels);
    if (c < 0)
    {
        return;
    }

    float b[W];
    load(bias + c, b);
    for_each_row(rows, [&](long long row) {
        float v[W];
        load(input + row * channels + c, v);
        for (int k = 0; k < W; k++)
        {
            v[k] += b[k];
        }

        store(output + row * channels + c, v);
    });
}

EXPORT_PACKED(add_bias, (const T* input, const float* bias, T* output, int rows, int channels), (input, bias, output, rows, channels))

// =========================================================================================================================
// 5. Batch norm
//
// Mean and variance come from one pass, yet without the cancellation of "mean of squares less square of the mean": each thread
// subtracts the first number that it meets from all others before it squares them, and counts, means and squared distances of two
// parts are merged by Chan, Golub and LeVeque's formula (1979).
// =========================================================================================================================

// How many numbers, their mean, and the sum of their squared distances from it.
struct Moments
{
    float count, mean, squares;
};

DEVICE Moments merge(Moments a, Moments b)
{
    Moments result = a;
    if (b.count > 0.0f)
    {
        float delta = b.mean - a.mean;
        result.count = a.count + b.count;
        float share = b.count / result.count;
        result.mean = a.count > 0.0f ? a.mean + delta * share : b.mean;
        result.squares = a.squares + b.squares + (a.count > 0.0f ? delta * delta * a.count * share : 0.0f);
    }

    return result;
}

// From the sum and the sum of squares of `count` numbers that had `shift` taken off.
DEVICE Moments moments_of(float count, float shift, float sum, float squares)
{
    Moments result;
    result.count = count;
    result.mean = count > 0.0f ? shift + sum / count : 0.0f;
    float rest = count > 0.0f ? squares - sum * (sum / count) : 0.0f;
    result.squares = rest < 0.0f ? 0.0f : rest;
    return result;
}

DEVICE Moments merge_lanes(Moments m)
{
    for (int distance = WARP / 2; distance > 0; distance /= 2)
    {
        Moments other;
        other.count = __shfl_xor_sync(ALL_LANES, m.count, distance);
        other.mean = __shfl_xor_sync(ALL_LANES, m.mean, distance);
        other.squares = __shfl_xor_sync(ALL_LANES, m.squares, distance);

        // Both lanes of a pair merge in the same order, so that all lanes end with the same bits.
        m = (threadIdx.x & distance) == 0 ? merge(m, other) : merge(other, m);
    }

    return m;
}

// partials[chunk][count, mean, squares][channel].
// 1, naive: one thread a channel, two passes over its column, one chunk. Grid channels / 256 rounded up. Moves: all read twice, each
// row by few threads: it shows what the row tile is for.
template <class T> DEVICE void bn_statistics_1(const T* input, float* partials, int rows, int channels)
{
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= channels)
    {
        return;
    }

    float sum = 0.0f, squares = 0.0f;
    for (int row = 0; row < rows; row++)
    {
        sum += to_float(input[(long long)row * channels + c]);
    }

    float mean = sum / rows;
    for (int row = 0; row < rows; row++)
    {
        float distance = to_float(input[(long long)row * channels + c]) - mean;
        squares += distance * distance;
    }

    partials[c] = (float)rows;
    partials[channels + c] = mean;
    partials[2 * channels + c] = squares;
}

EXPORT(bn_statistics_1, (const T* input, float* partials, int rows, int channels), (input, partials, rows, channels))

// Merges the moments of a block's rows, of each thread W, and writes them as partials[chunk][count, mean, squares][channel].
template <int W>
DEVICE void store_moments(
    float count, const float (&shift)[W], const float (&sum)[W], const float (&square)[W], float* partials, int channels)
{
    __shared__ float means[W * THREADS], squares[W * THREADS], counts[THREADS];
    int thread = threadIdx.y * blockDim.x + threadIdx.x;
    int c = tile_channel<W>(channels);
    counts[thread] = count;
    for (int k = 0; k < W; k++)
    {
        Moments m = moments_of(count, shift[k], sum[k], square[k]);
        means[k * THREADS + thread] = m.mean;
        squares[k * THREADS + thread] = m.squares;
    }

    for (int half = tree_half(blockDim.y); half > 0; half /= 2)
    {
        __syncthreads();
        if ((int)threadIdx.y < half && threadIdx.y + half < blockDim.y)
        {
            int other = thread + half * blockDim.x;
            Moments a = {}, b = {};
            for (int k = 0; k < W; k++)
            {
                a.count = counts[thread];
                a.mean = means[k * THREADS + thread];
                a.squares = squares[k * THREADS + thread];
                b.count = counts[other];
                b.mean = means[k * THREADS + other];
                b.squares = squares[k * THREADS + other];
                a = merge(a, b);
                means[k * THREADS + thread] = a.mean;
                squares[k * THREADS + thread] = a.squares;
            }

            counts[thread] = a.count;
        }
    }

    if (threadIdx.y == 0 && c >= 0)
    {
        float* target = partials + (long long)blockIdx.y * 3 * channels + c;
        for (int k = 0; k < W; k++)
        {
            target[k] = counts[thread];
            target[channels + k] = means[k * THREADS + thread];
            target[2 * channels + k] = squares[k * THREADS + thread];
        }
    }
}

// 2: row tile. Moves: all read once.
template <class T, int W> DEVICE void bn_statistics_2(const T* input, float* partials, int rows, int channels)
{
    int c = tile_channel<W>(channels);
    float count = 0.0f, shift[W] = {}, sum[W] = {}, square[W] = {};
    if (c >= 0)
    {
        for_each_row(rows, [&](long long row) {
            float v[W];
            load(input + row * channels + c, v);
            for (int k = 0; k < W; k++)
            {
                shift[k] = count == 0.0f ? v[k] : shift[k];
                float distance = v[k] - shift[k];
                sum[k] += distance;
                square[k] += distance * distance;
            }

            count += 1.0f;
        });
    }

    store_moments(count, shift, sum, square, partials, channels);
}

EXPORT_PACKED(bn_statistics_2, (const T* input, float* partials, int rows, int channels), (input, partials, rows, channels))

// 3: row tile, four rows on their way at once, from the last to the first, where the convolution before has left the tensor's end in the
// cache. In a grid of no more blocks than run at once, 2 and 3 move 2.4 TB/s on an H100, 2 in one of twice as many 2.2, a copy 2.9.
// Moves: all read once. The device launches this one.
template <class T, int W> DEVICE void bn_statistics_3(const T* input, float* partials, int rows, int channels)
{
    constexpr int R = 4;
    int c = tile_channel<W>(channels);
    float count = 0.0f, shift[W] = {}, sum[W] = {}, square[W] = {};
    if (c >= 0)
    {
        Bits<T, W> bits[R];
        for_each_row_backwards<R>(
            rows, [&](int i, long long row) { bits[i].read(input + row * channels + c); },
            [&](int i, long long) {
                float v[W];
                bits[i].unpack(v);
                for (int k = 0; k < W; k++)
                {
                    shift[k] = count == 0.0f ? v[k] : shift[k];
                    float distance = v[k] - shift[k];
                    sum[k] += distance;
                    square[k] += distance * distance;
                }

                count += 1.0f;
            });
    }

    store_moments(count, shift, sum, square, partials, channels);
}

EXPORT_PACKED(bn_statistics_3, (const T* input, float* partials, int rows, int channels), (input, partials, rows, channels))

// The second stage: merges the chunks; then mean, 1 / sqrt(variance + epsilon), and the running statistics, where given, move by
// momentum toward the mean and the unbiased variance. Moves: the partials.
EXPORT_ONE(bn_statistics_finish,
    (const float* partials, int chunks, int channels, float momentum, float epsilon, float* mean, float* inverse_deviation, float* running_mean,
        float* running_variance))
{
    // With s the first chunk's mean, near to every other's: counts, sums of distances from s and of their squares. They add up without
    // a division, which would keep each chunk waiting for the one before.
    int c = blockIdx.x * FINISH_CHANNELS + threadIdx.x % FINISH_CHANNELS;
    float shift = c < channels ? partials[channels + c] : 0.0f;
    float total[3] = {};
    if (c < channels)
    {
#pragma unroll 4
        for (int chunk = threadIdx.x / FINISH_CHANNELS; chunk < chunks; chunk += FINISH_PARTS)
        {
            const float* source = partials + (long long)chunk * 3 * channels + c;
            float count = source[0], distance = source[channels] - shift, squares = source[2 * channels];
            total[0] += count;
            total[1] += count * distance;
            total[2] += count * distance * distance + squares;
        }
    }

    add_finish_parts(total);
    if (threadIdx.x < FINISH_CHANNELS && c < channels)
    {
        Moments all = moments_of(total[0], shift, total[1], total[2]);
        mean[c] = all.mean;
        inverse_deviation[c] = 1.0f / sqrtf(all.squares / all.count + epsilon);
        if (running_mean)
        {
            // A single pixel has no unbiased variance; its squared distance from its own mean, zero, stands in for it.
            float unbiased = all.squares / (all.count > 1.0f ? all.count - 1.0f : 1.0f);
            running_mean[c] = (1.0f - momentum) * running_mean[c] + momentum * all.mean;
            running_variance[c] = (1.0f - momentum) * running_variance[c] + momentum * unbiased;
        }
    }
}
EXPORTED(bn_statistics_finish)

// What a batch norm makes of a number, for the forward and for a backward that asks for its sign again: one function, so that both round alike.
DEVICE float normalized(float v, float mean, float factor, float offset)
{
    return fmaf(v - mean, factor, offset);
}

// output = gamma * (input - mean) * inverse deviation + beta (+ shortcut) (then ReLU): normalization, the residual sum and its ReLU in
// one pass. `spread` holds inverse deviations, or variances where is_variance (inference). Row tile. The output may be the input.
// Moves: all read once (twice with a shortcut), written once.
template <class T, int W>
DEVICE void bn_apply(const T* input, const float* gamma, const float* beta, const float* mean, const float* spread, int is_variance, float epsilon,
    const T* shortcut, int relu, T* output, int rows, int channels)
{
    int c = tile_channel<W>(channels);
    if (c < 0)
    {
        return;
    }

    float m[W], factor[W], offset[W], g[W];
    load(mean + c, m);
    load(spread + c, factor);
    load(beta + c, offset);
    load(gamma + c, g);
    for (int k = 0; k < W; k++)
    {
        factor[k] = g[k] * (is_variance ? 1.0f / sqrtf(factor[k] + epsilon) : factor[k]);
    }

    for_each_row(rows, [&](long long row) {
        float v[W], s[W] = {};
        load(input + row * channels + c, v);
        if (shortcut)
        {
            load(shortcut + row * channels + c, s);
        }

        for (int k = 0; k < W; k++)
        {
            v[k] = normalized(v[k], m[k], factor[k], offset[k]) + s[k];
            v[k] = relu ? relu_of(v[k]) : v[k];
        }

        store(output + row * channels + c, v);
    });
}

EXPORT_PACKED(bn_apply,
    (const T* input, const float* gamma, const float* beta, const float* mean, const float* spread, int is_variance, float epsilon,
        const T* shortcut, int relu, T* output, int rows, int channels),
    (input, gamma, beta, mean, spread, is_variance, epsilon, shortcut, relu, output, rows, channels))

// With g the output's gradient, zero where the forward's ReLU clipped (output given and <= 0; or, with beta given in its place, the
// output computed again from the input is): partials[chunk][sum g, sum g x^][channel]; and masked = g, where given: the shortcut's
// gradient, which spares the second pass the output. masked may be output_gradient. Row tile. Moves: two or, with the output, three
// tensors read, masked written.
template <class T, int W>
DEVICE void bn_backward_sums(const T* output_gradient, const T* input, const T* output, const float* gamma, const float* beta, const float* mean,
    const float* inverse_deviation, T* masked, float* partials, int rows, int channels)
{
    constexpr int R = 2;
    float sums[2][W] = {};
    int c = tile_channel<W>(channels);
    if (c >= 0)
    {
        float m[W];
        load(mean + c, m);

        // One loop for each kind of mask, so that none holds registers for another's.
        auto pass = [&](auto by_output, auto by_input) {
            constexpr bool is_by_output = decltype(by_output)::value, is_by_input = decltype(by_input)::value;
            float factor[W], offset[W];
            if constexpr (is_by_input)
            {
                load(beta + c, offset);
                for (int k = 0; k < W; k++)
                {
                    factor[k] = gamma[c + k] * inverse_deviation[c + k];
                }
            }

            Bits<T, W> gradients[R], inputs[R], outputs[R];
            for_each_row_backwards<R>(
                rows,
                [&](int i, long long row) {
                    gradients[i].read(output_gradient + row * channels + c);
                    inputs[i].read(input + row * channels + c);
                    if constexpr (is_by_output)
                    {
                        outputs[i].read(output + row * channels + c);
                    }
                },
                [&](int i, long long row) {
                    float g[W], x[W];
                    gradients[i].unpack(g);
                    inputs[i].unpack(x);
                    if constexpr (is_by_output)
                    {
                        float y[W];
                        outputs[i].unpack(y);
                        for (int k = 0; k < W; k++)
                        {
                            g[k] = y[k] <= 0.0f ? 0.0f : g[k];
                        }
                    }

                    for (int k = 0; k < W; k++)
                    {
                        if constexpr (is_by_input)
                        {
                            g[k] = normalized(x[k], m[k], factor[k], offset[k]) <= 0.0f ? 0.0f : g[k];
                        }

                        sums[0][k] += g[k];
                        sums[1][k] += g[k] * (x[k] - m[k]);
                    }

                    if (masked)
                    {
                        store(masked + row * channels + c, g);
                    }
                });
        };
        if (output)
        {
            pass(Size<1>(), Size<0>());
        }
        else if (beta)
        {
            pass(Size<0>(), Size<1>());
        }
        else
        {
            pass(Size<0>(), Size<0>());
        }

        for (int k = 0; k < W; k++)
        {
            sums[1][k] *= inverse_deviation[c + k];
        }
    }

    store_column_sums(sums, partials, channels);
}

EXPORT_PACKED(bn_backward_sums,
    (const T* output_gradient, const T* input, const T* output, const float* gamma, const float* beta, const float* mean,
        const float* inverse_deviation, T* masked, float* partials, int rows, int channels),
    (output_gradient, input, output, gamma, beta, mean, inverse_deviation, masked, partials, rows, channels))

// input_gradient (+)= gamma * inverse deviation * (g - (sum g + x^ sum g x^) * inverse_rows) and shortcut_gradient (+)= g, each where
// given, with sums[2][channel] from the pass before and inverse_rows one over the rows (0 where the statistics were given and do not
// depend on the input). Row tile. Moves: as bn_backward_sums reads, plus one tensor written for each gradient.
template <class T, int W>
DEVICE void bn_backward_apply(const T* output_gradient, const T* input, const T* output, const float* gamma, const float* beta, const float* mean,
    const float* inverse_deviation, const float* sums, float inverse_rows, T* input_gradient, int accumulate_input, T* shortcut_gradient,
    int accumulate_shortcut, int rows, int channels)
{
    int c = tile_channel<W>(channels);
    if (c < 0)
    {
        return;
    }

    // With x' = x - mean: dx = factor * g - constant - slope * x'.
    float m[W], factor[W], constant[W], slope[W], gammas[W], offset[W] = {};
    load(mean + c, m);
    if (beta)
    {
        load(beta + c, offset);
    }

    load(inverse_deviation + c, factor);
    load(gamma + c, gammas);
    load(sums + c, constant);
    for (int k = 0; k < W; k++)
    {
        float inverse = factor[k];
        factor[k] *= gammas[k];
        constant[k] *= inverse_rows * factor[k];
        slope[k] = sums[channels + c + k] * inverse_rows * inverse * factor[k];
    }

    for_each_row(rows, [&](long long row) {
        float g[W], x[W] = {};
        load(output_gradient + row * channels + c, g);
        if (input_gradient || beta)
        {
            load(input + row * channels + c, x);
        }

        if (output)
        {
            float y[W];
            load(output + row * channels + c, y);
            for (int k = 0; k < W; k++)
            {
                g[k] = y[k] <= 0.0f ? 0.0f : g[k];
            }
        }
        else if (beta)
        {
            for (int k = 0; k < W; k++)
            {
                g[k] = normalized(x[k], m[k], factor[k], offset[k]) <= 0.0f ? 0.0f : g[k];
            }
        }

        if (input_gradient)
        {
            float d[W];
            for (int k = 0; k < W; k++)
            {
                d[k] = factor[k] * g[k] - constant[k] - slope[k] * (x[k] - m[k]);
            }

            put(input_gradient + row * channels + c, d, accumulate_input);
        }

        if (shortcut_gradient)
        {
            put(shortcut_gradient + row * channels + c, g, accumulate_shortcut);
        }
    });
}

EXPORT_PACKED(bn_backward_apply,
    (const T* output_gradient, const T* input, const T* output, const float* gamma, const float* beta, const float* mean, const float* inverse_deviation,
        const float* sums, float inverse_rows, T* input_gradient, int accumulate_input, T* shortcut_gradient, int accumulate_shortcut, int rows,
        int channels),
    (output_gradient, input, output, gamma, beta, mean, inverse_deviation, sums, inverse_rows, input_gradient, accumulate_input, shortcut_gradient,
        accumulate_shortcut, rows, channels))

// =========================================================================================================================
// 6. Group norm. One block an image and group, grid N * groups; an image's group is `pixels` stretches of channels / groups elements.
// =========================================================================================================================

// The sum of a block's values of 256 threads; every thread gets it.
DEVICE float block_sum(float v)
{
    __shared__ float warps[THREADS / WARP];
    for (int distance = WARP / 2; distance > 0; distance /= 2)
    {
        v += __shfl_xor_sync(ALL_LANES, v, distance);
    }

    __syncthreads();
    if (threadIdx.x % WARP == 0)
    {
        warps[threadIdx.x / WARP] = v;
    }

    __syncthreads();
    float sum = 0.0f;
    for (int w = 0; w < THREADS / WARP; w++)
    {
        sum += warps[w];
    }

    return sum;
}

// The sum of so many values in global memory, by one block of 256 threads in a fixed order; every thread gets it.
DEVICE float block_sum(const float* values, int count)
{
    float sum = 0.0f;
    for (int i = threadIdx.x; i < count; i += blockDim.x)
    {
        sum += values[i];
    }

    return block_sum(sum);
}

// The moments of a block's 256 threads, merged; every thread gets them.
DEVICE Moments block_merge(Moments m)
{
    __shared__ Moments warps[THREADS / WARP];
    m = merge_lanes(m);
    __syncthreads();
    if (threadIdx.x % WARP == 0)
    {
        warps[threadIdx.x / WARP] = m;
    }

    __syncthreads();
    Moments total = warps[0];
    for (int w = 1; w < THREADS / WARP; w++)
    {
        total = merge(total, warps[w]);
    }

    return total;
}

// Runs the body for each pack of this block's group with its offset in the tensor and its first channel.
template <int W, class Body> DEVICE void for_each_in_group(int pixels, int channels, int groups, Body body)
{
    int per_group = channels / groups;
    int packs_per_pixel = per_group / W;
    int n = blockIdx.x / groups;
    int first = blockIdx.x % groups * per_group;
    int packs = pixels * packs_per_pixel;
    for (int i = threadIdx.x; i < packs; i += blockDim.x)
    {
        int c = first + i % packs_per_pixel * W;
        body(((long long)n * pixels + i / packs_per_pixel) * channels + c, c);
    }
}

// output = gamma * (input - mean) * inverse deviation + beta with the statistics of the group, which are saved. Moves: all read twice
// (the second time mostly from the cache), written once.
template <class T, int W>
DEVICE void group_norm(const T* input, const float* gamma, const float* beta, float epsilon, T* output, float* saved_mean,
    float* saved_inverse_deviation, int pixels, int channels, int groups)
{
    float count = 0.0f, shift = 0.0f, sum = 0.0f, squares = 0.0f;
    for_each_in_group<W>(pixels, channels, groups, [&](long long i, int) {
        float v[W];
        load(input + i, v);
        shift = count == 0.0f ? v[0] : shift;
        for (int k = 0; k < W; k++)
        {
            float distance = v[k] - shift;
            sum += distance;
            squares += distance * distance;
        }

        count += (float)W;
    });
    Moments total = block_merge(moments_of(count, shift, sum, squares));
    float inverse = 1.0f / sqrtf(total.squares / total.count + epsilon);
    if (threadIdx.x == 0)
    {
        saved_mean[blockIdx.x] = total.mean;
        saved_inverse_deviation[blockIdx.x] = inverse;
    }

    for_each_in_group<W>(pixels, channels, groups, [&](long long i, int c) {
        float v[W], g[W], b[W];
        load(input + i, v);
        load(gamma + c, g);
        load(beta + c, b);
        for (int k = 0; k < W; k++)
        {
            v[k] = (v[k] - total.mean) * (inverse * g[k]) + b[k];
        }

        store(output + i, v);
    });
}

EXPORT_PACKED(group_norm,
    (const T* input, const float* gamma, const float* beta, float epsilon, T* output, float* saved_mean, float* saved_inverse_deviation,
        int pixels, int channels, int groups),
    (input, gamma, beta, epsilon, output, saved_mean, saved_inverse_deviation, pixels, channels, groups))

// With h = output_gradient * gamma and M elements in the group:
// input_gradient (+)= inverse deviation * (h - (sum h + x^ sum h x^) / M). Moves: two tensors read twice, one written.
template <class T, int W>
DEVICE void group_norm_backward(const T* output_gradient, const T* input, const float* gamma, const float* saved_mean,
    const float* saved_inverse_deviation, T* input_gradient, int accumulate, int pixels, int channels, int groups)
{
    float mean = saved_mean[blockIdx.x], inverse = saved_inverse_deviation[blockIdx.x];
    float sum = 0.0f, sum_normalized = 0.0f;
    for_each_in_group<W>(pixels, channels, groups, [&](long long i, int c) {
        float h[W], x[W], g[W];
        load(output_gradient + i, h);
        load(input + i, x);
        load(gamma + c, g);
        for (int k = 0; k < W; k++)
        {
            sum += h[k] * g[k];
            sum_normalized += h[k] * g[k] * ((x[k] - mean) * inverse);
        }
    });
    float inverse_count = 1.0f / ((float)pixels * (float)(channels / groups));
    sum = block_sum(sum) * inverse_count;
    sum_normalized = block_sum(sum_normalized) * inverse_count;
    for_each_in_group<W>(pixels, channels, groups, [&](long long i, int c) {
        float h[W], x[W], g[W];
        load(output_gradient + i, h);
        load(input + i, x);
        load(gamma + c, g);
        for (int k = 0; k < W; k++)
        {
            h[k] = inverse * (h[k] * g[k] - sum - (x[k] - mean) * inverse * sum_normalized);
        }

        put(input_gradient + i, h, accumulate);
    });
}

EXPORT_PACKED(group_norm_backward,
    (const T* output_gradient, const T* input, const float* gamma, const float* saved_mean, const float* saved_inverse_deviation,
        T* input_gradient, int accumulate, int pixels, int channels, int groups),
    (output_gradient, input, gamma, saved_mean, saved_inverse_deviation, input_gradient, accumulate, pixels, channels, groups))

// partials[chunk][sum dy, sum dy x^][channel] for the gradients by beta and gamma; column_sums_finish ends it. Row tile over all
// images' pixels; always scalar where a pack would cross groups. Moves: two tensors read.
template <class T, int W>
DEVICE void group_norm_backward_sums(const T* output_gradient, const T* input, const float* saved_mean, const float* saved_inverse_deviation,
    float* partials, int rows, int pixels, int channels, int groups)
{
    float sums[2][W] = {};
    int c = tile_channel<W>(channels);
    if (c >= 0)
    {
        int group = c / (channels / groups);
        for_each_row(rows, [&](long long row) {
            int image = (int)row / pixels;
            float mean = saved_mean[image * groups + group], inverse = saved_inverse_deviation[image * groups + group];
            float g[W], x[W];
            load(output_gradient + row * channels + c, g);
            load(input + row * channels + c, x);
            for (int k = 0; k < W; k++)
            {
                sums[0][k] += g[k];
                sums[1][k] += g[k] * ((x[k] - mean) * inverse);
            }
        });
    }

    store_column_sums(sums, partials, channels);
}

EXPORT_PACKED(group_norm_backward_sums,
    (const T* output_gradient, const T* input, const float* saved_mean, const float* saved_inverse_deviation, float* partials, int rows,
        int pixels, int channels, int groups),
    (output_gradient, input, saved_mean, saved_inverse_deviation, partials, rows, pixels, channels, groups))

// =========================================================================================================================
// 7. Pooling and shortcut A. One thread a pack of the result's channels, any grid. Backwards gather: each input pixel looks up the
// windows that hold it, so that no two threads write one address.
// =========================================================================================================================

DEVICE long long offset_of(int n, int y, int x, int c, int height, int width, int channels)
{
    return (((long long)n * height + y) * width + x) * channels + c;
}

// A pooling window and its image. The order is that of the kernels' parameters.
struct Pooling
{
    int images, height, width, channels, output_height, output_width;
    int kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
};

#define POOLING_PARAMETERS                                                                                                      \
    int images, int height, int width, int channels, int output_height, int output_width, int kernel_height, int kernel_width, \
        int stride_height, int stride_width, int padding_height, int padding_width
#define POOLING                                                                                                              \
    Pooling { images, height, width, channels, output_height, output_width, kernel_height, kernel_width, stride_height,     \
        stride_width, padding_height, padding_width }

// The windows along one axis that hold a position: from first to last.
DEVICE int first_window(int position, int padding, int kernel, int stride)
{
    int reach = position + padding - kernel;
    return reach < 0 ? 0 : reach / stride + 1;
}

DEVICE int last_window(int position, int padding, int stride, int windows)
{
    int last = (position + padding) / stride;
    return last < windows ? last : windows - 1;
}

// output = the largest element of each window, the first of equals, a NaN above all; positions = its r * kernel_width + s.
// Moves: the input read once (neighboring windows meet in the cache), the output and a byte for each element written.
template <class T, int W> DEVICE void max_pool(const T* input, T* output, unsigned char* positions, Pooling p)
{
    for_each_place<W>(p.images, p.output_height, p.output_width, p.channels, [&](Place at, long long i) {
        int top = at.y * p.stride_height - p.padding_height, left = at.x * p.stride_width - p.padding_width;
        float best[W];
        int position[W];
        bool is_first = true;
        for (int r = 0; r < p.kernel_height; r++)
        {
            for (int s = 0; s < p.kernel_width; s++)
            {
                int y = top + r, x = left + s;
                if (y < 0 || y >= p.height || x < 0 || x >= p.width)
                {
                    continue;
                }

                float v[W];
                load(input + offset_of(at.n, y, x, at.c, p.height, p.width, p.channels), v);
                for (int k = 0; k < W; k++)
                {
                    if (is_first || v[k] > best[k] || (v[k] != v[k] && best[k] == best[k]))
                    {
                        best[k] = v[k];
                        position[k] = r * p.kernel_width + s;
                    }
                }

                is_first = false;
            }
        }

        store(output + i, best);
        store_bytes(positions + i, position);
    });
}

EXPORT_PACKED(max_pool, (const T* input, T* output, unsigned char* positions, POOLING_PARAMETERS), (input, output, positions, POOLING))

// input_gradient (+)= the gradients of the windows that this element won. The windows that hold it are taken four at a time, two by two,
// so that their loads are all on their way before the first is needed: of the usual pools (3x3 by 2, 2x2 by 2) no element has more.
// Moves: gradients and positions read once, the result written.
template <class T, int W>
DEVICE void max_pool_backward(const T* output_gradient, const unsigned char* positions, T* input_gradient, int accumulate, Pooling p)
{
    for_each_place<W>(p.images, p.height, p.width, p.channels, [&](Place at, long long i) {
        float sum[W] = {};
        int first_y = first_window(at.y, p.padding_height, p.kernel_height, p.stride_height);
        int first_x = first_window(at.x, p.padding_width, p.kernel_width, p.stride_width);
        int last_y = last_window(at.y, p.padding_height, p.stride_height, p.output_height);
        int last_x = last_window(at.x, p.padding_width, p.stride_width, p.output_width);
        for (int top = first_y; top <= last_y; top += 2)
        {
            for (int left = first_x; left <= last_x; left += 2)
            {
                Bits<T, W> gradients[4];
                ByteBits<W> winners[4];
#pragma unroll
                for (int j = 0; j < 4; j++)
                {
                    int y = top + j / 2, x = left + j % 2;
                    if (y <= last_y && x <= last_x)
                    {
                        long long source = offset_of(at.n, y, x, at.c, p.output_height, p.output_width, p.channels);
                        gradients[j].read(output_gradient + source);
                        winners[j].read(positions + source);
                    }
                }

#pragma unroll
                for (int j = 0; j < 4; j++)
                {
                    int y = top + j / 2, x = left + j % 2;
                    if (y <= last_y && x <= last_x)
                    {
                        int r = at.y + p.padding_height - y * p.stride_height, s = at.x + p.padding_width - x * p.stride_width;
                        int winner[W];
                        float g[W];
                        winners[j].unpack(winner);
                        gradients[j].unpack(g);
                        for (int k = 0; k < W; k++)
                        {
                            sum[k] += winner[k] == r * p.kernel_width + s ? g[k] : 0.0f;
                        }
                    }
                }
            }
        }

        put(input_gradient + i, sum, accumulate);
    });
}

EXPORT_PACKED(max_pool_backward,
    (const T* output_gradient, const unsigned char* positions, T* input_gradient, int accumulate, POOLING_PARAMETERS),
    (output_gradient, positions, input_gradient, accumulate, POOLING))

// One over a window's divisor: all its pixels, or only those inside the image.
DEVICE float window_share(const Pooling& p, int y, int x, int count_padding)
{
    int top = y * p.stride_height - p.padding_height, left = x * p.stride_width - p.padding_width;
    int bottom = top + p.kernel_height < p.height ? top + p.kernel_height : p.height;
    int right = left + p.kernel_width < p.width ? left + p.kernel_width : p.width;
    int inside = (bottom - (top > 0 ? top : 0)) * (right - (left > 0 ? left : 0));
    return 1.0f / (float)(count_padding ? p.kernel_height * p.kernel_width : inside);
}

// output = the mean of each window. Moves: the input read once, the output written.
template <class T, int W> DEVICE void average_pool(const T* input, T* output, int count_padding, Pooling p)
{
    for_each_place<W>(p.images, p.output_height, p.output_width, p.channels, [&](Place at, long long i) {
        int top = at.y * p.stride_height - p.padding_height, left = at.x * p.stride_width - p.padding_width;
        float sum[W] = {};
        for (int y = top > 0 ? top : 0; y < top + p.kernel_height && y < p.height; y++)
        {
            for (int x = left > 0 ? left : 0; x < left + p.kernel_width && x < p.width; x++)
            {
                float v[W];
                load(input + offset_of(at.n, y, x, at.c, p.height, p.width, p.channels), v);
                for (int k = 0; k < W; k++)
                {
                    sum[k] += v[k];
                }
            }
        }

        float share = window_share(p, at.y, at.x, count_padding);
        for (int k = 0; k < W; k++)
        {
            sum[k] *= share;
        }

        store(output + i, sum);
    });
}

EXPORT_PACKED(average_pool, (const T* input, T* output, int count_padding, POOLING_PARAMETERS), (input, output, count_padding, POOLING))

// input_gradient (+)= the sum of the windows' gradients over their divisors. Moves: gradients read, the result written.
template <class T, int W>
DEVICE void average_pool_backward(const T* output_gradient, T* input_gradient, int count_padding, int accumulate, Pooling p)
{
    for_each_place<W>(p.images, p.height, p.width, p.channels, [&](Place at, long long i) {
        float sum[W] = {};
        int last_y = last_window(at.y, p.padding_height, p.stride_height, p.output_height);
        int last_x = last_window(at.x, p.padding_width, p.stride_width, p.output_width);
        for (int y = first_window(at.y, p.padding_height, p.kernel_height, p.stride_height); y <= last_y; y++)
        {
            for (int x = first_window(at.x, p.padding_width, p.kernel_width, p.stride_width); x <= last_x; x++)
            {
                float g[W];
                load(output_gradient + offset_of(at.n, y, x, at.c, p.output_height, p.output_width, p.channels), g);
                float share = window_share(p, y, x, count_padding);
                for (int k = 0; k < W; k++)
                {
                    sum[k] += g[k] * share;
                }
            }
        }

        put(input_gradient + i, sum, accumulate);
    });
}

EXPORT_PACKED(average_pool_backward, (const T* output_gradient, T* input_gradient, int count_padding, int accumulate, POOLING_PARAMETERS),
    (output_gradient, input_gradient, count_padding, accumulate, POOLING))

// Output p of `outputs` averages the positions from floor(p n / outputs) to ceil((p + 1) n / outputs) - 1.
DEVICE int adaptive_start(int p, int n, int outputs) { return (int)((long long)p * n / outputs); }
DEVICE int adaptive_end(int p, int n, int outputs) { return (int)(((long long)(p + 1) * n + outputs - 1) / outputs); }

// output = means over the adaptive windows; output 1 x 1 is the global mean. Moves: the input read once, the output written.
template <class T, int W>
DEVICE void adaptive_average_pool(const T* input, T* output, int images, int height, int width, int channels, int output_height, int output_width)
{
    for_each_place<W>(images, output_height, output_width, channels, [&](Place at, long long i) {
        int top = adaptive_start(at.y, height, output_height), bottom = adaptive_end(at.y, height, output_height);
        int left = adaptive_start(at.x, width, output_width), right = adaptive_end(at.x, width, output_width);
        float sum[W] = {};
        for (int y = top; y < bottom; y++)
        {
            for (int x = left; x < right; x++)
            {
                float v[W];
                load(input + offset_of(at.n, y, x, at.c, height, width, channels), v);
                for (int k = 0; k < W; k++)
                {
                    sum[k] += v[k];
                }
            }
        }

        float share = 1.0f / (float)((bottom - top) * (right - left));
        for (int k = 0; k < W; k++)
        {
            sum[k] *= share;
        }

        store(output + i, sum);
    });
}

EXPORT_PACKED(adaptive_average_pool,
    (const T* input, T* output, int images, int height, int width, int channels, int output_height, int output_width),
    (input, output, images, height, width, channels, output_height, output_width))

// input_gradient (+)= each output's gradient over its window's size. The windows that hold y run from floor(y P / H) to
// ceil((y + 1) P / H) - 1. Moves: gradients read, the result written.
template <class T, int W>
DEVICE void adaptive_average_pool_backward(const T* output_gradient, T* input_gradient, int accumulate, int images, int height, int width,
    int channels, int output_height, int output_width)
{
    for_each_place<W>(images, height, width, channels, [&](Place at, long long i) {
        float sum[W] = {};
        for (int y = adaptive_start(at.y, output_height, height); y < adaptive_end(at.y, output_height, height); y++)
        {
            int rows = adaptive_end(y, height, output_height) - adaptive_start(y, height, output_height);
            for (int x = adaptive_start(at.x, output_width, width); x < adaptive_end(at.x, output_width, width); x++)
            {
                int columns = adaptive_end(x, width, output_width) - adaptive_start(x, width, output_width);
                float share = 1.0f / (float)(rows * columns);
                float g[W];
                load(output_gradient + offset_of(at.n, y, x, at.c, output_height, output_width, channels), g);
                for (int k = 0; k < W; k++)
                {
                    sum[k] += g[k] * share;
                }
            }
        }

        put(input_gradient + i, sum, accumulate);
    });
}

EXPORT_PACKED(adaptive_average_pool_backward,
    (const T* output_gradient, T* input_gradient, int accumulate, int images, int height, int width, int channels, int output_height,
        int output_width),
    (output_gradient, input_gradient, accumulate, images, height, width, channels, output_height, output_width))

// Shortcut A: output[n, y, x, before + c] = input[n, y * stride, x * stride, c], zero in all other channels, where input is
// [images, height, width, channels]; and with `sum` given, output = max(sum + that, 0): the whole end of a residual block in one pass.
// Packs need channels, before and output_channels that all divide by W. Moves: the part of the input that is taken, sum, the output.
template <class T, int W>
DEVICE void pad_subsample(const T* input, const T* sum, T* output, int stride, int before, int images, int height, int width, int channels,
    int output_channels)
{
    int output_height = (height + stride - 1) / stride, output_width = (width + stride - 1) / stride;
    for_each_place<W>(images, output_height, output_width, output_channels, [&](Place at, long long i) {
        float v[W] = {};
        int c = at.c - before;
        if (c >= 0 && c < channels)
        {
            load(input + offset_of(at.n, at.y * stride, at.x * stride, c, height, width, channels), v);
        }

        if (sum)
        {
            float s[W];
            load(sum + i, s);
            for (int k = 0; k < W; k++)
            {
                v[k] = relu_of(v[k] + s[k]);
            }
        }

        store(output + i, v);
    });
}

EXPORT_PACKED(pad_subsample,
    (const T* input, const T* sum, T* output, int stride, int before, int images, int height, int width, int channels, int output_channels),
    (input, sum, output, stride, before, images, height, width, channels, output_channels))

// input_gradient (+)= the gradient where a pixel was taken, zero elsewhere. Moves: the gradient's part read, the result written.
template <class T, int W>
DEVICE void pad_subsample_backward(const T* output_gradient, T* input_gradient, int accumulate, int stride, int before, int images, int height,
    int width, int channels, int output_channels)
{
    int output_height = (height + stride - 1) / stride, output_width = (width + stride - 1) / stride;
    for_each_place<W>(images, height, width, channels, [&](Place at, long long i) {
        float g[W] = {};
        if (at.y % stride == 0 && at.x % stride == 0)
        {
            load(output_gradient
                    + offset_of(at.n, at.y / stride, at.x / stride, at.c + before, output_height, output_width, output_channels), g);
        }

        put(input_gradient + i, g, accumulate);
    });
}

EXPORT_PACKED(pad_subsample_backward,
    (const T* output_gradient, T* input_gradient, int accumulate, int stride, int before, int images, int height, int width, int channels,
        int output_channels),
    (output_gradient, input_gradient, accumulate, stride, before, images, height, width, channels, output_channels))

// =========================================================================================================================
// 8. Loss and metrics. One warp a row, grid rows / 8 rounded up.
// =========================================================================================================================

DEVICE float warp_sum(float v)
{
    for (int distance = WARP / 2; distance > 0; distance /= 2)
    {
        v += __shfl_xor_sync(ALL_LANES, v, distance);
    }

    return v;
}

// The largest element of a row, a NaN only where all are; every lane gets it.
template <class T> DEVICE float warp_max(const T* row, int columns, int lane)
{
    float largest = -__uint_as_float(0x7f800000u);
    for (int k = lane; k < columns; k += WARP)
    {
        largest = fmaxf(largest, to_float(row[k]));
    }

    for (int distance = WARP / 2; distance > 0; distance /= 2)
    {
        largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, distance));
    }

    return largest;
}

// losses[n] = -sum over k of t[k] log softmax(logits[n])[k], with t 1 - smoothing at the label plus smoothing / K everywhere; and,
// where given, gradient = (softmax - t) / N. A label outside 0 .. K - 1 makes the row's loss NaN. Moves: the logits read (again from
// the cache), the gradient written.
template <class T>
DEVICE void softmax_cross_entropy(const T* logits, const int* labels, float smoothing, float* losses, T* gradient, int rows, int classes)
{
    int n = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    int lane = threadIdx.x % WARP;
    if (n >= rows)
    {
        return;
    }

    const T* row = logits + (long long)n * classes;
    int label = labels[n];
    bool is_label = label >= 0 && label < classes;
    float largest = warp_max(row, classes, lane);

    // log sum exp(z - largest) = log(1 + rest), where the rest leaves out one term of exp(0): near 0 it would drown in the 1.
    float rest = 0.0f, ones = 0.0f, total = 0.0f;
    for (int k = lane; k < classes; k += WARP)
    {
        float distance = to_float(row[k]) - largest;
        ones += distance == 0.0f ? 1.0f : 0.0f;
        rest += distance == 0.0f ? 0.0f : expf(distance);
        total += distance;
    }

    rest = warp_sum(rest) + (warp_sum(ones) - 1.0f);
    total = warp_sum(total);
    float log_sum = log1pf(rest);
    if (lane == 0)
    {
        // Targets of zero contribute nothing, even where a logarithm is minus infinity.
        float share = smoothing / (float)classes;
        float loss = smoothing == 0.0f ? 0.0f : share * ((float)classes * log_sum - total);
        if (smoothing < 1.0f)
        {
            loss += (1.0f - smoothing) * (is_label ? log_sum - (to_float(row[label]) - largest) : __uint_as_float(0x7fc00000u));
        }

        losses[n] = loss;
    }

    if (gradient)
    {
        float scale = 1.0f / (float)rows, share = smoothing / (float)classes;
        for (int k = lane; k < classes; k += WARP)
        {
            // At the label p - (1 - s) - share is taken as (p - 1) + s - share, since p is near 1 there once the network is good.
            float log_probability = to_float(row[k]) - largest - log_sum;
            float difference = k == label ? expm1f(log_probability) + smoothing : expf(log_probability);
            gradient[(long long)n * classes + k] = from_float<T>((difference - share) * scale);
        }
    }
}

EXPORT(softmax_cross_entropy,
    (const T* logits, const int* labels, float smoothing, float* losses, T* gradient, int rows, int classes),
    (logits, labels, smoothing, losses, gradient, rows, classes))

// losses[n] = weights[n] * -sum over k of t[k] log softmax(logits[n])[k], with t = (1 - smoothing) * target + smoothing / K; the target is
// probabilities[n][K], or 1 at the label where labels are given; and, where wanted, gradient = weights[n] (softmax * sum of t - t) / N. A label
// outside 0 .. K - 1 makes the row's loss NaN. A warp a row. Moves: the logits and the target read (again from the cache), the gradient
// written.
template <class T>
DEVICE void soft_cross_entropy(const T* logits, const float* probabilities, const int* labels, const float* weights, float smoothing, float* losses,
    T* gradient, int rows, int classes)
{
    int n = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    int lane = threadIdx.x % WARP;
    if (n >= rows)
    {
        return;
    }

    const T* row = logits + (long long)n * classes;
    int label = labels ? labels[n] : 0;
    bool is_label = label >= 0 && label < classes;
    float largest = warp_max(row, classes, lane);

    auto target_of = [&](int k) {
        float target = labels ? (k == label ? 1.0f : 0.0f) : probabilities[(long long)n * classes + k];
        return (1.0f - smoothing) * target + smoothing / (float)classes;
    };

    // log sum exp(z - largest) = log(1 + rest), as above.
    float rest = 0.0f, ones = 0.0f;
    for (int k = lane; k < classes; k += WARP)
    {
        float distance = to_float(row[k]) - largest;
        ones += distance == 0.0f ? 1.0f : 0.0f;
        rest += distance == 0.0f ? 0.0f : expf(distance);
    }

    rest = warp_sum(rest) + (warp_sum(ones) - 1.0f);
    float log_sum = log1pf(rest), total = 0.0f, loss = 0.0f;
    for (int k = lane; k < classes; k += WARP)
    {
        // A target of zero contributes nothing, even where the logarithm is minus infinity.
        float target = target_of(k);
        total += target;
        loss += target == 0.0f ? 0.0f : target * (log_sum - (to_float(row[k]) - largest));
    }

    total = warp_sum(total);
    loss = warp_sum(loss);
    float weight = weights ? weights[n] : 1.0f;
    if (lane == 0)
    {
        losses[n] = weight * (is_label ? loss : __uint_as_float(0x7fc00000u));
    }

    if (gradient)
    {
        float scale = weight / (float)rows;
        for (int k = lane; k < classes; k += WARP)
        {
            // p total - t is taken as (p - 1) total + (total - t) where p is near 1: the network is sure there.
            float log_probability = to_float(row[k]) - largest - log_sum, target = target_of(k);
            float difference = log_probability > -0.5f ? expm1f(log_probability) * total + (total - target) : expf(log_probability) * total - target;
            gradient[(long long)n * classes + k] = from_float<T>(difference * scale);
        }
    }
}

EXPORT(soft_cross_entropy,
    (const T* logits, const float* probabilities, const int* labels, const float* weights, float smoothing, float* losses, T* gradient, int rows,
        int classes),
    (logits, probabilities, labels, weights, smoothing, losses, gradient, rows, classes))

enum Loss
{
    SQUARED,
    ABSOLUTE,
    HUBER,
    BINARY_CROSS_ENTROPY
};

// partials[block] = the sum over the block's elements of weights[i / inner] * loss(input[i], target[i]); and, where wanted, gradient[i] =
// weights[i / inner] * slope / n. Any grid. Moves: the input and the target read, the gradient written.
template <class T>
DEVICE void pointwise_loss(int function, const T* input, const float* target, const float* weights, float delta, float* partials, T* gradient,
    long long n, long long inner)
{
    float sum = 0.0f, count = (float)n;
    long long threads = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads)
    {
        float x = to_float(input[i]), t = target[i], weight = weights ? weights[i / inner] : 1.0f;
        float distance = x - t, loss, slope;
        if (function == SQUARED)
        {
            loss = distance * distance;
            slope = 2.0f * distance;
        }
        else if (function == ABSOLUTE)
        {
            loss = fabsf(distance);
            slope = distance > 0.0f ? 1.0f : distance < 0.0f ? -1.0f : 0.0f;
        }
        else if (function == HUBER)
        {
            slope = distance > delta ? delta : distance < -delta ? -delta : distance;
            loss = slope * (distance - 0.5f * slope);
        }
        else
        {
            loss = relu_of(x) - x * t + log1pf(expf(-fabsf(x)));
            slope = 1.0f / (1.0f + expf(-x)) - t;
        }

        sum += weight * loss;
        if (gradient)
        {
            gradient[i] = from_float<T>(weight * slope / count);
        }
    }

    sum = block_sum(sum);
    if (threadIdx.x == 0)
    {
        partials[blockIdx.x] = sum;
    }
}

EXPORT(pointwise_loss,
    (int function, const T* input, const float* target, const float* weights, float delta, float* partials, T* gradient, long long n, long long inner),
    (function, input, target, weights, delta, partials, gradient, n, inner))

// loss = the sum of all partials / n. One block. Moves: the partials.
EXPORT_ONE(pointwise_loss_finish, (const float* partials, float* loss, int blocks, long long n))
{
    float sum = block_sum(partials, blocks);
    if (threadIdx.x == 0)
    {
        *loss = sum / (float)n;
    }
}
EXPORTED(pointwise_loss_finish)

// loss = the mean of the rows' losses. One block. Moves: the losses.
EXPORT_ONE(mean_loss, (const float* losses, float* loss, int rows))
{
    float sum = block_sum(losses, rows);
    if (threadIdx.x == 0)
    {
        *loss = sum / (float)rows;
    }
}
EXPORTED(mean_loss)

// count += rows in which fewer than k logits rank above the label's: greater ones, and equal ones of a lower index. A row with a NaN, or
// whose label is none, counts as wrong. The caller clears count. Moves: the logits.
template <class T> DEVICE void top_k_count(const T* logits, const int* labels, int k, int* count, int rows, int classes)
{
    int n = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    int lane = threadIdx.x % WARP;
    if (n >= rows)
    {
        return;
    }

    const T* row = logits + (long long)n * classes;
    int label = labels[n];
    bool is_label = label >= 0 && label < classes;
    float own = is_label ? to_float(row[label]) : 0.0f;
    int above = 0, wrong = 0;
    for (int i = lane; i < classes; i += WARP)
    {
        float v = to_float(row[i]);
        wrong |= v != v;
        above += v > own || (v == own && i < label) ? 1 : 0;
    }

    for (int distance = WARP / 2; distance > 0; distance /= 2)
    {
        above += __shfl_xor_sync(ALL_LANES, above, distance);
        wrong |= __shfl_xor_sync(ALL_LANES, wrong, distance);
    }

    if (lane == 0 && is_label && !wrong && above < k)
    {
        atomicAdd(count, 1);
    }
}

EXPORT(top_k_count, (const T* logits, const int* labels, int k, int* count, int rows, int classes), (logits, labels, k, count, rows, classes))

// output[n] = the index of the row's largest element, the first of equals. Moves: the input.
template <class T> DEVICE void arg_max(const T* input, int* output, int rows, int columns)
{
    int n = (blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    int lane = threadIdx.x % WARP;
    if (n >= rows)
    {
        return;
    }

    const T* row = input + (long long)n * columns;
    float best = to_float(row[0]);
    int index = 0;
    for (int i = lane; i < columns; i += WARP)
    {
        float v = to_float(row[i]);
        if (v > best)
        {
            best = v;
            index = i;
        }
    }

    for (int distance = WARP / 2; distance > 0; distance /= 2)
    {
        float v = __shfl_xor_sync(ALL_LANES, best, distance);
        int i = __shfl_xor_sync(ALL_LANES, index, distance);
        if (v > best || (v == best && i < index))
        {
            best = v;
            index = i;
        }
    }

    if (lane == 0)
    {
        output[n] = index;
    }
}

EXPORT(arg_max, (const T* input, int* output, int rows, int columns), (input, output, rows, columns))

// =========================================================================================================================
// 9. Statistics of whole tensors: sum, mean, biased variance, norm, how many elements are not finite
// =========================================================================================================================

#define STATISTICS 5

// A tensor whose statistics are wanted.
struct Observed
{
    const void* data;
    long long count;
    int is_bf16;
    int padding;
};

// What one block finds: six numbers, partials[6].
template <class T> DEVICE void statistics_of(const T* input, long long n, float* partials)
{
    float count = 0.0f, shift = 0.0f, distances = 0.0f, squared_distances = 0.0f, sum = 0.0f, squares = 0.0f, not_finite = 0.0f;
    for_each_pack<T>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        load(input + i, v);
        shift = count == 0.0f ? v[0] : shift;
        for (int k = 0; k < decltype(width)::value; k++)
        {
            float distance = v[k] - shift;
            distances += distance;
            squared_distances += distance * distance;
            sum += v[k];
            squares += v[k] * v[k];
            not_finite += is_finite(v[k]) ? 0.0f : 1.0f;
        }

        count += (float)decltype(width)::value;
    });
    Moments total = block_merge(moments_of(count, shift, distances, squared_distances));
    sum = block_sum(sum);
    squares = block_sum(squares);
    not_finite = block_sum(not_finite);
    if (threadIdx.x == 0)
    {
        partials[0] = total.count;
        partials[1] = total.mean;
        partials[2] = total.squares;
        partials[3] = sum;
        partials[4] = squares;
        partials[5] = not_finite;
    }
}

// The statistics of many tensors in one launch, first stage: grid (blocks, tensors); partials[tensor][block][6]. Moves: all read once.
EXPORT_ONE(statistics, (const Observed* tensors, float* partials))
{
    const Observed tensor = tensors[blockIdx.y];
    float* target = partials + ((long long)blockIdx.y * gridDim.x + blockIdx.x) * 6;
    if (tensor.is_bf16)
    {
        statistics_of((const bf16*)tensor.data, tensor.count, target);
    }
    else
    {
        statistics_of((const float*)tensor.data, tensor.count, target);
    }
}
EXPORTED(statistics)

// The same for one tensor. Grid (blocks). Moves: all read once.
template <class T> DEVICE void reduce(const T* input, long long n, float* partials) { statistics_of(input, n, partials + (long long)blockIdx.x * 6); }

EXPORT(reduce, (const T* input, long long n, float* partials), (input, n, partials))

// The second stage, one block a tensor, grid (tensors): output[tensor][sum, mean, variance, norm, not finite]; or, where `which` is one
// of 0 .. 4, only that number, as output[tensor].
template <class T> DEVICE void statistics_finish(const float* partials, int blocks, int which, T* output)
{
    const float* source = partials + (long long)blockIdx.x * blocks * 6;
    Moments total = {};
    float sum = 0.0f, squares = 0.0f, not_finite = 0.0f;
    for (int b = threadIdx.x; b < blocks; b += blockDim.x)
    {
        Moments part;
        part.count = source[b * 6];
        part.mean = source[b * 6 + 1];
        part.squares = source[b * 6 + 2];
        total = merge(total, part);
        sum += source[b * 6 + 3];
        squares += source[b * 6 + 4];
        not_finite += source[b * 6 + 5];
    }

    total = block_merge(total);
    sum = block_sum(sum);
    squares = block_sum(squares);
    not_finite = block_sum(not_finite);
    if (threadIdx.x == 0)
    {
        float numbers[STATISTICS] = {sum, sum / total.count, total.squares / total.count, sqrtf(squares), not_finite};
        for (int i = 0; i < STATISTICS; i++)
        {
            if (which < 0)
            {
                output[blockIdx.x * STATISTICS + i] = from_float<T>(numbers[i]);
            }
            else if (which == i)
            {
                output[blockIdx.x] = from_float<T>(numbers[i]);
            }
        }
    }
}

EXPORT(statistics_finish, (const float* partials, int blocks, int which, T* output), (partials, blocks, which, output))

// =========================================================================================================================
// 10. Optimizers: all parameters in one launch
// =========================================================================================================================

// One parameter of a step. A block updates a chunk of 2,048 elements; `first_chunk` is the number of chunks of the parameters before.
struct ParameterUpdate
{
    float* value;
    const float* gradient;
    float* first;
    float* second;
    bf16* shadow;
    long long count;
    float weight_decay;
    float rate_factor;
    int first_chunk;
    int padding;
};

#define UPDATE_CHUNK 2048
#define MAX_VALUES 8

// values[0 .. count - 1] = v0, v1, ...: settings live on the device, so that a recorded graph can be replayed with others. One block.
EXPORT_ONE(set_values, (float* values, int count, float v0, float v1, float v2, float v3, float v4, float v5, float v6, float v7))
{
    float all[MAX_VALUES] = {v0, v1, v2, v3, v4, v5, v6, v7};
    for (int i = 0; i < MAX_VALUES; i++)
    {
        if ((int)threadIdx.x == i && blockIdx.x == 0 && i < count)
        {
            values[i] = all[i];
        }
    }
}
EXPORTED(set_values)

// Calls update(parameter, width, index) for every element of this block's chunk, in packs of four and the rest one by one. A block finds
// its parameter by bisection.
template <class F> DEVICE void for_each_update(const ParameterUpdate* parameters, int count, F update)
{
    int low = 0, high = count - 1;
    while (low < high)
    {
        int middle = (low + high + 1) / 2;
        if (parameters[middle].first_chunk <= (int)blockIdx.x)
        {
            low = middle;
        }
        else
        {
            high = middle - 1;
        }
    }

    ParameterUpdate p = parameters[low];
    p.value = in_global_memory(p.value);
    p.gradient = in_global_memory(p.gradient);
    p.first = in_global_memory(p.first);
    p.second = in_global_memory(p.second);
    p.shadow = in_global_memory(p.shadow);
    long long start = (long long)((int)blockIdx.x - p.first_chunk) * UPDATE_CHUNK;
    long long end = start + UPDATE_CHUNK < p.count ? start + UPDATE_CHUNK : p.count;
    long long packed = start + (end - start) / 4 * 4;
    for (long long i = start + threadIdx.x * 4; i < packed; i += THREADS * 4)
    {
        update(p, Size<4>(), i);
    }

    for (long long i = packed + threadIdx.x; i < end; i += THREADS)
    {
        update(p, Size<1>(), i);
    }
}

template <int W> DEVICE void store_weights(const ParameterUpdate& p, long long i, const float (&w)[W])
{
    store(p.value + i, w);
    if (p.shadow)
    {
        store(p.shadow + i, w);
    }
}

// Stochastic gradient descent, for every element: d = gradient + weight_decay * value; first = momentum * first + d; value -= rate *
// (nesterov ? d + momentum * first : first); and shadow, where given, the new value as bf16, which spares the next forward pass a cast.
// settings: rate, momentum, nesterov. Grid: all chunks. Moves: 3 n read, 2 n written, and the shadow.
EXPORT_ONE(sgd_step, (const ParameterUpdate* parameters, int count, const float* settings))
{
    float rate = settings[0], momentum = settings[1];
    bool nesterov = settings[2] != 0.0f;
    for_each_update(parameters, count, [&](const ParameterUpdate& p, auto width, long long i) {
        constexpr int W = decltype(width)::value;
        float w[W], d[W], v[W] = {};
        load(p.value + i, w);
        load(p.gradient + i, d);
        if (p.first)
        {
            load(p.first + i, v);
        }

        for (int k = 0; k < W; k++)
        {
            d[k] += p.weight_decay * w[k];
            v[k] = momentum * v[k] + d[k];
            w[k] -= rate * p.rate_factor * (nesterov ? d[k] + momentum * v[k] : v[k]);
        }

        if (p.first)
        {
            store(p.first + i, v);
        }

        store_weights(p, i, w);
    });
}
EXPORTED(sgd_step)

// AdamW, for every element: first = beta1 * first + (1 - beta1) * gradient; second = beta2 * second + (1 - beta2) * gradient^2; value -=
// rate * weight_decay * value + step_size * first / (sqrt(second) / root_of_correction2 + epsilon); and the shadow. settings: rate,
// step_size, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, root_of_correction2. Grid: all chunks. Moves: 4 n read, 3 n written, and the
// shadow.
EXPORT_ONE(adamw_step, (const ParameterUpdate* parameters, int count, const float* settings))
{
    float rate = settings[0], step_size = settings[1], beta1 = settings[2], rest1 = settings[3], beta2 = settings[4], rest2 = settings[5];
    float epsilon = settings[6], root = settings[7];
    for_each_update(parameters, count, [&](const ParameterUpdate& p, auto width, long long i) {
        constexpr int W = decltype(width)::value;
        float w[W], g[W], m[W], v[W];
        load(p.value + i, w);
        load(p.gradient + i, g);
        load(p.first + i, m);
        load(p.second + i, v);
        for (int k = 0; k < W; k++)
        {
            m[k] = beta1 * m[k] + rest1 * g[k];
            v[k] = beta2 * v[k] + rest2 * g[k] * g[k];
            w[k] -= rate * p.rate_factor * p.weight_decay * w[k];
            w[k] -= step_size * p.rate_factor * (m[k] / (sqrtf(v[k]) / root + epsilon));
        }

        store(p.first + i, m);
        store(p.second + i, v);
        store_weights(p, i, w);
    });
}
EXPORTED(adamw_step)

// Moving averages: value += settings[0] * (gradient - value), where gradient stands for the weight that is followed; and the shadow. Grid:
// all chunks. Moves: 2 n read, n written, and the shadow.
EXPORT_ONE(move_averages, (const ParameterUpdate* parameters, int count, const float* settings))
{
    float step = settings[0];
    for_each_update(parameters, count, [&](const ParameterUpdate& p, auto width, long long i) {
        constexpr int W = decltype(width)::value;
        float a[W], w[W];
        load(p.value + i, a);
        load(p.gradient + i, w);
        for (int k = 0; k < W; k++)
        {
            a[k] += step * (w[k] - a[k]);
        }

        store_weights(p, i, a);
    });
}
EXPORTED(move_averages)

// The sum of the squares of a chunk of gradients, which stand in the table as values: partials[chunk]. Grid: all chunks. Moves: n read.
EXPORT_ONE(squared_norms, (const ParameterUpdate* gradients, int count, float* partials))
{
    float sum = 0.0f;
    for_each_update(gradients, count, [&](const ParameterUpdate& p, auto width, long long i) {
        constexpr int W = decltype(width)::value;
        float g[W];
        load(p.value + i, g);
        for (int k = 0; k < W; k++)
        {
            sum += g[k] * g[k];
        }
    });
    sum = block_sum(sum);
    if (threadIdx.x == 0)
    {
        partials[blockIdx.x] = sum;
    }
}
EXPORTED(squared_norms)

// norm = sqrt of the sum of all partials. One block.
EXPORT_ONE(gradient_norm, (const float* partials, int chunks, float* norm))
{
    float sum = block_sum(partials, chunks);
    if (threadIdx.x == 0 && blockIdx.x == 0)
    {
        norm[0] = sqrtf(sum);
    }
}
EXPORTED(gradient_norm)

// gradient *= min(1, maximum / (norm + 1e-6)); all become NaN where the norm is. The gradients stand in the table as values. Grid: all chunks.
// Moves: n read, n written.
EXPORT_ONE(clip_by_norm, (const ParameterUpdate* gradients, int count, const float* norm, float maximum))
{
    float factor = maximum / (norm[0] + 1e-6f);
    factor = factor > 1.0f ? 1.0f : factor;
    for_each_update(gradients, count, [&](const ParameterUpdate& p, auto width, long long i) {
        constexpr int W = decltype(width)::value;
        float g[W];
        load(p.value + i, g);
        for (int k = 0; k < W; k++)
        {
            g[k] *= factor;
        }

        store(p.value + i, g);
    });
}
EXPORTED(clip_by_norm)

// gradient = min(max(gradient, -limit), limit); a NaN stays one. The gradients stand in the table as values. Grid: all chunks. Moves: n read,
// n written.
EXPORT_ONE(clip_by_value, (const ParameterUpdate* gradients, int count, float limit))
{
    for_each_update(gradients, count, [&](const ParameterUpdate& p, auto width, long long i) {
        constexpr int W = decltype(width)::value;
        float g[W];
        load(p.value + i, g);
        for (int k = 0; k < W; k++)
        {
            g[k] = g[k] > limit ? limit : g[k] < -limit ? -limit : g[k];
        }

        store(p.value + i, g);
    });
}
EXPORTED(clip_by_value)

// =========================================================================================================================
// 11. Direct convolutions: plain loops, right for every geometry, and far slower than cuDNN's. They compute the few convolutions that
//     cuDNN has no kernel for, and samples of all others, by which cuDNN's kernels are checked before they are used.
// =========================================================================================================================

// Activations [images, height, width, channels], filter [filters, kernel_height, kernel_width, channels / groups]. The order is that of
// the kernels' parameters.
struct Convolution
{
    int images, height, width, channels, filters, kernel_height, kernel_width, output_height, output_width;
    int stride_height, stride_width, padding_height, padding_width, dilation_height, dilation_width, groups;
};

#define CONVOLUTION_PARAMETERS                                                                                                 \
    int images, int height, int width, int channels, int filters, int kernel_height, int kernel_width, int output_height,      \
        int output_width, int stride_height, int stride_width, int padding_height, int padding_width, int dilation_height,    \
        int dilation_width, int groups
#define CONVOLUTION                                                                                                            \
    Convolution { images, height, width, channels, filters, kernel_height, kernel_width, output_height, output_width,          \
        stride_height, stride_width, padding_height, padding_width, dilation_height, dilation_width, groups }

// Where a filter's tap lies.
DEVICE long long tap_of(const Convolution& p, int k, int r, int s)
{
    return (((long long)k * p.kernel_height + r) * p.kernel_width + s) * (p.channels / p.groups);
}

// The places of a convolution's result: where the loops below compute one element.
DEVICE Place place_of(long long element, int height, int width, int channels)
{
    long long pixel = element / channels, row = pixel / width;
    return Place{(int)(row / height), (int)(row % height), (int)(pixel % width), (int)(element % channels)};
}

// A convolution of few channels that moves by 2 is one that moves by 1 over squares of 2 x 2 pixels, taken for one pixel of four times
// the channels: 7x7 by 2 over 3 channels is 4x4 by 1 over 12, the same products in sum, and what tensor cores take. The filter gets a row
// and a column of zeros in front where the padding is odd, and behind it where its extent then is.
struct Folding
{
    int images, height, width, channels, folded_height, folded_width, folded_channels, shift_y, shift_x;
};

#define FOLDING_PARAMETERS \
    int images, int height, int width, int channels, int folded_height, int folded_width, int folded_channels, int shift_y, int shift_x
#define FOLDING \
    Folding { images, height, width, channels, folded_height, folded_width, folded_channels, shift_y, shift_x }

// output[n][u][v][(2 by + bx) * channels + c] = input[n][2 u + by - shift_y][2 v + bx - shift_x][c], zero outside of the image and in the
// channels behind the last square's: images with their padding, and filters. Any grid. Moves: all read once, written once.
template <class T, int W> DEVICE void fold_pixels(const T* input, T* output, Folding f)
{
    for_each_place<W>(f.images, f.folded_height, f.folded_width, f.folded_channels, [&](Place at, long long i) {
        float v[W];
        int place = at.c / f.channels, c = at.c - place * f.channels;
        for (int k = 0; k < W; k++)
        {
            int y = 2 * at.y + (place >> 1) - f.shift_y, x = 2 * at.x + (place & 1) - f.shift_x;
            bool is_inside = place < 4 && y >= 0 && y < f.height && x >= 0 && x < f.width;
            v[k] = is_inside ? to_float(input[(((long long)at.n * f.height + y) * f.width + x) * f.channels + c]) : 0.0f;
            c++;
            if (c == f.channels)
            {
                c = 0;
                place++;
            }
        }

        store(output + i, v);
    });
}

EXPORT_PACK(fold_pixels, (const T* input, T* output, FOLDING_PARAMETERS), (input, output, FOLDING))

// output (+)= a folded filter's gradient in the filter's own order, in floats. Any grid. Moves: all read once, the result written.
template <class T> DEVICE void unfold_filter(const T* input, float* output, int accumulate, Folding f)
{
    for_each_place<1>(f.images, f.height, f.width, f.channels, [&](Place at, long long i) {
        int y = at.y + f.shift_y, x = at.x + f.shift_x, c = (2 * (y & 1) + (x & 1)) * f.channels + at.c;
        float v[1];
        load(input + (((long long)at.n * f.folded_height + (y >> 1)) * f.folded_width + (x >> 1)) * f.folded_channels + c, v);
        put(output + i, v, accumulate);
    });
}

EXPORT(unfold_filter, (const T* input, float* output, int accumulate, FOLDING_PARAMETERS), (input, output, accumulate, FOLDING))

// Calls term(input, filter) for every pair whose products are summed in output[n, y, x, c].
template <class T, class F> DEVICE void for_each_forward_term(const T* input, const T* filter, const Convolution& p, Place at, F term)
{
    int depth = p.channels / p.groups;
    int first = at.c / (p.filters / p.groups) * depth;
    for (int r = 0; r < p.kernel_height; r++)
    {
        int y = at.y * p.stride_height - p.padding_height + r * p.dilation_height;
        for (int s = 0; s < p.kernel_width; s++)
        {
            int x = at.x * p.stride_width - p.padding_width + s * p.dilation_width;
            if (y < 0 || y >= p.height || x < 0 || x >= p.width)
            {
                continue;
            }

            const T* pixel = input + offset_of(at.n, y, x, first, p.height, p.width, p.channels);
            const T* tap = filter + tap_of(p, at.c, r, s);
            for (int c = 0; c < depth; c++)
            {
                term(to_float(pixel[c]), to_float(tap[c]));
            }
        }
    }
}

// output[n, p, q, k] = the sum over taps and over the channels of k's group of input * filter. One thread an output element, any grid.
template <class T> DEVICE void convolution_forward(const T* input, const T* filter, T* output, Convolution p)
{
    for_each_place<1>(p.images, p.output_height, p.output_width, p.filters, [&](Place at, long long i) {
        float sum = 0.0f;
        for_each_forward_term(input, filter, p, at, [&](float a, float b) { sum += a * b; });
        output[i] = from_float<T>(sum);
    });
}

EXPORT(convolution_forward, (const T* input, const T* filter, T* output, CONVOLUTION_PARAMETERS), (input, filter, output, CONVOLUTION))

// The position of the window whose given tap lies on a position, or -1 where there is none.
DEVICE int window_of(int position, int padding, int tap, int dilation, int stride, int windows)
{
    int reach = position + padding - tap * dilation;
    return reach >= 0 && reach % stride == 0 && reach / stride < windows ? reach / stride : -1;
}

// Calls term(output_gradient, filter) for every pair whose products are summed in input_gradient[n, y, x, c].
template <class T, class F> DEVICE void for_each_data_term(const T* output_gradient, const T* filter, const Convolution& p, Place at, F term)
{
    int depth = p.channels / p.groups, group_filters = p.filters / p.groups;
    int first = at.c / depth * group_filters;
    for (int r = 0; r < p.kernel_height; r++)
    {
        int y = window_of(at.y, p.padding_height, r, p.dilation_height, p.stride_height, p.output_height);
        for (int s = 0; s < p.kernel_width; s++)
        {
            int x = window_of(at.x, p.padding_width, s, p.dilation_width, p.stride_width, p.output_width);
            if (y < 0 || x < 0)
            {
                continue;
            }

            const T* gradient = output_gradient + offset_of(at.n, y, x, first, p.output_height, p.output_width, p.filters);
            for (int k = 0; k < group_filters; k++)
            {
                term(to_float(gradient[k]), to_float(filter[tap_of(p, first + k, r, s) + at.c % depth]));
            }
        }
    }
}

// input_gradient (+)= the sum over the windows that hold this element and over its group's filters. One thread an element, any grid.
template <class T> DEVICE void convolution_backward_data(const T* output_gradient, const T* filter, T* input_gradient, int accumulate, Convolution p)
{
    for_each_place<1>(p.images, p.height, p.width, p.channels, [&](Place at, long long i) {
        float sum[1] = {};
        for_each_data_term(output_gradient, filter, p, at, [&](float a, float b) { sum[0] += a * b; });
        put(input_gradient + i, sum, accumulate);
    });
}

EXPORT(convolution_backward_data, (const T* output_gradient, const T* filter, T* input_gradient, int accumulate, CONVOLUTION_PARAMETERS),
    (output_gradient, filter, input_gradient, accumulate, CONVOLUTION))

// Calls term(input, output_gradient) for those pairs whose products are summed in an element of the filter's gradient that are the
// lane's of a warp: every 32nd window.
template <class T, class F> DEVICE void for_each_filter_term(
    const T* input, const T* output_gradient, const Convolution& p, long long element, int lane, F term)
{
    int depth = p.channels / p.groups;
    long long tap = element / depth, windows = (long long)p.images * p.output_height * p.output_width;
    int s = (int)(tap % p.kernel_width), r = (int)(tap / p.kernel_width % p.kernel_height), k = (int)(tap / p.kernel_width / p.kernel_height);
    int c = k / (p.filters / p.groups) * depth + (int)(element % depth);
    for (long long i = lane; i < windows; i += WARP)
    {
        long long row = i / p.output_width;
        int y = (int)(row % p.output_height) * p.stride_height - p.padding_height + r * p.dilation_height;
        int x = (int)(i % p.output_width) * p.stride_width - p.padding_width + s * p.dilation_width;
        if (y >= 0 && y < p.height && x >= 0 && x < p.width)
        {
            term(
                to_float(input[offset_of((int)(row / p.output_height), y, x, c, p.height, p.width, p.channels)]),
                to_float(output_gradient[i * p.filters + k]));
        }
    }
}

// filter_gradient (+)= the sum over all windows of the input under this tap * output_gradient. One warp a filter element, any grid.
template <class T> DEVICE void convolution_backward_filter(const T* input, const T* output_gradient, T* filter_gradient, int accumulate, Convolution p)
{
    int lane = threadIdx.x % WARP;
    long long elements = tap_of(p, p.filters, 0, 0);
    for (long long e = ((long long)blockIdx.x * blockDim.x + threadIdx.x) / WARP; e < elements; e += (long long)gridDim.x * blockDim.x / WARP)
    {
        float sum[1] = {};
        for_each_filter_term(input, output_gradient, p, e, lane, [&](float a, float b) { sum[0] += a * b; });
        sum[0] = warp_sum(sum[0]);
        if (lane == 0)
        {
            put(filter_gradient + e, sum, accumulate);
        }
    }
}

EXPORT(convolution_backward_filter, (const T* input, const T* output_gradient, T* filter_gradient, int accumulate, CONVOLUTION_PARAMETERS),
    (input, output_gradient, filter_gradient, accumulate, CONVOLUTION))

// ---- Samples: what a kernel of cuDNN's should have computed, and what it did --------------------------------------------------

// Spreads a number's bits (the finalizer of MurmurHash3, in 32 bits), for places and values that follow no pattern.
DEVICE unsigned scatter(unsigned value)
{
    value = (value ^ (value >> 16)) * 0x85ebca6bu;
    value = (value ^ (value >> 13)) * 0xc2b2ae35u;
    return value ^ (value >> 16);
}

// The element that a sample is of: one somewhere in each of as many equal stretches, but the very first and the very last are among them.
DEVICE long long sampled_element(int sample, int samples, long long elements)
{
    long long stretch = elements / samples;
    return sample == 0 ? 0 : sample == samples - 1 ? elements - 1 : sample * stretch + scatter((unsigned)sample) % stretch;
}

// A sample: what its element should be (sum, added to what was there before), what it is, and the sum of the absolute products, by
// which rounding errors are measured. Three floats.
template <class T> DEVICE void put_sample(float* samples, int sample, float before, float sum, float magnitude, T result)
{
    samples[3 * sample] = before + sum;
    samples[3 * sample + 1] = to_float(result);
    samples[3 * sample + 2] = fabsf(before) + magnitude;
}

// One thread a sample, any grid. There are at most as many samples as elements.
template <class T> DEVICE void convolution_forward_samples(
    const T* input, const T* filter, const T* output, float* samples, int count, float before, Convolution p)
{
    long long elements = (long long)p.images * p.output_height * p.output_width * p.filters;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
    {
        long long element = sampled_element(i, count, elements);
        float sum = 0.0f, magnitude = 0.0f;
        for_each_forward_term(input, filter, p, place_of(element, p.output_height, p.output_width, p.filters), [&](float a, float b) {
            sum += a * b;
            magnitude += fabsf(a * b);
        });
        put_sample(samples, i, before, sum, magnitude, output[element]);
    }
}

EXPORT(convolution_forward_samples, (const T* input, const T* filter, const T* output, float* samples, int count, float before, CONVOLUTION_PARAMETERS),
    (input, filter, output, samples, count, before, CONVOLUTION))

// One thread a sample, any grid.
template <class T>
DEVICE void convolution_backward_data_samples(
    const T* output_gradient, const T* filter, const T* input_gradient, float* samples, int count, float before, Convolution p)
{
    long long elements = (long long)p.images * p.height * p.width * p.channels;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
    {
        long long element = sampled_element(i, count, elements);
        float sum = 0.0f, magnitude = 0.0f;
        for_each_data_term(output_gradient, filter, p, place_of(element, p.height, p.width, p.channels), [&](float a, float b) {
            sum += a * b;
            magnitude += fabsf(a * b);
        });
        put_sample(samples, i, before, sum, magnitude, input_gradient[element]);
    }
}

EXPORT(convolution_backward_data_samples,
    (const T* output_gradient, const T* filter, const T* input_gradient, float* samples, int count, float before, CONVOLUTION_PARAMETERS),
    (output_gradient, filter, input_gradient, samples, count, before, CONVOLUTION))

// One warp a sample, any grid.
template <class T>
DEVICE void convolution_backward_filter_samples(
    const T* input, const T* output_gradient, const T* filter_gradient, float* samples, int count, float before, Convolution p)
{
    int lane = threadIdx.x % WARP;
    long long elements = tap_of(p, p.filters, 0, 0);
    for (int i = (int)((blockIdx.x * blockDim.x + threadIdx.x) / WARP); i < count; i += (int)(gridDim.x * blockDim.x / WARP))
    {
        long long element = sampled_element(i, count, elements);
        float sum = 0.0f, magnitude = 0.0f;
        for_each_filter_term(input, output_gradient, p, element, lane, [&](float a, float b) {
            sum += a * b;
            magnitude += fabsf(a * b);
        });
        sum = warp_sum(sum);
        magnitude = warp_sum(magnitude);
        if (lane == 0)
        {
            put_sample(samples, i, before, sum, magnitude, filter_gradient[element]);
        }
    }
}

EXPORT(convolution_backward_filter_samples,
    (const T* input, const T* output_gradient, const T* filter_gradient, float* samples, int count, float before, CONVOLUTION_PARAMETERS),
    (input, output_gradient, filter_gradient, samples, count, before, CONVOLUTION))

// output[i] = a value between -1 and 1 that follows no pattern: operands for a check where the program's own are all zeros.
template <class T> DEVICE void test_values(T* output, long long n, int seed)
{
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
    {
        output[i] = from_float<T>((float)(scatter((unsigned)i * 2654435761u + (unsigned)seed) >> 8) * (1.0f / 8388608.0f) - 1.0f);
    }
}

EXPORT(test_values, (T* output, long long n, int seed), (output, n, seed))

// Keeps the stream busy for so long that the host can queue behind it what is to be timed, and no gap between launches is timed with it.
// One thread.
EXPORT_ONE(hold, (long long nanoseconds))
{
#if defined(__CUDA_ARCH__)
    long long begin, now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begin));
    do
    {
        asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    } while (now - begin < nanoseconds);
#else
    (void)nanoseconds;
#endif
}
EXPORTED(hold)

// =========================================================================================================================
// 12. Tensor algebra: functions of one and two tensors, with broadcasting; reductions over axes, strided copies, gathering, softmax
//
// Tensors here have fewer than 2^31 elements, so that places are computed in 32 bits. Functions are numbered as the enumerations of
// Engine.Devices are. =========================================================================================================================

enum UnaryFunction { EXP, LOG, SQRT, TANH, ABS, SHIFT, DIVIDE_BY, DIVIDE_INTO, POWER, POWER_OF, AT_LEAST, GELU, GELU_TANH };

DEVICE float larger_of(float a, float b) { return a > b || a != a ? a : b; }

// The standard normal distribution, where bell = exp(-x^2 / 2): as in NormalCurve of the CPU device, which says where the polynomial is from.
// It keeps the digits of small values, and shares its exponential with the density.
DEVICE float normal_below(float x, float bell)
{
    float t = 1.0f / (1.0f + 0.26f * fabsf(x)), p = 0.030504865f;
    p = p * t - 0.152828748f;
    p = p * t + 0.251491165f;
    p = p * t - 0.150948850f;
    p = p * t + 0.160947787f;
    p = p * t + 0.051027711f;
    p = p * t + 0.103030245f;
    p = p * t + 0.103016752f;
    p = p * t + 0.103759060f;
    float tail = bell * (p * t);
    return x > 0.0f ? 1.0f - tail : tail;
}

DEVICE float gelu(float x) { return x * normal_below(x, expf(-0.5f * x * x)); }

DEVICE float gelu_slope(float x)
{
    float bell = expf(-0.5f * x * x);
    return normal_below(x, bell) + x * (0.39894228f * bell);
}

// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)) with u = sqrt(2 / pi) (x + 0.044715 x^3).
DEVICE float gelu_gate(float x) { return 1.0f / (1.0f + expf(-1.59576912f * (x + 0.044715f * x * x * x))); }

DEVICE float gelu_tanh_slope(float x)
{
    float gate = gelu_gate(x);
    return gate + x * gate * (1.0f - gate) * 1.59576912f * (1.0f + 0.134145f * x * x);
}

DEVICE float unary_value(int function, float x, float p)
{
    switch (function)
    {
        case EXP: return expf(x);
        case LOG: return logf(x);
        case SQRT: return sqrtf(x);
        case TANH: return tanhf(x);
        case ABS: return fabsf(x);
        case SHIFT: return x + p;
        case DIVIDE_BY: return x / p;
        case DIVIDE_INTO: return p / x;
        case POWER: return powf(x, p);
        case POWER_OF: return powf(p, x);
        case AT_LEAST: return larger_of(x, p);
        case GELU: return gelu(x);
        default: return x * gelu_gate(x);
    }
}

// dy times the slope, s being the output of exp, sqrt, tanh and p^x, else the input.
DEVICE float unary_gradient(int function, float dy, float s, float p)
{
    switch (function)
    {
        case EXP: return dy * s;
        case LOG: return dy / s;
        case SQRT: return dy / (2.0f * s);
        case TANH: return dy * (1.0f - s * s);
        case ABS: return s > 0.0f ? dy : s < 0.0f ? -dy : 0.0f;
        case SHIFT: return dy;
        case DIVIDE_BY: return dy / p;
        case DIVIDE_INTO: return -dy * (p / s / s);
        case POWER: return p == 0.0f ? 0.0f : dy * (p * powf(s, p - 1.0f));
        case POWER_OF: return p == 0.0f && !(s > 3.402823466e38f) ? 0.0f : dy * (s * logf(p));
        case AT_LEAST: return s >= p ? dy : 0.0f;
        case GELU: return dy * gelu_slope(s);
        default: return dy * gelu_tanh_slope(s);
    }
}

// output = function(input, parameter). Any grid. Moves: n read, n written.
template <class T> DEVICE void unary(const T* input, int function, float parameter, T* output, long long n)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float v[decltype(width)::value];
        load(input + i, v);
        for (int k = 0; k < decltype(width)::value; k++)
        {
            v[k] = unary_value(function, v[k], parameter);
        }

        store(output + i, v);
    });
}

EXPORT(unary, (const T* input, int function, float parameter, T* output, long long n), (input, function, parameter, output, n))

// input_gradient (+)= output_gradient times the slope; saved is null for functions whose slope is the same everywhere. Any grid.
// Moves: 2 n read, n written.
template <class T>
DEVICE void unary_backward(const T* output_gradient, const T* saved, int function, float parameter, T* input_gradient, long long n, int accumulate)
{
    for_each_pack<T>(n, [&](auto width, long long i) {
        float g[decltype(width)::value], s[decltype(width)::value];
        load(output_gradient + i, g);
        if (saved)
        {
            load(saved + i, s);
        }

        for (int k = 0; k < decltype(width)::value; k++)
        {
            g[k] = unary_gradient(function, g[k], saved ? s[k] : 0.0f, parameter);
        }

        put(input_gradient + i, g, accumulate);
    });
}

EXPORT(unary_backward,
    (const T* output_gradient, const T* saved, int function, float parameter, T* input_gradient, long long n, int accumulate),
    (output_gradient, saved, function, parameter, input_gradient, n, accumulate))

// Engine.Devices.StridedLoop: four nested loops over up to four tensors, the innermost one last.
struct StridedLoop
{
    int extents[4];
    int strides[16];
    int starts[4];
    int count;
};

// Where each of N tensors stands at the loops' step i.
template <int N> DEVICE void loop_places(const StridedLoop& loop, unsigned int i, int (&at)[N])
{
    unsigned int last = i, i0 = 0, i1 = 0, i2 = 0;
    if (loop.count != loop.extents[3])
    {
        unsigned int row = i / loop.extents[3], plane = row / loop.extents[2];
        last = i - row * loop.extents[3];
        i2 = row - plane * loop.extents[2];
        i0 = plane / loop.extents[1];
        i1 = plane - i0 * loop.extents[1];
    }

    for (int t = 0; t < N; t++)
    {
        const int* stride = loop.strides + 4 * t;
        at[t] = loop.starts[t] + (int)i0 * stride[0] + (int)i1 * stride[1] + (int)i2 * stride[2] + (int)last * stride[3];
    }
}

enum BinaryFunction { ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER_BOTH, MAXIMUM, GREATER, EQUAL };
constexpr int CHOOSE = 8, GRADIENTS = 16;

// Functions 0 to 7 are those of a and b; 8 chooses between b and c; 16 + 2 f is the slope of f by its left input, 17 + 2 f by its right
// one, times a: the left input is b there and the right one c.
DEVICE float broadcast_value(int function, float a, float b, float c)
{
    switch (function)
    {
        case ADD: return a + b;
        case SUBTRACT: return a - b;
        case MULTIPLY: return a * b;
        case DIVIDE: return a / b;
        case POWER_BOTH: return powf(a, b);
        case MAXIMUM: return larger_of(a, b);
        case GREATER: return a > b ? 1.0f : 0.0f;
        case EQUAL: return a == b ? 1.0f : 0.0f;
        case CHOOSE: return a != 0.0f ? b : c;
        case GRADIENTS + 2 * SUBTRACT + 1: return -a;
        case GRADIENTS + 2 * MULTIPLY: return a * c;
        case GRADIENTS + 2 * MULTIPLY + 1: return a * b;
        case GRADIENTS + 2 * DIVIDE: return a / c;
        case GRADIENTS + 2 * DIVIDE + 1: return -a * (b / c / c);
        case GRADIENTS + 2 * POWER_BOTH: return c == 0.0f ? 0.0f : a * (c * powf(b, c - 1.0f));
        case GRADIENTS + 2 * POWER_BOTH + 1: return b == 0.0f && c >= 0.0f ? 0.0f : a * (powf(b, c) * logf(b));
        case GRADIENTS + 2 * MAXIMUM: return b < c ? 0.0f : b == c ? 0.5f * a : a;
        case GRADIENTS + 2 * MAXIMUM + 1: return b > c ? 0.0f : b == c ? 0.5f * a : a;
        default: return a;
    }
}

// output (+)= function(a, b, c), each broadcast to the output; c may be null. One element a thread, any grid.
// Moves: all read once, written once.
template <class T>
DEVICE void broadcast(const T* a, const T* b, const T* c, int function, StridedLoop loop, T* output, int accumulate)
{
    for (unsigned int i = blockIdx.x * blockDim.x + threadIdx.x; i < (unsigned int)loop.count; i += gridDim.x * blockDim.x)
    {
        int at[4];
        loop_places(loop, i, at);
        float v[1] = {broadcast_value(function, to_float(a[at[1]]), to_float(b[at[2]]), c ? to_float(c[at[3]]) : 0.0f)};
        put(output + i, v, accumulate);
    }
}

EXPORT(broadcast, (const T* a, const T* b, const T* c, int function, StridedLoop loop, T* output, int accumulate),
    (a, b, c, function, loop, output, accumulate))

// A reduction over axes as two loops that are kept and two that are reduced, of each kind the inner one second.
struct Axes
{
    int kept1, kept2, reduced1, reduced2;
    int kept_stride1, kept_stride2, reduced_stride1, reduced_stride2;
};

DEVICE float reduced(float a, float b, int is_max) { return is_max ? larger_of(a, b) : a + b; }

DEVICE float nothing_reduced(int is_max) { return is_max ? -__uint_as_float(0x7f800000u) : 0.0f; }

template <class T> DEVICE void put_reduced(T* output, float value, int is_max, float factor, int accumulate)
{
    float v[1] = {is_max ? value : factor * value};
    put(output, v, accumulate);
}

// output (+)= factor * the sum over the axes, or the largest element; the elements that become one lie side by side. One warp an element
// of the output, any grid. Moves: all read once, written once.
template <class T> DEVICE void reduce_rows(const T* input, Axes axes, int is_max, float factor, T* output, int accumulate)
{
    int lane = threadIdx.x % WARP, warps = gridDim.x * (blockDim.x / WARP), elements = axes.kept1 * axes.kept2;
    for (int element = (blockIdx.x * blockDim.x + threadIdx.x) / WARP; element < elements; element += warps)
    {
        int row = element / axes.kept2;
        const T* start = input + row * axes.kept_stride1 + (element - row * axes.kept2) * axes.kept_stride2;
        float v = nothing_reduced(is_max);
        for (int outer = 0; outer < axes.reduced1; outer++)
        {
            for (int inner = lane; inner < axes.reduced2; inner += WARP)
            {
                v = reduced(v, to_float(start[outer * axes.reduced_stride1 + inner]), is_max);
            }
        }

        for (int distance = WARP / 2; distance > 0; distance /= 2)
        {
            v = reduced(v, __shfl_xor_sync(ALL_LANES, v, distance), is_max);
        }

        if (lane == 0)
        {
            put_reduced(output + element, v, is_max, factor, accumulate);
        }
    }
}

EXPORT(reduce_rows, (const T* input, Axes axes, int is_max, float factor, T* output, int accumulate), (input, axes, is_max, factor, output, accumulate))

// The same where the elements that stay lie side by side. A block of (32, 8) threads does 32 columns, whose reduced elements are dealt to
// its eight rows in turn. Any grid. Moves: all read once, written once.
template <class T> DEVICE void reduce_columns(const T* input, Axes axes, int is_max, float factor, T* output, int accumulate)
{
    __shared__ float shared[8][WARP];
    int blocks = (axes.kept2 + WARP - 1) / WARP, all = axes.reduced1 * axes.reduced2;
    for (int unit = blockIdx.x; unit < axes.kept1 * blocks; unit += gridDim.x)
    {
        int row = unit / blocks, column = (unit - row * blocks) * WARP + threadIdx.x;
        float v = nothing_reduced(is_max);
        if (column < axes.kept2)
        {
            const T* start = input + row * axes.kept_stride1 + column;
            for (int i = threadIdx.y; i < all; i += blockDim.y)
            {
                int outer = i / axes.reduced2;
                v = reduced(v, to_float(start[outer * axes.reduced_stride1 + (i - outer * axes.reduced2) * axes.reduced_stride2]), is_max);
            }
        }

        shared[threadIdx.y][threadIdx.x] = v;
        __syncthreads();
        if (threadIdx.y == 0 && column < axes.kept2)
        {
            for (int y = 1; y < 8; y++)
            {
                v = reduced(v, shared[y][threadIdx.x], is_max);
            }

            put_reduced(output + row * axes.kept2 + column, v, is_max, factor, accumulate);
        }

        __syncthreads();
    }
}

EXPORT(reduce_columns, (const T* input, Axes axes, int is_max, float factor, T* output, int accumulate), (input, axes, is_max, factor, output, accumulate))

// A part of one tensor to a part of another. One element a thread, any grid. Moves: the parts, read and written.
template <class T> DEVICE void copy_strided(const T* input, StridedLoop loop, T* output, int count, int accumulate)
{
    for (unsigned int i = blockIdx.x * blockDim.x + threadIdx.x; i < (unsigned int)count; i += gridDim.x * blockDim.x)
    {
        int at[2];
        loop_places(loop, i, at);
        float v[1] = {to_float(input[at[1]])};
        put(output + at[0], v, accumulate);
    }
}

EXPORT(copy_strided, (const T* input, StridedLoop loop, T* output, int count, int accumulate), (input, loop, output, count, accumulate))

// output[a, i, b] = input[a, indices[i], b] of an input [.., extent, inner]; NaN where there is no such index. One element a thread, any
// grid. Moves: the indices, what is chosen, the output.
template <class T> DEVICE void gather(const T* input, const int* indices, T* output, int extent, int count, int inner, int n)
{
    for (unsigned int i = blockIdx.x * blockDim.x + threadIdx.x; i < (unsigned int)n; i += gridDim.x * blockDim.x)
    {
        unsigned int row = i / inner, part = row / count;
        int index = indices[row - part * count];
        bool is_there = index >= 0 && index < extent;
        long long source = ((long long)part * extent + index) * inner + (i - row * inner);
        output[i] = is_there ? input[source] : from_float<T>(__uint_as_float(0x7fc00000u));
    }
}

EXPORT(gather, (const T* input, const int* indices, T* output, int extent, int count, int inner, int n),
    (input, indices, output, extent, count, inner, n))

// input_gradient[a, k, b] (+)= the sum of output_gradient[a, i, b] over all i with indices[i] = k, in ascending order. One warp a row
// (a, k), any grid: it looks at 32 indices at once, and holds 128 columns in registers. Moves: both gradients, and the indices, which
// stay in the cache.
template <class T>
DEVICE void gather_backward(const T* output_gradient, const int* indices, T* input_gradient, int rows, int extent, int count, int inner, int accumulate)
{
    constexpr int W = 4;
    int lane = threadIdx.x % WARP, warps = gridDim.x * (blockDim.x / WARP);
    for (int row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP; row < rows; row += warps)
    {
        int part = row / extent, index = row - part * extent;
        for (int column = lane; column - lane < inner; column += W * WARP)
        {
            float sums[W] = {0.0f, 0.0f, 0.0f, 0.0f};
            for (int first = 0; first < count; first += WARP)
            {
                unsigned int hits = __ballot_sync(ALL_LANES, first + lane < count && indices[first + lane] == index);
                while (hits)
                {
                    const T* source = output_gradient + ((long long)part * count + first + __ffs(hits) - 1) * inner + column;
                    for (int k = 0; k < W; k++)
                    {
                        sums[k] += column + k * WARP < inner ? to_float(source[k * WARP]) : 0.0f;
                    }

                    hits &= hits - 1;
                }
            }

            for (int k = 0; k < W; k++)
            {
                if (column + k * WARP < inner)
                {
                    float v[1] = {sums[k]};
                    put(input_gradient + (long long)row * inner + column + k * WARP, v, accumulate);
                }
            }
        }
    }
}

EXPORT(gather_backward,
    (const T* output_gradient, const int* indices, T* input_gradient, int rows, int extent, int count, int inner, int accumulate),
    (output_gradient, indices, input_gradient, rows, extent, count, inner, accumulate))

// Softmax over rows, or its logarithm. One warp a row, grid rows / 8 rounded up. Moves: the input read (again from the cache), the output
// written.
template <class T> DEVICE void softmax(const T* input, int is_log, T* output, int rows, int columns)
{
    int n = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (n >= rows)
    {
        return;
    }

    const T* x = input + (long long)n * columns;
    T* y = output + (long long)n * columns;
    float largest = warp_max(x, columns, lane), sum = 0.0f;
    for (int k = lane; k < columns; k += WARP)
    {
        sum += expf(to_float(x[k]) - largest);
    }

    sum = warp_sum(sum);
    float log_sum = logf(sum);
    for (int k = lane; k < columns; k += WARP)
    {
        float distance = to_float(x[k]) - largest;
        y[k] = from_float<T>(is_log ? distance - log_sum : expf(distance) / sum);
    }
}

EXPORT(softmax, (const T* input, int is_log, T* output, int rows, int columns), (input, is_log, output, rows, columns))

// input_gradient (+)= y (dy - sum of dy y) of softmax y, or dy - exp(y) sum of dy of its logarithm. One warp a row, grid rows / 8 rounded
// up. Moves: the gradient and the output read (again from the cache), the result written.
template <class T>
DEVICE void softmax_backward(const T* output_gradient, const T* output, int is_log, T* input_gradient, int rows, int columns, int accumulate)
{
    int n = (blockIdx.x * blockDim.x + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
    if (n >= rows)
    {
        return;
    }

    const T* dy = output_gradient + (long long)n * columns;
    const T* y = output + (long long)n * columns;
    T* dx = input_gradient + (long long)n * columns;
    float sum = 0.0f;
    for (int k = lane; k < columns; k += WARP)
    {
        sum += is_log ? to_float(dy[k]) : to_float(dy[k]) * to_float(y[k]);
    }

    sum = warp_sum(sum);
    for (int k = lane; k < columns; k += WARP)
    {
        float g = to_float(dy[k]), p = to_float(y[k]);
        float v[1] = {is_log ? g - expf(p) * sum : p * (g - sum)};
        put(dx + k, v, accumulate);
    }
}

EXPORT(softmax_backward,
    (const T* output_gradient, const T* output, int is_log, T* input_gradient, int rows, int columns, int accumulate),
    (output_gradient, output, is_log, input_gradient, rows, columns, accumulate))
