namespace Engine.Kernels.Prediction;

/// <summary>
/// The parameters of <see cref="StepPrediction"/>. Where nothing else is said, they are what the kernels of two steps took on an H100
/// (resnet50 with 256 images and resnet20 with 128, bf16; bench/results/gpu-2026-11-26-1845.json), so that for these two they are no prediction.
/// </summary>
public static class ModelParameters
{
    /// <summary>
    /// The share of a copy's bandwidth that one pass over memory reaches: a plain elementwise kernel of many blocks. An estimate; in a row
    /// such kernels reach all of it, pools half.
    /// </summary>
    public const double PassEfficiency = 0.88;

    /// <summary>The share that a norm's pass reaches. What it finds in the second-level cache counts as if memory had moved it.</summary>
    public const double NormEfficiency = 0.94;

    /// <summary>The share of a large matrix product's rate that a convolution's products reach. An estimate.</summary>
    public const double ProductEfficiency = 0.75;

    /// <summary>How much longer than its roofline, with the shares above, a large convolution takes: all of resnet50's together.</summary>
    public const double ConvolutionFactor = 1.0;

    /// <summary>Seconds that the shortest convolution takes, with the kernels that cuDNN adds to it: those of resnet20 are hardly longer.</summary>
    public const double ShortestConvolution = 15e-6;

    /// <summary>
    /// The share of the 32-bit rate that the plain loops of the direct convolutions reach: each multiply-add loads both its factors. A guess.
    /// </summary>
    public const double DirectConvolutionEfficiency = 0.03;

    /// <summary>
    /// Seconds that a second stage takes for each partial of a thread, which it finds in the second-level cache: 2 to 5 microseconds for the
    /// 8 to 17 turns of most.
    /// </summary>
    public const double SecondsPerTurn = 0.28e-6;

    /// <summary>Seconds that the shortest kernel takes from its first block's start to its last one's end.</summary>
    public const double ShortestKernel = 2.0e-6;

    /// <summary>Seconds between the end of one node of a graph and the start of the next.</summary>
    public const double NodeGap = 0.5e-6;
}
