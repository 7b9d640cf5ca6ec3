namespace Engine.Kernels.Prediction;

/// <summary>
/// The assumptions of <see cref="StepPrediction"/>, each with its reason. None has been measured with this engine yet: the first run on
/// a GPU is there to replace them.
/// </summary>
public static class ModelParameters
{
    /// <summary>The share of a copy's bandwidth that one pass over memory reaches: a plain elementwise kernel of many blocks.</summary>
    public const double PassEfficiency = 0.88;

    /// <summary>
    /// The share that a norm's pass reaches. Its grids have 8 blocks a multiprocessor, of which registers let 3 to 5 run at a time, so that
    /// the last wave is partly empty, and a thread has one or two loads in flight.
    /// </summary>
    public const double NormEfficiency = 0.82;

    /// <summary>The share of a large matrix product's rate that a convolution's products reach.</summary>
    public const double ProductEfficiency = 0.75;

    /// <summary>
    /// How much longer than its roofline a convolution takes: tiles that do not divide the image, strided reading. It brings the sum for
    /// resnet50 to what NVIDIA's training benchmarks (MLPerf v3.0, v4.0) leave for convolutions.
    /// </summary>
    public const double ConvolutionFactor = 1.4;

    /// <summary>The share of the 32-bit rate that the plain loops of the direct convolutions reach: each multiply-add loads both its factors.</summary>
    public const double DirectConvolutionEfficiency = 0.03;

    /// <summary>
    /// Seconds that a warp of a second stage takes for each partial of a lane: trips to the second-level cache, of which few overlap. It
    /// gives the 106 second stages of resnet50 on an H100, of 8 to 66 turns each, the 7 microseconds on average that such kernels take.
    /// </summary>
    public const double SecondsPerTurn = 0.14e-6;

    /// <summary>Seconds that the shortest kernel takes from its first block's start to its last one's end.</summary>
    public const double ShortestKernel = 2.0e-6;

    /// <summary>Seconds between the end of one node of a graph and the start of the next.</summary>
    public const double NodeGap = 1.5e-6;
}
