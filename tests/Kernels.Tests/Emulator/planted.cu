// Kernels with planted mistakes, one each, and some without one. Up to follows_a_pointer the emulator complains; what comes after gives a wrong result on
// another machine than the one that it was written for.

#ifndef EXPORTED
#define EXPORTED(name)
#endif

// output[i] = 2 input[i]; no mistake.
extern "C" __global__ void twice(const float* input, float* output, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
    {
        output[i] = 2.0f * input[i];
    }
}
EXPORTED(twice)

// The last thread writes one element past the end: <= for <.
extern "C" __global__ void writes_past_the_end(const float* input, float* output, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n)
    {
        output[i] = i < n ? input[i] : 1.0f;
    }
}
EXPORTED(writes_past_the_end)

// Reads one element past the end, and makes nothing of it that would show.
extern "C" __global__ void reads_past_the_end(const float* input, float* output, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
    {
        output[i] = input[i + 1] > 1e30f ? 1.0f : 0.0f;
    }
}
EXPORTED(reads_past_the_end)

// output[i] = input[blockDim.x - 1 - i] through shared memory, without the barrier between writing and reading it.
extern "C" __global__ void lacks_a_barrier(const float* input, float* output)
{
    __shared__ float tile[256];
    tile[threadIdx.x] = input[threadIdx.x];
    output[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
EXPORTED(lacks_a_barrier)

// The same with the barrier; no mistake.
extern "C" __global__ void reverses(const float* input, float* output)
{
    __shared__ float tile[256];
    tile[threadIdx.x] = input[threadIdx.x];
    __syncthreads();
    output[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
EXPORTED(reverses)

// Only half of the threads reach the barrier.
extern "C" __global__ void diverges_at_a_barrier(float* output)
{
    if (threadIdx.x < blockDim.x / 2)
    {
        __syncthreads();
    }

    output[threadIdx.x] = 1.0f;
}
EXPORTED(diverges_at_a_barrier)

// Half of the threads wait at one barrier, half at another.
extern "C" __global__ void waits_at_two_barriers(float* output)
{
    if (threadIdx.x % 2 == 0)
    {
        __syncthreads();
        output[threadIdx.x] = 1.0f;
    }
    else
    {
        __syncthreads();
        output[threadIdx.x] = 2.0f;
    }
}
EXPORTED(waits_at_two_barriers)

// 16-byte accesses from a pointer that may not be aligned for them.
extern "C" __global__ void copies_by_16_bytes(const float* input, float* output)
{
    reinterpret_cast<float4*>(output)[threadIdx.x] = reinterpret_cast<const float4*>(input)[threadIdx.x];
}
EXPORTED(copies_by_16_bytes)

// All threads add to one number without an atomic.
extern "C" __global__ void adds_without_atomics(int* counter) { *counter += 1; }
EXPORTED(adds_without_atomics)

// The same with an atomic; no mistake.
extern "C" __global__ void adds_with_atomics(int* counter) { atomicAdd(counter, 1); }
EXPORTED(adds_with_atomics)

// Sums a warp by shuffles; the mask leaves out the upper half although all lanes take part.
extern "C" __global__ void shuffles_with_a_wrong_mask(float* output)
{
    float v = 1.0f;
    for (int step = 16; step > 0; step /= 2)
    {
        v += __shfl_xor_sync(0x0000ffffu, v, step);
    }

    output[threadIdx.x] = v;
}
EXPORTED(shuffles_with_a_wrong_mask)

// The sum of each warp's lane numbers; no mistake.
extern "C" __global__ void sums_warps(float* output)
{
    float v = (float)(threadIdx.x % 32);
    for (int step = 16; step > 0; step /= 2)
    {
        v += __shfl_xor_sync(0xffffffffu, v, step);
    }

    output[threadIdx.x] = v;
}
EXPORTED(sums_warps)

// Reads shared memory that nobody wrote.
extern "C" __global__ void reads_fresh_shared_memory(float* output)
{
    __shared__ float tile[32];
    if (threadIdx.x > 0)
    {
        tile[threadIdx.x] = 1.0f;
    }

    __syncthreads();
    output[threadIdx.x] = tile[31 - threadIdx.x];
}
EXPORTED(reads_fresh_shared_memory)

// Follows a pointer that lies in device memory, which no check of the arguments sees.
extern "C" __global__ void follows_a_pointer(float* const* table, float* output) { output[threadIdx.x] = table[0][threadIdx.x]; }
EXPORTED(follows_a_pointer)

// The sum of the partial sums of a grid, added up by one block as the norms' finish kernels do it, but without the loop that takes a second turn: right as
// long as the grid, which is made for the number of multiprocessors, has no more blocks than this one has threads. Launched with one block of 64.
extern "C" __global__ void sums_for_few_multiprocessors(const float* partials, float* output, int count)
{
    __shared__ float sums[64];
    sums[threadIdx.x] = (int)threadIdx.x < count ? partials[threadIdx.x] : 0.0f;
    __syncthreads();
    for (unsigned half = 32; half > 0; half /= 2)
    {
        if (threadIdx.x < half)
        {
            sums[threadIdx.x] += sums[threadIdx.x + half];
        }

        __syncthreads();
    }

    if (threadIdx.x == 0)
    {
        output[0] = sums[0];
    }
}
EXPORTED(sums_for_few_multiprocessors)

// Each block notes the turn at which it came, as if blocks came in the order of their numbers. No access races, since the turns are taken by an atomic.
extern "C" __global__ void numbers_blocks_by_their_turn(int* counter, int* turns)
{
    if (threadIdx.x == 0)
    {
        turns[blockIdx.x] = atomicAdd(counter, 1);
    }
}
EXPORTED(numbers_blocks_by_their_turn)

// The same of the threads of a block.
extern "C" __global__ void numbers_threads_by_their_turn(int* counter, int* turns) { turns[threadIdx.x] = atomicAdd(counter, 1); }
EXPORTED(numbers_threads_by_their_turn)

// output[i] = sqrt(input[i]^2 - input[i]^2), which is 0, unless one of the squares is not rounded before it is subtracted: then it is the root of a rounding
// error, and NaN if that is negative.
extern "C" __global__ void subtracts_squares(const float* input, float* output, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
    {
        float x = input[i], y = input[n - 1 - i];
        output[i] = sqrtf(x * x - y * y);
    }
}
EXPORTED(subtracts_squares)
