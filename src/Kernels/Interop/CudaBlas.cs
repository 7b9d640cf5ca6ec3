namespace Engine.Kernels.Interop;

/// <summary>The element types of a matrix, in the numbering of cudaDataType.</summary>
public enum CudaDataType
{
    /// <summary>32-bit float.</summary>
    Float32 = 0,

    /// <summary>16-bit brain float.</summary>
    BFloat16 = 14,
}

/// <summary>How cuBLAS computes, in the numbering of cublasComputeType_t. All add up in 32-bit floats.</summary>
public enum CublasComputeType
{
    /// <summary>Products of 32-bit floats in full.</summary>
    Float32 = 68,

    /// <summary>Products by tensor cores, of factors rounded to tf32.</summary>
    Tf32 = 77,
}

/// <summary>A matrix as cuBLAS sees it: in column order, so that a row-major [rows, columns] is its transpose.</summary>
/// <param name="Pointer">Its address on the device.</param>
/// <param name="Type">Its elements.</param>
/// <param name="LeadingDimension">Elements between neighboring columns.</param>
/// <param name="Transpose">Whether its transpose enters the product.</param>
public readonly record struct CublasMatrix(nint Pointer, CudaDataType Type, int LeadingDimension, bool Transpose = false);

/// <summary>A cuBLAS handle: matrix products on one stream.</summary>
public sealed unsafe class CudaBlas : IDisposable
{
    private const int DefaultAlgorithm = -1;

    private nint _stream;

    /// <summary>Makes a handle in the current context.</summary>
    public CudaBlas()
    {
        nint handle;
        CublasApi.Check(CublasApi.cublasCreate_v2(&handle), "cublasCreate");
        Handle = handle;
    }

    /// <summary>The raw cublasHandle_t; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>cuBLAS's version.</summary>
    public static Version GetVersion()
    {
        int* parts = stackalloc int[3];
        for (int i = 0; i < 3; i++)
        {
            CublasApi.Check(CublasApi.cublasGetProperty(i, parts + i), "cublasGetProperty");
        }

        return new Version(parts[0], parts[1], parts[2]);
    }

    /// <summary>Lets later calls run on a stream. It also takes back a workspace given before.</summary>
    public void SetStream(CudaStream stream)
    {
        CublasApi.Check(CublasApi.cublasSetStream_v2(Handle, stream.Handle), "cublasSetStream");
        _stream = stream.Handle;
    }

    /// <summary>Gives it memory to work in, aligned to 256 bytes, so that it takes none itself; NVIDIA advises 32 MiB on Hopper and 4 MiB before.</summary>
    public void SetWorkspace(nint pointer, long bytes) =>
        CublasApi.Check(CublasApi.cublasSetWorkspace_v2(Handle, pointer, (nuint)bytes), "cublasSetWorkspace", $"{bytes} bytes");

    /// <summary>c [m, n] = alpha op(a) [m, k] op(b) [k, n] + beta c, all in column order.</summary>
    public void Gemm(int m, int n, int k, float alpha, in CublasMatrix a, in CublasMatrix b, float beta, in CublasMatrix c, CublasComputeType computeType)
    {
        int status = CublasApi.cublasGemmEx(
            Handle, a.Transpose ? 1 : 0, b.Transpose ? 1 : 0, m, n, k, &alpha, a.Pointer, (int)a.Type, a.LeadingDimension,
            b.Pointer, (int)b.Type, b.LeadingDimension, &beta, c.Pointer, (int)c.Type, c.LeadingDimension, (int)computeType, DefaultAlgorithm);
        if (status != 0 || CudaSynchronization.IsOn)
        {
            Check(status, "cublasGemmEx", $"m {m}, n {n}, k {k}, a {a}, b {b}, c {c}, {computeType}");
        }
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            DriverApi.CheckRelease(() => CublasApi.Failure(CublasApi.cublasDestroy_v2(handle), "cublasDestroy"));
        }
    }

    private void Check(int status, string call, string details)
    {
        CublasApi.Check(status, call, details);
        CudaSynchronization.Wait(_stream, $"{call}, {details}");
    }
}
