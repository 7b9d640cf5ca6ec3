namespace Engine.Kernels;

/// <summary>In what arithmetic a <see cref="CudaDevice"/> computes convolutions and matrix products, and what it stores.</summary>
public enum CudaPrecision
{
    /// <summary>fp32: everything in 32-bit floats, products in full; no tensor cores.</summary>
    Float32,

    /// <summary>tf32: stored as 32-bit floats; the factors of products are rounded to 10 bits of mantissa, for tensor cores.</summary>
    TensorFloat32,

    /// <summary>
    /// bf16: activations and their gradients stored as bfloat16, products by tensor cores from bfloat16 copies of the weights; sums,
    /// statistics, losses, parameters, their gradients and velocities stay 32-bit floats.
    /// </summary>
    BFloat16,
}

/// <summary>The names by which users know the precisions.</summary>
public static class CudaPrecisions
{
    /// <summary>fp32, tf32 or bf16.</summary>
    public static string Name(this CudaPrecision precision) => precision switch
    {
        CudaPrecision.Float32 => "fp32",
        CudaPrecision.TensorFloat32 => "tf32",
        _ => "bf16",
    };

    /// <summary>The precision of a name.</summary>
    /// <exception cref="EngineException">It is none of fp32, tf32 and bf16.</exception>
    public static CudaPrecision Parse(string name) => name switch
    {
        "fp32" => CudaPrecision.Float32,
        "tf32" => CudaPrecision.TensorFloat32,
        "bf16" => CudaPrecision.BFloat16,
        _ => throw new EngineException($"precision '{name}' is unknown: use fp32, tf32 or bf16"),
    };
}
