using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>Which part of a step a piece of work belongs to.</summary>
public enum StepPart
{
    /// <summary>Convolutions: forward, by the input, by the filter.</summary>
    Convolutions,

    /// <summary>Batch and group norm: statistics, application, both passes of the backward.</summary>
    Norms,

    /// <summary>Outputs that the forward pass let go and the backward pass computes again.</summary>
    Recomputed,

    /// <summary>Second stages of sums, one warp a channel, which wait for memory instead of moving much of it.</summary>
    Finishes,

    /// <summary>Pooling, elementwise work and shortcuts.</summary>
    Elementwise,

    /// <summary>Conversions between storage types, such as filter gradients from bfloat16.</summary>
    Casts,

    /// <summary>Matrix products of linear layers, and their biases.</summary>
    Products,

    /// <summary>The loss and metrics.</summary>
    Loss,

    /// <summary>The optimizer's step.</summary>
    Optimizer,

    /// <summary>Fills and copies.</summary>
    Memory,
}

/// <summary>In which arithmetic the multiply-adds of a piece of work are made.</summary>
public enum Arithmetic
{
    /// <summary>No products to speak of: memory bounds it.</summary>
    None,

    /// <summary>32-bit floats, without tensor cores.</summary>
    Float32,

    /// <summary>Tensor cores, from factors rounded to tf32.</summary>
    TensorFloat32,

    /// <summary>Tensor cores, from bfloat16.</summary>
    BFloat16,
}

/// <summary>One piece of work of a step, as a GPU would be given it: a kernel, a convolution, a matrix product, a copy.</summary>
/// <param name="Kernel">The entry point of kernels.cu, or what is asked of a library: cudnn forward, cublas gemm, copy, set.</param>
/// <param name="Part">Which part of the step it belongs to.</param>
/// <param name="BytesRead">The bytes of the tensors that it reads, each once.</param>
/// <param name="BytesWritten">The bytes of the tensors that it writes.</param>
/// <param name="Operations">Floating-point operations of its products: two for each multiply-add.</param>
/// <param name="Arithmetic">How these are made.</param>
/// <param name="Grid">Blocks; 0 where a library chooses.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="Turns">How often a warp goes to memory one time after the other, in second stages of sums; 0 elsewhere.</param>
/// <param name="Convolution">What is known of the convolution; null where it is none.</param>
public sealed record StepNode(
    string Kernel, StepPart Part, long BytesRead, long BytesWritten, long Operations = 0, Arithmetic Arithmetic = Arithmetic.None, Dim3 Grid = default,
    Dim3 Block = default, int Turns = 0, PlannedConvolution? Convolution = null)
{
    /// <summary>Whether it is a convolution by kernels.cu instead of cuDNN.</summary>
    public bool IsDirectConvolution => Part == StepPart.Convolutions && Convolution is { IsDirect: true };

    /// <summary>All bytes that it moves.</summary>
    public long Bytes => BytesRead + BytesWritten;
}
