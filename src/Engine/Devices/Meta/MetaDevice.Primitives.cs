namespace Engine;

/// <content>The primitives that only exist: nothing is computed.</content>
public partial class MetaDevice
{
    /// <inheritdoc/>
    protected override void FillCore(Tensor output, double value) { }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void PrepareImagesCore(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output) { }

    /// <inheritdoc/>
    protected override void AddCore(Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    protected override void AddReluCore(Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    protected override void ReluCore(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void ReluBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void MultiplyCore(Tensor left, Tensor right, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    protected override void SigmoidCore(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void SigmoidBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor input, double factor, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    protected override void ScaleByCore(Tensor input, Tensor factor, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    protected override void ConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate)
    {
    }

    /// <inheritdoc/>
    protected override void ConvolutionBackwardFilterCore(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor input, Tensor bias, Tensor output) { }

    /// <inheritdoc/>
    protected override void BiasBackwardCore(Tensor outputGradient, Tensor biasGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void BatchNormTrainingCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean,
        Tensor? runningVariance, double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
    }

    /// <inheritdoc/>
    protected override void BatchNormInferenceCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
    }

    /// <inheritdoc/>
    protected override void BatchNormApplyCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output)
    {
    }

    /// <inheritdoc/>
    protected override void BatchNormBackwardCore(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation,
        bool relu, bool batchStatistics, GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient,
        GradientTarget betaGradient)
    {
    }

    /// <inheritdoc/>
    protected override void GroupNormCore(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
    }

    /// <inheritdoc/>
    protected override void GroupNormBackwardCore(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean,
        Tensor savedInverseDeviation, GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
    }

    /// <inheritdoc/>
    protected override void MaxPoolCore(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions) { }

    /// <inheritdoc/>
    protected override void MaxPoolBackwardCore(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void AveragePoolCore(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output) { }

    /// <inheritdoc/>
    protected override void AveragePoolBackwardCore(
        Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate)
    { }

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolCore(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void AdaptiveAveragePoolBackwardCore(Tensor outputGradient, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void PadSubsampleCore(Tensor input, int stride, int padBefore, Tensor output) { }

    /// <inheritdoc/>
    protected override void PadSubsampleBackwardCore(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    protected override void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient) { }

    /// <inheritdoc/>
    protected override void TopKCountCore(Tensor logits, Tensor labels, int k, Tensor count) { }

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void ReduceCore(Reduction reduction, Tensor input, Tensor output) { }

    /// <inheritdoc/>
    protected override void SoftCrossEntropyCore(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient) { }

    /// <inheritdoc/>
    protected override void PointwiseLossCore(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient)
    { }

    /// <inheritdoc/>
    protected override void SetValuesCore(Tensor output, ReadOnlySpan<double> values) { }

    /// <inheritdoc/>
    protected override void SgdStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) { }

    /// <inheritdoc/>
    protected override void AdamWStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) { }

    /// <inheritdoc/>
    protected override void MoveAveragesCore(ReadOnlySpan<ParameterUpdate> averages, Tensor settings) { }

    /// <inheritdoc/>
    protected override void GradientNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm) { }

    /// <inheritdoc/>
    protected override void ClipByNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum) { }

    /// <inheritdoc/>
    protected override void ClipByValueCore(ReadOnlySpan<Tensor> gradients, double limit) { }
}
