namespace Engine.Kernels;

/// <summary>By what a <see cref="CudaDevice"/> computes convolutions. Where one has no kernel for a convolution, the next computes it.</summary>
public enum CudaConvolutions
{
    /// <summary>cuDNN's graph API: all of its engines, whose plans can be kept.</summary>
    Graph,

    /// <summary>cuDNN's functions of version 7, which version 9 still has.</summary>
    Legacy,

    /// <summary>The plain loops of kernels.cu: right for every convolution, and far slower.</summary>
    Direct,
}

/// <summary>How many convolutions a device has planned, by what computes them.</summary>
/// <param name="Graph">By cuDNN's graph API.</param>
/// <param name="Legacy">By cuDNN's older functions.</param>
/// <param name="Direct">By kernels.cu.</param>
public readonly record struct ConvolutionCounts(int Graph, int Legacy, int Direct);
