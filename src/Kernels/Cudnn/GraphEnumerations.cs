namespace Engine.Kernels.Cudnn;

/// <summary>How cuDNN looks for engines, in the numbering of cudnnBackendHeurMode_t.</summary>
public enum HeuristicMode
{
    /// <summary>The engines that are seldom best but support most.</summary>
    Fallback = 2,

    /// <summary>The engines that a quick model expects to be fast, best first. (Mode B is redirected to it.)</summary>
    A = 3,
}

/// <summary>What a pointwise operation computes, in the numbering of cudnnPointwiseMode_t. B is broadcast over extents of 1.</summary>
public enum PointwiseMode
{
    /// <summary>x + b.</summary>
    Add = 0,

    /// <summary>x * b.</summary>
    Multiply = 1,

    /// <summary>The smaller of x and b.</summary>
    Minimum = 2,

    /// <summary>The larger of x and b.</summary>
    Maximum = 3,

    /// <summary>The square root of x.</summary>
    SquareRoot = 4,

    /// <summary>x / b.</summary>
    Divide = 6,

    /// <summary>x - b.</summary>
    Subtract = 9,

    /// <summary>1 / sqrt(x).</summary>
    InverseSquareRoot = 17,

    /// <summary>x, in another type.</summary>
    Identity = 21,

    /// <summary>max(x, 0).</summary>
    Relu = 100,

    /// <summary>dy where x is above 0, otherwise 0.</summary>
    ReluBackward = 200,
}

/// <summary>What an engine's arithmetic does, in the numbering of cudnnBackendNumericalNote_t.</summary>
public enum NumericalNote
{
    /// <summary>Tensor cores: 32-bit floats are rounded to tf32.</summary>
    TensorCore = 0,

    /// <summary>Inputs are converted to a narrower type.</summary>
    DownConvertInputs = 1,

    /// <summary>Sums are partly taken in less than 32 bits.</summary>
    ReducedPrecisionReduction = 2,

    /// <summary>By Fourier transforms.</summary>
    FourierTransform = 3,

    /// <summary>Two runs may differ in the last bits.</summary>
    Nondeterministic = 4,

    /// <summary>Winograd's algorithm, on tiles of a size it does not say.</summary>
    Winograd = 5,

    /// <summary>Winograd's algorithm on tiles of 4x4.</summary>
    WinogradTile4 = 6,

    /// <summary>Winograd's algorithm on tiles of 6x6.</summary>
    WinogradTile6 = 7,

    /// <summary>Winograd's algorithm on tiles of 13x13.</summary>
    WinogradTile13 = 8,

    /// <summary>A NaN of an input always reaches the outputs that depend on it.</summary>
    StrictNanPropagation = 9,
}

/// <summary>How an engine comes to its kernels, in the numbering of cudnnBackendBehaviorNote_t.</summary>
public enum BehaviorNote
{
    /// <summary>They are compiled when the plan is made, which needs NVRTC and the driver.</summary>
    RuntimeCompilation = 0,

    /// <summary>Filters must be reordered (8-bit integers).</summary>
    RequiresFilterReorder = 1,

    /// <summary>Biases must be reordered (8-bit integers).</summary>
    RequiresBiasReorder = 2,

    /// <summary>It can be put into a CUDA graph without recording a stream.</summary>
    SupportsCudaGraph = 3,

    /// <summary>It calls cuBLASLt, which must be loaded.</summary>
    NeedsCublasLt = 4,
}
