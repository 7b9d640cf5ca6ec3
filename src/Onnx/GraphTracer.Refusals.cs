namespace Engine.Onnx;

/// <content>The primitives that no exported graph has: those of training, of losses and of measuring.</content>
internal sealed partial class GraphTracer
{
    /// <inheritdoc/>
    protected override void PrepareImagesCore(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output) =>
        throw Refuse(nameof(PrepareImages));

    /// <inheritdoc/>
    protected override void ReluBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(ReluBackward));

    /// <inheritdoc/>
    protected override void SigmoidBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(SigmoidBackward));

    /// <inheritdoc/>
    protected override void ConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(ConvolutionBackwardData));

    /// <inheritdoc/>
    protected override void ConvolutionBackwardFilterCore(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate) =>
        throw Refuse(nameof(ConvolutionBackwardFilter));

    /// <inheritdoc/>
    protected override void BiasBackwardCore(Tensor outputGradient, Tensor biasGradient, bool accumulate) =>
        throw Refuse(nameof(BiasBackward));

    /// <inheritdoc/>
    protected override void BatchNormTrainingCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation) =>
        throw Refuse(nameof(BatchNormTraining));

    /// <inheritdoc/>
    protected override void BatchNormApplyCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output) =>
        throw Refuse(nameof(BatchNormApply));

    /// <inheritdoc/>
    protected override void BatchNormBackwardCore(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu,
        bool batchStatistics, GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient) =>
        throw Refuse(nameof(BatchNormBackward));

    /// <inheritdoc/>
    protected override void GroupNormBackwardCore(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient) =>
        throw Refuse(nameof(GroupNormBackward));

    /// <inheritdoc/>
    protected override void MaxPoolBackwardCore(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(MaxPoolBackward));

    /// <inheritdoc/>
    protected override void AveragePoolBackwardCore(
        Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(AveragePoolBackward));

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolBackwardCore(Tensor outputGradient, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(AdaptiveAveragePoolBackward));

    /// <inheritdoc/>
    protected override void PadSubsampleBackwardCore(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(PadSubsampleBackward));

    /// <inheritdoc/>
    protected override void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient) =>
        throw Refuse(nameof(SoftmaxCrossEntropy));

    /// <inheritdoc/>
    protected override void TopKCountCore(Tensor logits, Tensor labels, int k, Tensor count) =>
        throw Refuse(nameof(TopKCount));

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor input, Tensor output) =>
        throw Refuse(nameof(ArgMax));

    /// <inheritdoc/>
    protected override void SoftCrossEntropyCore(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient) =>
        throw Refuse(nameof(SoftCrossEntropy));

    /// <inheritdoc/>
    protected override void PointwiseLossCore(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient) =>
        throw Refuse(nameof(PointwiseLoss));

    /// <inheritdoc/>
    protected override void SetValuesCore(Tensor output, ReadOnlySpan<double> values) =>
        throw Refuse(nameof(SetValues));

    /// <inheritdoc/>
    protected override void SgdStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) =>
        throw Refuse(nameof(SgdStep));

    /// <inheritdoc/>
    protected override void AdamWStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) =>
        throw Refuse(nameof(AdamWStep));

    /// <inheritdoc/>
    protected override void MoveAveragesCore(ReadOnlySpan<ParameterUpdate> averages, Tensor settings) =>
        throw Refuse(nameof(MoveAverages));

    /// <inheritdoc/>
    protected override void GradientNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm) =>
        throw Refuse(nameof(GradientNorm));

    /// <inheritdoc/>
    protected override void ClipByNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum) =>
        throw Refuse(nameof(ClipByNorm));

    /// <inheritdoc/>
    protected override void ClipByValueCore(ReadOnlySpan<Tensor> gradients, double limit) =>
        throw Refuse(nameof(ClipByValue));
}
