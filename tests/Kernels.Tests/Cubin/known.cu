// Kernels whose registers, frame and shared memory are known from ptxas -v; compiled by NVRTC 11.8 and 12.4 for sm_80 and sm_90.
extern "C" __global__ void plain(const float* a, float* b, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
    {
        b[i] = a[i] * 2.0f;
    }
}

extern "C" __global__ void __launch_bounds__(256) shared_4096(const float* a, float* b)
{
    __shared__ float s[1024];
    s[threadIdx.x] = a[threadIdx.x];
    __syncthreads();
    b[threadIdx.x] = s[1023 - threadIdx.x];
}

// An array that cannot live in registers, since its index is not known before.
extern "C" __global__ void framed(const int* a, float* b, int k)
{
    float v[40];
    for (int i = 0; i < 40; i++)
    {
        v[i] = 0.0f;
    }

    for (int i = 0; i < k; i++)
    {
        v[a[i] % 40] += 1.0f;
    }

    b[0] = v[k % 40];
}
