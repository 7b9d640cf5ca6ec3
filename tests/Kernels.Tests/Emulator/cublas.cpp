// cuBLAS's entry points as plain loops.
#include "emulator.h"
#include "numbers.h"

#include <set>

using namespace emulator;

namespace
{
constexpr int NotInitialized = 1, InvalidArgument = 7, Unsupported = 15;
constexpr int Float32 = 0, BFloat16 = 14, ComputeFloat32 = 68, ComputePedantic = 69, ComputeTf32 = 77;

struct Handle
{
    void* stream = nullptr;
    int math = 0;
    std::uintptr_t workspace = 0;
    std::size_t workspace_bytes = 0;
};
std::set<Handle*> handles;

struct Matrix
{
    std::uintptr_t data;
    int type, leading;
    long long stride;
    bool transpose;
    std::size_t element() const { return type == BFloat16 ? 2 : 4; }
    // Elements from the first to the last of a stored rows by columns matrix, in column order.
    std::size_t extent(int rows, int columns) const { return rows == 0 || columns == 0 ? 0 : (std::size_t)leading * (columns - 1) + rows; }
};

int multiply(const char* call, Handle* handle, int m, int n, int k, float alpha, Matrix a, Matrix b, float beta, Matrix c, int batch, int compute)
{
    if (handles.count(handle) == 0)
    {
        fail(BadHandle, "%s: %p is no cuBLAS handle", call, (void*)handle);
        return NotInitialized;
    }

    int a_rows = a.transpose ? k : m, a_columns = a.transpose ? m : k, b_rows = b.transpose ? n : k, b_columns = b.transpose ? k : n;
    if (m < 0 || n < 0 || k < 0 || a.leading < std::max(1, a_rows) || b.leading < std::max(1, b_rows) || c.leading < std::max(1, m))
    {
        fail(
            BadDescriptor, "%s: leading dimensions %d, %d, %d are too small for matrices of %d, %d and %d rows", call, a.leading, b.leading, c.leading, a_rows,
            b_rows, m);
        return InvalidArgument;
    }

    bool known = (
        compute == ComputeFloat32 || compute == ComputePedantic || compute == ComputeTf32) && (a.type == Float32 || a.type == BFloat16) && b.type == a.type
                 && (c.type == a.type || c.type == Float32);
    if (!known || (compute == ComputeTf32 && a.type != Float32))
    {
        fail(BadDescriptor, "%s: types %d, %d, %d with compute type %d are not supported", call, a.type, b.type, c.type, compute);
        return Unsupported;
    }

    bool tf32 = a.type == Float32 && (compute == ComputeTf32 || (handle->math == 3 && compute == ComputeFloat32));
    return submit(handle->stream, call, [=](const Work& work) {
        for (int i = 0; i < batch; i++)
        {
            std::uintptr_t a_data = a.data + i * a.stride * a.element(), b_data = b.data + i * b.stride * b.element(), c_data = c.data
                + i * c.stride * c.element();
            int status = touch("a", a_data, a.extent(a_rows, a_columns) * a.element(), false, work);
            status = status == Success ? touch("b", b_data, b.extent(b_rows, b_columns) * b.element(), false, work) : status;
            status = status == Success && beta != 0 ? touch("c", c_data, c.extent(m, n) * c.element(), false, work) : status;
            status = status == Success ? touch("c", c_data, c.extent(m, n) * c.element(), true, work) : status;
            status = status == Success && handle->workspace != 0 ? touch("the workspace", handle->workspace, handle->workspace_bytes, true, work) : status;
            if (status != Success)
            {
                return status;
            }

            std::vector<float> left = read_floats((void*)a_data, a.extent(a_rows, a_columns), a.type == BFloat16, tf32);
            std::vector<float> right = read_floats((void*)b_data, b.extent(b_rows, b_columns), b.type == BFloat16, tf32);
            for (int column = 0; column < n; column++)
            {
                for (int row = 0; row < m; row++)
                {
                    double sum = 0;
                    for (int j = 0; j < k; j++)
                    {
                        float x = left[a.transpose ? (std::size_t)row * a.leading + j : (std::size_t)j * a.leading + row];
                        float y = right[b.transpose ? (std::size_t)j * b.leading + column : (std::size_t)column * b.leading + j];
                        sum += (double)x * y;
                    }

                    blend((void*)c_data, (std::size_t)column * c.leading + row, c.type == BFloat16, alpha, (float)sum, beta);
                }
            }
        }

        return (int)Success;
    }, describe(call, {{"m", m}, {"n", n}, {"k", k}, {"batch", batch}, {"transpose_a", a.transpose}, {"transpose_b", b.transpose}, {"type", a.type},
        {"output_type", c.type},
                       {"compute", compute}}));
}
}

