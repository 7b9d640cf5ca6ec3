using Engine.Tensors;

namespace Engine.Devices.Meta;

/// <content>The primitives that only exist: nothing is computed.</content>
public partial class MetaDevice
{
    /// <inheritdoc/>
    public override void Fill(Tensor output, double value) { }

    /// <inheritdoc/>
    public override void Copy(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void PrepareImages(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output) { }

    /// <inheritdoc/>
    public override void Add(Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    public override void AddRelu(Tensor left, Tensor right, Tensor output) { }

    /// <inheritdoc/>
    public override void Relu(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void ReluBackward(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void Multiply(Tensor left, Tensor right, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    public override void Sigmoid(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void SigmoidBackward(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void Scale(Tensor input, double factor, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    public override void ScaleBy(Tensor input, Tensor factor, Tensor output, bool accumulate) { }

    /// <inheritdoc/>
    public override void ConvolutionBackwardData(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public override void ConvolutionBackwardFilter(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public override void AddBias(Tensor input, Tensor bias, Tensor output) { }

    /// <inheritdoc/>
    public override void BiasBackward(Tensor outputGradient, Tensor biasGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void BatchNormTraining(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean,
        Tensor? runningVariance, double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
    }

    /// <inheritdoc/>
    public override void BatchNormInference(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
    }

    /// <inheritdoc/>
    public override void BatchNormApply(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output)
    {
    }

    /// <inheritdoc/>
    public override void BatchNormBackward(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation,
        bool relu, bool batchStatistics, Tensor? inputGradient, Tensor? shortcutGradient, Tensor? gammaGradient, Tensor? betaGradient, NormAccumulate accumulate)
    {
    }

    /// <inheritdoc/>
    public override void GroupNorm(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
    }

    /// <inheritdoc/>
    public override void GroupNormBackward(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean,
        Tensor savedInverseDeviation, Tensor? inputGradient, Tensor? gammaGradient, Tensor? betaGradient, NormAccumulate accumulate)
    {
    }

    /// <inheritdoc/>
    public override void MaxPool(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions) { }

    /// <inheritdoc/>
    public override void MaxPoolBackward(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void AveragePool(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output) { }

    /// <inheritdoc/>
    public override void AveragePoolBackward(Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void AdaptiveAveragePool(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void AdaptiveAveragePoolBackward(Tensor outputGradient, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void PadSubsample(Tensor input, int stride, int padBefore, Tensor output) { }

    /// <inheritdoc/>
    public override void PadSubsampleBackward(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate) { }

    /// <inheritdoc/>
    public override void SoftmaxCrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient) { }

    /// <inheritdoc/>
    public override void TopKCount(Tensor logits, Tensor labels, int k, Tensor count) { }

    /// <inheritdoc/>
    public override void ArgMax(Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void Reduce(Reduction reduction, Tensor input, Tensor output) { }

    /// <inheritdoc/>
    public override void SoftCrossEntropy(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient) { }

    /// <inheritdoc/>
    public override void PointwiseLoss(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient)
    { }

    /// <inheritdoc/>
    public override void SetValues(Tensor output, ReadOnlySpan<double> values) { }

    /// <inheritdoc/>
    public override void SgdStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) { }

    /// <inheritdoc/>
    public override void AdamWStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings) { }

    /// <inheritdoc/>
    public override void MoveAverages(ReadOnlySpan<ParameterUpdate> averages, Tensor settings) { }

    /// <inheritdoc/>
    public override void GradientNorm(ReadOnlySpan<Tensor> gradients, Tensor norm) { }

    /// <inheritdoc/>
    public override void ClipByNorm(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum) { }

    /// <inheritdoc/>
    public override void ClipByValue(ReadOnlySpan<Tensor> gradients, double limit) { }
}
