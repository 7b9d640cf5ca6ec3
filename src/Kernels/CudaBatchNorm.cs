namespace Engine.Kernels;

/// <summary>Whose kernels compute batch norm with the batch's statistics.</summary>
public enum CudaBatchNorm
{
    /// <summary>kernels.cu's: shortcut and ReLU in the same pass, both ways.</summary>
    Engine,

    /// <summary>cuDNN's, with shortcut and ReLU by passes of their own; for comparison.</summary>
    Cudnn,
}
