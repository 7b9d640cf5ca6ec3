using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>cuBLAS's entry points in use. All but one return a cublasStatus_t.</summary>
internal static unsafe partial class CublasApi
{
    private const string Library = "cublas";

    [LibraryImport(Library)]
    internal static partial byte* cublasGetStatusString(int status);

    [LibraryImport(Library)]
    internal static partial int cublasGetProperty(int property, int* value);

    [LibraryImport(Library)]
    internal static partial int cublasCreate_v2(nint* handle);

    [LibraryImport(Library)]
    internal static partial int cublasDestroy_v2(nint handle);

    [LibraryImport(Library)]
    internal static partial int cublasSetStream_v2(nint handle, nint stream);

    [LibraryImport(Library)]
    internal static partial int cublasSetWorkspace_v2(nint handle, nint workspace, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cublasGemmEx(
        nint handle, int transposeA, int transposeB, int m, int n, int k, void* alpha, nint a, int typeA, int lda, nint b, int typeB, int ldb,
        void* beta, nint c, int typeC, int ldc, int computeType, int algorithm);

    internal static void Check(int status, string call, string? details = null)
    {
        if (Failure(status, call, details) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>The error of a failed call; null for one that succeeded.</summary>
    internal static CudaException? Failure(int status, string call, string? details = null) => status == 0
        ? null
        : new CudaException(call, status, Marshal.PtrToStringUTF8((nint)cublasGetStatusString(status)) ?? "unknown cuBLAS error", details);
}
