using Engine.Kernels.Interop;

namespace Engine.Kernels.Convolutions;

/// <summary>A convolution by an algorithm of cuDNN's older functions.</summary>
internal sealed class LegacyCandidate : ConvolutionCandidate
{
    private readonly CudaDNNContext _dnn;
    private readonly ConvolutionDirection _direction;
    private readonly TensorDescriptor _input;
    private readonly FilterDescriptor _filter;
    private readonly TensorDescriptor _output;
    private readonly ConvolutionDescriptor _convolution;
    private readonly int _algorithm;
    private readonly CudnnMathType _mathType;

    internal LegacyCandidate(CudaDNNContext dnn, in ConvolutionKey key, int algorithm, CudnnMathType mathType, long workspaceBytes, bool isPreferred)
    {
        (_dnn, _direction, _algorithm, _mathType) = (dnn, key.Direction, algorithm, mathType);
        (WorkspaceBytes, IsPreferred) = (workspaceBytes, isPreferred);
        _input = new TensorDescriptor(key.Type, key.Input);
        _filter = new FilterDescriptor(key.Type, key.Filter);
        _output = new TensorDescriptor(key.Type, key.Output);
        _convolution = new ConvolutionDescriptor(key.Geometry, mathType);
    }

    internal override CudaConvolutions Way => CudaConvolutions.Legacy;

    internal override string Name => $"algorithm {_algorithm} in {_mathType} math";

    internal override long WorkspaceBytes { get; }

    internal override bool IsPreferred { get; }

    internal override void Run(in ConvolutionAddresses at, nint workspace, bool accumulate)
    {
        float beta = accumulate ? 1 : 0;
        switch (_direction)
        {
            case ConvolutionDirection.Forward:
                _dnn.ConvolutionForward(1, _input, at.Input, _filter, at.Filter, _convolution, _algorithm, workspace, WorkspaceBytes, beta, _output, at.Output);
                break;
            case ConvolutionDirection.BackwardData:
                _dnn.ConvolutionBackwardData(
                    1, _filter, at.Filter, _output, at.Output, _convolution, _algorithm, workspace, WorkspaceBytes, beta, _input, at.Input);
                break;
            default:
                _dnn.ConvolutionBackwardFilter(
                    1, _input, at.Input, _output, at.Output, _convolution, _algorithm, workspace, WorkspaceBytes, beta, _filter, at.Filter);
                break;
        }
    }

    internal override void Describe(ConvolutionPlanEntry entry) =>
        (entry.Algorithm, entry.MathType, entry.WorkspaceBytes) = (_algorithm, (int)_mathType, WorkspaceBytes);

    public override void Dispose()
    {
        _input.Dispose();
        _filter.Dispose();
        _output.Dispose();
        _convolution.Dispose();
    }
}
