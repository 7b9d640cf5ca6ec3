using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>The algorithms of cuDNN's older functions for a convolution: run and timed by cuDNN itself, or as it expects them to be.</summary>
internal sealed class LegacySearch(CudaDNNContext dnn, CudaPrecision precision)
{
    private CudnnMathType MathType => precision == CudaPrecision.Float32 ? CudnnMathType.Fma : CudnnMathType.TensorOp;

    /// <summary>Runs every algorithm; overwrites the result. Fastest first, but those that give the same bits every time before all others.</summary>
    /// <param name="key">The convolution.</param>
    /// <param name="at">Where the tensors lie.</param>
    /// <param name="rentWorkspace">Lends memory for the search.</param>
    /// <exception cref="CudaException">No algorithm can, and cuDNN's reason is another than that it has none.</exception>
    internal List<ConvolutionCandidate> Search(in ConvolutionKey key, ConvolutionAddresses at, Func<long, Tensor> rentWorkspace)
    {
        ConvolutionPerformance[] expected = Ask(key, null);
        long bytes = Math.Clamp(
            expected.Where(IsPossible).Select(result => (long)result.WorkspaceBytes).DefaultIfEmpty(0).Max(), 64, ConvolutionPlanner.LargestWorkspace);
        using Tensor workspace = rentWorkspace(bytes);
        return Candidates(key, Ask(key, (at, workspace.WriteAddress(), workspace.ByteCount)));
    }

    /// <summary>As cuDNN expects them to be, without running any: where work is being recorded instead of run.</summary>
    internal List<ConvolutionCandidate> Guess(in ConvolutionKey key) => Candidates(key, Ask(key, null));

    /// <summary>An algorithm that was kept.</summary>
    internal ConvolutionCandidate Restore(in ConvolutionKey key, ConvolutionPlanEntry entry) =>
        entry.WorkspaceBytes <= ConvolutionPlanner.LargestWorkspace && IsAllowed((CudnnMathType)entry.MathType)
            ? new LegacyCandidate(dnn, key, entry.Algorithm, (CudnnMathType)entry.MathType, entry.WorkspaceBytes, isPreferred: true)
            : throw new EngineException($"algorithm {entry.Algorithm} needs too much memory, or rounds its factors");

    // Compared without a sign: cuDNN sometimes reports a workspace beyond 2^63 bytes (PyTorch's aten/src/ATen/native/cudnn/Conv_v7.cpp).
    private static bool IsPossible(ConvolutionPerformance result) => result.Status == 0 && result.WorkspaceBytes <= (nuint)ConvolutionPlanner.LargestWorkspace;

    // In fp32 an algorithm that would round to tf32 is not taken.
    private bool IsAllowed(CudnnMathType type) => MathType != CudnnMathType.Fma || type == CudnnMathType.Fma;

    private List<ConvolutionCandidate> Candidates(in ConvolutionKey key, ConvolutionPerformance[] results)
    {
        ConvolutionPerformance[] possible = [.. results.Where(result => IsPossible(result)
            && IsAllowed(result.MathType)).OrderBy(result => result.Determinism == 1 ? 0 : 1)];
        if (possible.Length == 0)
        {
            // An algorithm may lack workspace (2006) or kernels; anything else is a failure, and not to be hidden by slow loops.
            foreach (ConvolutionPerformance result in results)
            {
                if (result.Status is not (0 or 2006) && !CudnnStatus.IsNotSupported(result.Status))
                {
                    CudnnApi.Check(result.Status, $"cudnnFindConvolution ({key})", $"algorithm {result.Algorithm}");
                }
            }
        }

        List<ConvolutionCandidate> candidates = [];
        foreach (ConvolutionPerformance result in possible)
        {
            candidates.Add(new LegacyCandidate(dnn, key, result.Algorithm, result.MathType, (long)result.WorkspaceBytes, result.Determinism == 1)
            {
                Milliseconds = result.Milliseconds < 0 ? null : result.Milliseconds,
            });
        }

        return candidates;
    }

    private ConvolutionPerformance[] Ask(in ConvolutionKey key, (ConvolutionAddresses At, nint Workspace, long Bytes)? run)
    {
        using ConvolutionDescriptors descriptors = new(key.Type, key.Input, key.Filter, key.Output, key.Geometry, MathType);
        try
        {
            return run is var (at, workspace, bytes)
                ? dnn.FindConvolutionAlgorithms(key.Direction, descriptors, at, workspace, bytes)
                : dnn.GetConvolutionAlgorithms(key.Direction, descriptors);
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            // A configuration that no algorithm serves may end the question itself, instead of every answer.
            return [];
        }
    }
}
