namespace Engine.Kernels;

/// <summary>Where a convolution's three tensors lie in device memory, in the roles of the forward map whatever the direction.</summary>
/// <param name="Input">The input, or its gradient.</param>
/// <param name="Filter">The filter, or its gradient.</param>
/// <param name="Output">The output, or its gradient.</param>
public readonly record struct ConvolutionAddresses(nint Input, nint Filter, nint Output)
{
    /// <summary>The one that a direction writes.</summary>
    public nint Result(ConvolutionDirection direction) => direction switch
    {
        ConvolutionDirection.Forward => Output,
        ConvolutionDirection.BackwardData => Input,
        _ => Filter,
    };

    /// <summary>The same with another place for the result.</summary>
    public ConvolutionAddresses WithResult(ConvolutionDirection direction, nint address) => direction switch
    {
        ConvolutionDirection.Forward => this with { Output = address },
        ConvolutionDirection.BackwardData => this with { Input = address },
        _ => this with { Filter = address },
    };
}
