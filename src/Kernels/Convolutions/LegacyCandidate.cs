using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>A convolution by an algorithm of cuDNN's older functions.</summary>
internal sealed class LegacyCandidate : ConvolutionCandidate
{
    private readonly CudaDNNContext _dnn;
    private readonly ConvolutionDirection _direction;
    private readonly ConvolutionDescriptors _descriptors;
    private readonly int _algorithm;
    private readonly CudnnMathType _mathType;

    internal LegacyCandidate(CudaDNNContext dnn, in ConvolutionKey key, int algorithm, CudnnMathType mathType, long workspaceBytes, bool isPreferred)
    {
        (_dnn, _direction, _algorithm, _mathType) = (dnn, key.Direction, algorithm, mathType);
        (WorkspaceBytes, IsPreferred) = (workspaceBytes, isPreferred);
        _descriptors = new ConvolutionDescriptors(key.Type, key.Input, key.Filter, key.Output, key.Geometry, mathType);
    }

    internal override CudaConvolutions Way => CudaConvolutions.Legacy;

    internal override string Name => $"algorithm {_algorithm} in {_mathType} math";

    internal override long WorkspaceBytes { get; }

    internal override bool IsPreferred { get; }

    internal override void Run(in ConvolutionAddresses at, nint workspace, bool accumulate) =>
        _dnn.Convolve(_direction, _descriptors, at, _algorithm, workspace, WorkspaceBytes, beta: accumulate ? 1 : 0);

    internal override void Describe(ConvolutionPlanEntry entry) =>
        (entry.Algorithm, entry.MathType, entry.WorkspaceBytes) = (_algorithm, (int)_mathType, WorkspaceBytes);

    public override void Dispose() => _descriptors.Dispose();
}