EMU_EXPORT const char* cublasGetStatusString(int status)
{
    switch (status)
    {
    case 0: return "the requested operation completed successfully";
    case 3: return "the resource allocation failed";
    case 8: return "the function requires a feature absent from the architecture of the device";
    case 11: return "an access to GPU memory space failed";
    case 13: return "the GPU program failed to execute";
    case 14: return "an internal operation failed";
    case 16: return "the license was not found or was not valid";
    default: return last_message().c_str(); // which says more than "an unsupported value or parameter was passed to the function"
    }
}

EMU_EXPORT int cublasGetProperty(int property, int* value)
{
    EMU_ENTER;
    *value = property == 0 ? 12 : property == 1 ? 8 : 0;
    return 0;
}

EMU_EXPORT int cublasCreate_v2(Handle** handle)
{
    EMU_ENTER;
    *handle = new Handle();
    handles.insert(*handle);
    return 0;
}

EMU_EXPORT int cublasDestroy_v2(Handle* handle)
{
    EMU_ENTER;
    if (handles.erase(handle) == 0)
    {
        fail(BadHandle, "cublasDestroy: %p is no cuBLAS handle", (void*)handle);
        return NotInitialized;
    }

    delete handle;
    return 0;
}

EMU_EXPORT int cublasSetStream_v2(Handle* handle, void* stream)
{
    EMU_ENTER;
    if (handles.count(handle) == 0 || !is_stream(stream))
    {
        return fail(BadHandle, "cublasSetStream: %p or %p is no such handle", (void*)handle, stream);
    }

    handle->stream = stream;
    handle->workspace = 0;
    return 0;
}

EMU_EXPORT int cublasSetMathMode(Handle* handle, int mode)
{
    EMU_ENTER;
    handle->math = mode;
    return 0;
}

EMU_EXPORT int cublasSetWorkspace_v2(Handle* handle, std::uintptr_t workspace, std::size_t bytes)
{
    EMU_ENTER;
    Allocation* allocation;
    int status = workspace == 0 ? (int)Success : locate("cublasSetWorkspace", "the workspace", workspace, bytes, &allocation);
    if (status == Success && workspace % 256 != 0)
    {
        status = fail(Misaligned, "cublasSetWorkspace: 0x%zx is not a multiple of 256", (std::size_t)workspace);
    }

    handle->workspace = workspace;
    handle->workspace_bytes = bytes;
    return status;
}

EMU_EXPORT int cublasSgemm_v2(Handle* handle, int transpose_a, int transpose_b, int m, int n, int k, const float* alpha, std::uintptr_t a, int lda,
    std::uintptr_t b, int ldb,
                              const float* beta, std::uintptr_t c, int ldc)
{
    EMU_ENTER;
    return multiply("cublasSgemm", handle, m, n, k, *alpha, {a, Float32, lda, 0, transpose_a != 0}, {b, Float32, ldb, 0, transpose_b != 0}, *beta,
        {c, Float32, ldc, 0, false}, 1,
                    ComputeFloat32);
}

EMU_EXPORT int cublasGemmEx(Handle* handle, int transpose_a, int transpose_b, int m, int n, int k, const float* alpha, std::uintptr_t a, int type_a, int lda,
    std::uintptr_t b,
                            int type_b, int ldb, const float* beta, std::uintptr_t c, int type_c, int ldc, int compute, int)
{
    EMU_ENTER;
    return multiply("cublasGemmEx", handle, m, n, k, *alpha, {a, type_a, lda, 0, transpose_a != 0}, {b, type_b, ldb, 0, transpose_b != 0}, *beta,
        {c, type_c, ldc, 0, false}, 1,
                    compute);
}

EMU_EXPORT int cublasGemmStridedBatchedEx(Handle* handle, int transpose_a, int transpose_b, int m, int n, int k, const float* alpha, std::uintptr_t a,
    int type_a, int lda,
                                          long long stride_a, std::uintptr_t b, int type_b, int ldb, long long stride_b, const float* beta, std::uintptr_t c,
                                          int type_c, int ldc,
                                          long long stride_c, int batch, int compute, int)
{
    EMU_ENTER;
    return multiply("cublasGemmStridedBatchedEx", handle, m, n, k, *alpha, {a, type_a, lda, stride_a, transpose_a != 0},
        {b, type_b, ldb, stride_b, transpose_b != 0}, *beta,
                    {c, type_c, ldc, stride_c, false}, batch, compute);
}
