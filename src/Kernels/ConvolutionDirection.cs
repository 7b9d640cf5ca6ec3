namespace Engine.Kernels;

/// <summary>Which of a convolution's three maps is computed.</summary>
public enum ConvolutionDirection
{
    /// <summary>The output.</summary>
    Forward,

    /// <summary>The gradient with respect to the input.</summary>
    BackwardData,

    /// <summary>The gradient with respect to the filter.</summary>
    BackwardFilter,
}
