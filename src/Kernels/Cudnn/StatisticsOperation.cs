using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>GEN_STATS: the sum of a tensor and of its squares, for each channel, as 32-bit floats [1, 1, 1, C].</summary>
public sealed class StatisticsOperation : GraphOperation
{
    private const int SumAndSquaredSum = 0;

    internal StatisticsOperation(
        ICudnnBackend backend, GraphTensor x, Func<CudnnDataType, Shape, GraphTensor> make) : base(backend, BackendDescriptorType.Statistics)
    {
        Shape channels = new(1, 1, 1, x.Shape.Last);
        GraphTensor? sum = null, squaredSum = null;
        Build(() =>
        {
            Set(BackendAttribute.StatisticsMode, BackendAttributeType.StatisticsMode, SumAndSquaredSum);
            Set(BackendAttribute.StatisticsMathPrecision, BackendAttributeType.DataType, (int)CudnnDataType.Float32);
            Set(BackendAttribute.StatisticsX, x);
            sum = make(CudnnDataType.Float32, channels);
            Set(BackendAttribute.StatisticsSum, sum);
            squaredSum = make(CudnnDataType.Float32, channels);
            Set(BackendAttribute.StatisticsSquaredSum, squaredSum);
        });
        (Sum, SquaredSum) = (sum!, squaredSum!);
    }

    /// <summary>The sum over all pixels of each channel.</summary>
    public GraphTensor Sum { get; }

    /// <summary>The sum of squares over all pixels of each channel.</summary>
    public GraphTensor SquaredSum { get; }
}
