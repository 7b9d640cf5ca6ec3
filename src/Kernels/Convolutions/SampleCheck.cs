using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>
/// Runs a candidate and compares samples of its result with kernels.cu, on the program's own operands; where those say nothing, all
/// being zeros, on test values.
/// </summary>
internal sealed class SampleCheck(CudaDevice device)
{
    /// <summary>What is wrong with a candidate, in one line; null when nothing is, or when there is no memory to tell. Overwrites the result.</summary>
    /// <param name="key">The convolution.</param>
    /// <param name="candidate">What computes it.</param>
    /// <param name="at">Where its tensors lie.</param>
    /// <param name="accumulate">Whether the candidate adds to what is there, which is 1 then.</param>
    /// <exception cref="CudaException">The candidate does not run.</exception>
    internal string? FindMistake(in ConvolutionKey key, ConvolutionCandidate candidate, in ConvolutionAddresses at, bool accumulate)
    {
        (SampleVerdict verdict, string? problem) = Run(key, candidate, at, accumulate);
        if (verdict == SampleVerdict.Nothing)
        {
            problem = OnTestValues(key, candidate, accumulate);
        }

        return problem;
    }

    private string? OnTestValues(in ConvolutionKey key, ConvolutionCandidate candidate, bool accumulate)
    {
        DataType type = key.Type == CudnnDataType.BFloat16 ? DataType.BFloat16 : DataType.Float32;
        try
        {
            using Tensor input = device.TestValues(key.Input, type, seed: 1), filter = device.TestValues(key.Filter, type, seed: 2);
            using Tensor output = device.TestValues(key.Output, type, seed: 3);
            return Run(key, candidate, new ConvolutionAddresses(input.WriteAddress(), filter.WriteAddress(), output.WriteAddress()), accumulate).Problem;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    private (SampleVerdict Verdict, string? Problem) Run(in ConvolutionKey key, ConvolutionCandidate candidate, in ConvolutionAddresses at, bool accumulate)
    {
        float before = accumulate ? 1 : 0;
        if (accumulate)
        {
            device.FillResult(key, at, before);
        }

        using (Tensor workspace = device.Temporary(Math.Max(16, candidate.WorkspaceBytes)))
        {
            candidate.Run(at, workspace.WriteAddress(), accumulate);
        }

        float[] samples = device.SampleConvolution(key, at, SampleJudge.Samples, before);
        CudaPrecision arithmetic = key.Type == CudnnDataType.BFloat16 ? CudaPrecision.BFloat16
            : device.Precision == CudaPrecision.Float32 ? CudaPrecision.Float32 : CudaPrecision.TensorFloat32;
        return SampleJudge.Judge(samples, arithmetic);
    }
}
