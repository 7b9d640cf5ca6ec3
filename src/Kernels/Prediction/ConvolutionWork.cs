using Engine.Kernels.Interop;

namespace Engine.Kernels.Prediction;

/// <summary>What a convolution moves and computes, whichever library or kernel does it.</summary>
internal static class ConvolutionWork
{
    /// <summary>The piece of work: each of the three tensors once, the result twice where it is added to.</summary>
    internal static StepNode ToNode(in ConvolutionKey key, bool accumulate, CudaPrecision precision, PlannedConvolution plan)
    {
        long size = key.Type == CudnnDataType.BFloat16 ? 2 : 4;
        long input = size * key.Input.ElementCount, filter = size * key.Filter.ElementCount, output = size * key.Output.ElementCount;
        (string name, long read, long written) = key.Direction switch
        {
            ConvolutionDirection.Forward => ("cudnn forward", input + filter, output),
            ConvolutionDirection.BackwardData => ("cudnn backward data", output + filter, input),
            _ => ("cudnn backward filter", input + output, filter),
        };
        Arithmetic arithmetic = key.Type == CudnnDataType.BFloat16 ? Arithmetic.BFloat16
            : precision == CudaPrecision.Float32 ? Arithmetic.Float32 : Arithmetic.TensorFloat32;
        return new StepNode(name, StepPart.Convolutions, read + (accumulate ? written : 0), written, Operations(key), arithmetic, Convolution: plan);
    }

    /// <summary>Two for each multiply-add of an output element with its taps: the same for all three directions.</summary>
    internal static long Operations(in ConvolutionKey key) => 2 * key.Output.ElementCount * key.Filter[1] * key.Filter[2] * key.Filter[3];
}
