using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>How a filter moves over an image; the number of groups follows from the filter's channels.</summary>
internal sealed class ConvolutionSettings : BackendDescriptor
{
    // Networks call a cross-correlation a convolution.
    private const int CrossCorrelation = 1;

    internal ConvolutionSettings(
        ICudnnBackend backend, ConvolutionGeometry geometry, CudnnDataType compute) : base(backend, BackendDescriptorType.Convolution) =>
        Build(() =>
        {
            Set(BackendAttribute.ConvolutionComputeType, BackendAttributeType.DataType, (int)compute);
            Set(BackendAttribute.ConvolutionMode, BackendAttributeType.ConvolutionMode, CrossCorrelation);
            Set(BackendAttribute.ConvolutionSpatialDimensions, BackendAttributeType.Int64, 2L);
            Set(BackendAttribute.ConvolutionDilations, BackendAttributeType.Int64, (long)geometry.Dilation.Height, geometry.Dilation.Width);
            Set(BackendAttribute.ConvolutionFilterStrides, BackendAttributeType.Int64, (long)geometry.Stride.Height, geometry.Stride.Width);
            Set(BackendAttribute.ConvolutionPrePaddings, BackendAttributeType.Int64, (long)geometry.Padding.Height, geometry.Padding.Width);
            Set(BackendAttribute.ConvolutionPostPaddings, BackendAttributeType.Int64, (long)geometry.Padding.Height, geometry.Padding.Width);
        });
}

/// <summary>One of a convolution's three maps: result = alpha * map + beta * result.</summary>
public sealed class ConvolutionOperation : GraphOperation
{
    private ConvolutionSettings? _settings;

    /// <param name="backend">The calls.</param>
    /// <param name="direction">Which map.</param>
    /// <param name="x">The tensor at the input side.</param>
    /// <param name="w">The filter, or its gradient.</param>
    /// <param name="y">The tensor at the output side.</param>
    /// <param name="geometry">How the filter moves.</param>
    /// <param name="alpha">Factor of the map.</param>
    /// <param name="beta">Factor of what the result holds before.</param>
    internal ConvolutionOperation(
        ICudnnBackend backend, ConvolutionDirection direction, GraphTensor x, GraphTensor w, GraphTensor y, ConvolutionGeometry geometry, float alpha,
        float beta)
        : base(backend, TypeOf(direction)) =>
        Build(() =>
        {
            _settings = new ConvolutionSettings(backend, geometry, CudnnDataType.Float32);
            switch (direction)
            {
                case ConvolutionDirection.Forward:
                    Set(BackendAttribute.ForwardConvolution, _settings);
                    Set(BackendAttribute.ForwardX, x);
                    Set(BackendAttribute.ForwardW, w);
                    Set(BackendAttribute.ForwardY, y);
                    Set(BackendAttribute.ForwardAlpha, BackendAttributeType.Float, alpha);
                    Set(BackendAttribute.ForwardBeta, BackendAttributeType.Float, beta);
                    break;
                case ConvolutionDirection.BackwardData:
                    Set(BackendAttribute.BackwardDataConvolution, _settings);
                    Set(BackendAttribute.BackwardDataDX, x);
                    Set(BackendAttribute.BackwardDataW, w);
                    Set(BackendAttribute.BackwardDataDY, y);
                    Set(BackendAttribute.BackwardDataAlpha, BackendAttributeType.Float, alpha);
                    Set(BackendAttribute.BackwardDataBeta, BackendAttributeType.Float, beta);
                    break;
                default:
                    Set(BackendAttribute.BackwardFilterConvolution, _settings);
                    Set(BackendAttribute.BackwardFilterX, x);
                    Set(BackendAttribute.BackwardFilterDY, y);
                    Set(BackendAttribute.BackwardFilterDW, w);
                    Set(BackendAttribute.BackwardFilterAlpha, BackendAttributeType.Float, alpha);
                    Set(BackendAttribute.BackwardFilterBeta, BackendAttributeType.Float, beta);
                    break;
            }
        });

    private protected override void DisposeCore() => _settings?.Dispose();

    private static BackendDescriptorType TypeOf(ConvolutionDirection direction) => direction switch
    {
        ConvolutionDirection.Forward => BackendDescriptorType.ConvolutionForward,
        ConvolutionDirection.BackwardData => BackendDescriptorType.ConvolutionBackwardData,
        _ => BackendDescriptorType.ConvolutionBackwardFilter,
    };
}
