using Engine.Kernels.Cudnn;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>A convolution by an engine of cuDNN's graph API. Whether it adds to its result is part of the plan.</summary>
internal sealed class GraphCandidate(CudaDNNContext dnn, PlanTarget target, ConvolutionDirection direction, ConvolutionEnginePlan plan) : ConvolutionCandidate
{
    internal override CudaConvolutions Way => CudaConvolutions.Graph;

    internal override string Name => plan.ToString();

    internal override long WorkspaceBytes => plan.WorkspaceBytes;

    internal override bool IsPreferred => plan.IsPreferred;

    internal override void Run(in ConvolutionAddresses at, nint workspace, bool accumulate)
    {
        ReadOnlySpan<nint> addresses = direction switch
        {
            ConvolutionDirection.Forward => [at.Output, at.Filter, at.Input],
            ConvolutionDirection.BackwardData => [at.Input, at.Filter, at.Output],
            _ => [at.Filter, at.Output, at.Input],
        };
        using VariantPack pack = new(target, [.. ConvolutionPlanner.TensorIds], addresses, workspace);
        plan.Plan.Execute(dnn, pack);
    }

    internal override void Describe(ConvolutionPlanEntry entry) => entry.Take(plan);

    public override void Dispose() => plan.Dispose();
}
