using Engine.Devices;
using Engine.Tensors;

namespace Engine.Onnx;

/// <content>The primitives that no exported graph has: those of training, of losses and of measuring.</content>
internal sealed partial class GraphTracer
{
    /// <inheritdoc/>
    public override void PrepareImages(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output) =>
        throw Refuse(nameof(PrepareImages));

    /// <inheritdoc/>
    public override void ReluBackward(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(ReluBackward));

    /// <inheritdoc/>
    public override void SigmoidBackward(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(SigmoidBackward));

    /// <inheritdoc/>
    public override void ConvolutionBackwardData(Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(ConvolutionBackwardData));

    /// <inheritdoc/>
    public override void ConvolutionBackwardFilter(Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate) =>
        throw Refuse(nameof(ConvolutionBackwardFilter));

    /// <inheritdoc/>
    public override void BiasBackward(Tensor outputGradient, Tensor biasGradient, bool accumulate) =>
        throw Refuse(nameof(BiasBackward));

    /// <inheritdoc/>
    public override void BatchNormTraining(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation) =>
        throw Refuse(nameof(BatchNormTraining));

    /// <inheritdoc/>
    public override void BatchNormApply(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output) =>
        throw Refuse(nameof(BatchNormApply));

    /// <inheritdoc/>
    public override void BatchNormBackward(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu,
        bool batchStatistics, Tensor? inputGradient, Tensor? shortcutGradient, Tensor? gammaGradient, Tensor? betaGradient,
        NormAccumulate accumulate) =>
        throw Refuse(nameof(BatchNormBackward));

    /// <inheritdoc/>
    public override void GroupNormBackward(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        Tensor? inputGradient, Tensor? gammaGradient, Tensor? betaGradient, NormAccumulate accumulate) =>
        throw Refuse(nameof(GroupNormBackward));

    /// <inheritdoc/>
    public override void MaxPoolBackward(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(MaxPoolBackward));

    /// <inheritdoc/>
    public override void AveragePoolBackward(Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(AveragePoolBackward));

    /// <inheritdoc/>
    public override void AdaptiveAveragePoolBackward(Tensor outputGradient, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(AdaptiveAveragePoolBackward));

    /// <inheritdoc/>
    public override void PadSubsampleBackward(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate) =>
        throw Refuse(nameof(PadSubsampleBackward));

    /// <inheritdoc/>
    public override void SoftmaxCrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient) =>
        throw Refuse(nameof(SoftmaxCrossEntropy));

    /// <inheritdoc/>
    public override void TopKCount(Tensor logits, Tensor labels, int k, Tensor count) =>
        throw Refuse(nameof(TopKCount));

    /// <inheritdoc/>
    public override void ArgMax(Tensor input, Tensor output) =>
        throw Refuse(nameof(ArgMax));

    /// <inheritdoc/>
    public override void SoftCrossEntropy(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient) =>
        throw Refuse(nameof(SoftCrossEntropy));

    /// <inheritdoc/>
    public override void PointwiseLoss(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient) =>
        throw Refuse(nameof(PointwiseLoss));

    /// <inheritdoc/>
    public override void SetValues(Tensor output, ReadOnlySpan<double> values) =>
        throw Refuse(nameof(SetValues));

    /// <inheritdoc/>
    public override void SgdStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) =>
        throw Refuse(nameof(SgdStep));

    /// <inheritdoc/>
    public override void AdamWStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) =>
        throw Refuse(nameof(AdamWStep));

    /// <inheritdoc/>
    public override void MoveAverages(ReadOnlySpan<ParameterUpdate> averages, Tensor settings) =>
        throw Refuse(nameof(MoveAverages));

    /// <inheritdoc/>
    public override void GradientNorm(ReadOnlySpan<Tensor> gradients, Tensor norm) =>
        throw Refuse(nameof(GradientNorm));

    /// <inheritdoc/>
    public override void ClipByNorm(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum) =>
        throw Refuse(nameof(ClipByNorm));

    /// <inheritdoc/>
    public override void ClipByValue(ReadOnlySpan<Tensor> gradients, double limit) =>
        throw Refuse(nameof(ClipByValue));
}
