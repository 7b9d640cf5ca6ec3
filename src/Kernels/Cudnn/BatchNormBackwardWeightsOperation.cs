using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// BN_BWD_WEIGHTS: from a batch norm's input x, statistics and scale, and the gradient dy of its output, the gradients of scale and bias,
/// and three vectors that make its input's gradient an affine map: dx = <see cref="GradientFactor"/> * dy +
/// <see cref="InputFactor"/> * x + <see cref="Constant"/>. All vectors are 32-bit floats [1, 1, 1, C].
/// </summary>
/// <remarks>
/// With r = 1 / sqrt(variance + epsilon) and m pixels: GradientFactor = scale r, InputFactor = -scale r^2 dscale / m, and
/// Constant = -scale r dbias / m - InputFactor mean.
/// </remarks>
public sealed class BatchNormBackwardWeightsOperation : GraphOperation
{
    internal BatchNormBackwardWeightsOperation(
        ICudnnBackend backend, GraphTensor x, GraphTensor mean, GraphTensor inverseDeviation, GraphTensor scale, GraphTensor dy,
        Func<CudnnDataType, Shape, GraphTensor> make) : base(backend, BackendDescriptorType.BatchNormBackwardWeights)
    {
        Shape channels = new(1, 1, 1, x.Shape.Last);
        GraphTensor[] made = new GraphTensor[5];
        Build(() =>
        {
            Set(BackendAttribute.BackwardWeightsMathPrecision, BackendAttributeType.DataType, (int)CudnnDataType.Float32);
            Set(BackendAttribute.BackwardWeightsX, x);
            Set(BackendAttribute.BackwardWeightsMean, mean);
            Set(BackendAttribute.BackwardWeightsInverseDeviation, inverseDeviation);
            Set(BackendAttribute.BackwardWeightsScale, scale);
            Set(BackendAttribute.BackwardWeightsDY, dy);
            for (int i = 0; i < made.Length; i++)
            {
                made[i] = make(CudnnDataType.Float32, channels);
                Set(BackendAttribute.BackwardWeightsScaleGradient + i, made[i]);
            }
        });
        (ScaleGradient, BiasGradient, GradientFactor, InputFactor, Constant) = (made[0], made[1], made[2], made[3], made[4]);
    }

    /// <summary>The gradient of the scale.</summary>
    public GraphTensor ScaleGradient { get; }

    /// <summary>The gradient of the bias.</summary>
    public GraphTensor BiasGradient { get; }

    /// <summary>cuDNN's EQ_DY_SCALE.</summary>
    public GraphTensor GradientFactor { get; }

    /// <summary>cuDNN's EQ_X_SCALE.</summary>
    public GraphTensor InputFactor { get; }

    /// <summary>cuDNN's EQ_BIAS.</summary>
    public GraphTensor Constant { get; }
}
