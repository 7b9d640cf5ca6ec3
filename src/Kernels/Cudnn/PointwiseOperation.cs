using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>What a pointwise operation computes, and in which type.</summary>
internal sealed class PointwiseSettings : BackendDescriptor
{
    internal PointwiseSettings(ICudnnBackend backend, PointwiseMode mode, CudnnDataType compute) : base(backend, BackendDescriptorType.Pointwise) =>
        Build(() =>
        {
            Set(BackendAttribute.PointwiseMode, BackendAttributeType.PointwiseMode, (int)mode);
            Set(BackendAttribute.PointwiseMathPrecision, BackendAttributeType.DataType, (int)compute);
        });
}

/// <summary>An operation on each element by itself: y = f(x), y = f(x, b), or dx = dy * f'(x).</summary>
public sealed class PointwiseOperation : GraphOperation
{
    internal PointwiseOperation(ICudnnBackend backend, PointwiseSettings settings, GraphTensor x, GraphTensor? b, GraphTensor y)
        : base(backend, BackendDescriptorType.PointwiseOperation) =>
        Build(() =>
        {
            Set(BackendAttribute.PointwiseDescriptor, settings);
            Set(BackendAttribute.PointwiseX, x);
            Set(BackendAttribute.PointwiseY, y);
            if (b is not null)
            {
                Set(BackendAttribute.PointwiseB, b);
            }
        });

    /// <summary>The backward of an activation: x is what it was applied to.</summary>
    internal PointwiseOperation(GraphTensor x, GraphTensor dy, GraphTensor dx, ICudnnBackend backend, PointwiseSettings settings)
        : base(backend, BackendDescriptorType.PointwiseOperation) =>
        Build(() =>
        {
            Set(BackendAttribute.PointwiseDescriptor, settings);
            Set(BackendAttribute.PointwiseX, x);
            Set(BackendAttribute.PointwiseDY, dy);
            Set(BackendAttribute.PointwiseDX, dx);
        });
}
