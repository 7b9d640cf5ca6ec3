namespace Engine.Kernels.Interop;

/// <summary>What cuDNN has to know of a convolution's three tensors, in the roles of the forward map whatever the direction, and of the convolution.</summary>
/// <param name="Input">The input, or its gradient.</param>
/// <param name="Filter">The filter, or its gradient.</param>
/// <param name="Output">The output, or its gradient.</param>
/// <param name="Convolution">How the filter moves, and in what arithmetic.</param>
public sealed record ConvolutionDescriptors(TensorDescriptor Input, FilterDescriptor Filter, TensorDescriptor Output, ConvolutionDescriptor Convolution)
    : IDisposable
{
    /// <summary>Describes a convolution of tensors of one type.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="filter">[K, R, S, C / groups].</param>
    /// <param name="output">[N, P, Q, K].</param>
    /// <param name="geometry">How the filter moves.</param>
    /// <param name="mathType">In what arithmetic.</param>
    public ConvolutionDescriptors(
        CudnnDataType type, Shape input, Shape filter, Shape output, in ConvolutionGeometry geometry, CudnnMathType mathType)
        : this(
            new TensorDescriptor(type, input), new FilterDescriptor(type, filter), new TensorDescriptor(type, output),
            new ConvolutionDescriptor(geometry, mathType))
    {
    }

    /// <summary>Gives all four back.</summary>
    public void Dispose()
    {
        Input.Dispose();
        Filter.Dispose();
        Output.Dispose();
        Convolution.Dispose();
    }

    /// <summary>For messages.</summary>
    public override string ToString() => $"input side {Input}, filter {Filter}, output side {Output}, {Convolution}";
}
