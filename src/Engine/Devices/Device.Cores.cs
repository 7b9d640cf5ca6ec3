namespace Engine;

/// <content>
/// What a device implements: each primitive of Device.Primitives.cs, which defines it, under the name with Core behind it. The device is the
/// calling thread's while it runs, and has not been disposed.
/// </content>
public abstract partial class Device
{
    /// <summary>Does what <see cref="CopyFromHost"/> says.</summary>
    protected abstract void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination, long start);

    /// <summary>Does what <see cref="CopyToHost"/> says.</summary>
    protected abstract void CopyToHostCore(Tensor source, Span<byte> destination);

    /// <summary>Does what <see cref="Synchronize"/> says.</summary>
    protected virtual void SynchronizeCore() { }

    /// <summary>Does what <see cref="RecordStep"/> says, on a device that can.</summary>
    protected virtual IRecordedStep RecordStepCore(Action step, IRecordedStep? sharing) =>
        throw new EngineException($"{Name} does not record steps: it runs them one by one");

    /// <summary>Does what <see cref="CreateReadback"/> says.</summary>
    protected virtual ScalarReadback CreateReadbackCore(int capacity) => new ImmediateReadback(capacity);

    /// <summary>Computes <see cref="Fill"/>.</summary>
    protected abstract void FillCore(Tensor output, double value);

    /// <summary>Computes <see cref="Copy"/>.</summary>
    protected abstract void CopyCore(Tensor input, Tensor output);

    /// <summary>Computes <see cref="PrepareImages"/>.</summary>
    protected abstract void PrepareImagesCore(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output);

    /// <summary>Computes <see cref="Add"/>.</summary>
    protected abstract void AddCore(Tensor left, Tensor right, Tensor output);

    /// <summary>Computes <see cref="AddRelu"/>.</summary>
    protected abstract void AddReluCore(Tensor left, Tensor right, Tensor output);

    /// <summary>Computes <see cref="Relu"/>.</summary>
    protected abstract void ReluCore(Tensor input, Tensor output);

    /// <summary>Computes <see cref="ReluBackward"/>.</summary>
    protected abstract void ReluBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="Multiply"/>.</summary>
    protected abstract void MultiplyCore(Tensor left, Tensor right, Tensor output, bool accumulate);

    /// <summary>Computes <see cref="Sigmoid"/>.</summary>
    protected abstract void SigmoidCore(Tensor input, Tensor output);

    /// <summary>Computes <see cref="SigmoidBackward"/>.</summary>
    protected abstract void SigmoidBackwardCore(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="Scale"/>.</summary>
    protected abstract void ScaleCore(Tensor input, double factor, Tensor output, bool accumulate);

    /// <summary>Computes <see cref="ScaleBy"/>.</summary>
    protected abstract void ScaleByCore(Tensor input, Tensor factor, Tensor output, bool accumulate);

    /// <summary>Computes <see cref="ConvolutionForward"/>.</summary>
    protected abstract void ConvolutionForwardCore(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output);

    /// <summary>Computes <see cref="ConvolutionBackwardData"/>.</summary>
    protected abstract void ConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="ConvolutionBackwardFilter"/>.</summary>
    protected abstract void ConvolutionBackwardFilterCore(
        Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate);

    /// <summary>Computes <see cref="MatMul"/>.</summary>
    protected abstract void MatMulCore(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate);

    /// <summary>Computes <see cref="AddBias"/>.</summary>
    protected abstract void AddBiasCore(Tensor input, Tensor bias, Tensor output);

    /// <summary>Computes <see cref="BiasBackward"/>.</summary>
    protected abstract void BiasBackwardCore(Tensor outputGradient, Tensor biasGradient, bool accumulate);

    /// <summary>Computes <see cref="BatchNormTraining"/>.</summary>
    protected abstract void BatchNormTrainingCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation);

    /// <summary>Computes <see cref="BatchNormInference"/>.</summary>
    protected abstract void BatchNormInferenceCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output);

    /// <summary>Computes <see cref="BatchNormApply"/>.</summary>
    protected abstract void BatchNormApplyCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output);

    /// <summary>Computes <see cref="BatchNormBackward"/>.</summary>
    protected abstract void BatchNormBackwardCore(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu, bool batchStatistics,
        GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient);

    /// <summary>Computes <see cref="GroupNorm"/>.</summary>
    protected abstract void GroupNormCore(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation);

    /// <summary>Computes <see cref="GroupNormBackward"/>.</summary>
    protected abstract void GroupNormBackwardCore(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient);

    /// <summary>Computes <see cref="MaxPool"/>.</summary>
    protected abstract void MaxPoolCore(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions);

    /// <summary>Computes <see cref="MaxPoolBackward"/>.</summary>
    protected abstract void MaxPoolBackwardCore(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="AveragePool"/>.</summary>
    protected abstract void AveragePoolCore(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output);

    /// <summary>Computes <see cref="AveragePoolBackward"/>.</summary>
    protected abstract void AveragePoolBackwardCore(
        Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="AdaptiveAveragePool"/>.</summary>
    protected abstract void AdaptiveAveragePoolCore(Tensor input, Tensor output);

    /// <summary>Computes <see cref="AdaptiveAveragePoolBackward"/>.</summary>
    protected abstract void AdaptiveAveragePoolBackwardCore(Tensor outputGradient, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="PadSubsample"/>.</summary>
    protected abstract void PadSubsampleCore(Tensor input, int stride, int padBefore, Tensor output);

    /// <summary>Computes <see cref="PadSubsampleBackward"/>.</summary>
    protected abstract void PadSubsampleBackwardCore(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="SoftmaxCrossEntropy"/>.</summary>
    protected abstract void SoftmaxCrossEntropyCore(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient);

    /// <summary>Computes <see cref="TopKCount"/>.</summary>
    protected abstract void TopKCountCore(Tensor logits, Tensor labels, int k, Tensor count);

    /// <summary>Computes <see cref="ArgMax"/>.</summary>
    protected abstract void ArgMaxCore(Tensor input, Tensor output);

    /// <summary>Computes <see cref="Reduce"/>.</summary>
    protected abstract void ReduceCore(Reduction reduction, Tensor input, Tensor output);

    /// <summary>Computes <see cref="SetValues"/>.</summary>
    protected abstract void SetValuesCore(Tensor output, ReadOnlySpan<double> values);

    /// <summary>Computes <see cref="SgdStep"/>.</summary>
    protected abstract void SgdStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings);

    /// <summary>Computes <see cref="AdamWStep"/>.</summary>
    protected abstract void AdamWStepCore(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings);

    /// <summary>Computes <see cref="MoveAverages"/>.</summary>
    protected abstract void MoveAveragesCore(ReadOnlySpan<ParameterUpdate> averages, Tensor settings);

    /// <summary>Computes <see cref="GradientNorm"/>.</summary>
    protected abstract void GradientNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm);

    /// <summary>Computes <see cref="ClipByNorm"/>.</summary>
    protected abstract void ClipByNormCore(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum);

    /// <summary>Computes <see cref="ClipByValue"/>.</summary>
    protected abstract void ClipByValueCore(ReadOnlySpan<Tensor> gradients, double limit);

    /// <summary>Computes <see cref="ConvolutionNormInference"/>; the one, then the other in place, on a device that does not override it.</summary>
    protected virtual void ConvolutionNormInferenceCore(
        Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon,
        Tensor? shortcut, bool relu, Tensor output)
    {
        ConvolutionForwardCore(input, filter, geometry, output);
        BatchNormInferenceCore(output, gamma, beta, mean, variance, epsilon, shortcut, relu, output);
    }

    /// <summary>Computes <see cref="Unary"/>.</summary>
    protected abstract void UnaryCore(UnaryFunction function, Tensor input, double parameter, Tensor output);

    /// <summary>Computes <see cref="UnaryBackward"/>.</summary>
    protected abstract void UnaryBackwardCore(
        UnaryFunction function, double parameter, Tensor outputGradient, Tensor saved, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="Binary"/>.</summary>
    protected abstract void BinaryCore(BinaryFunction function, Tensor left, Tensor right, Tensor output);

    /// <summary>Computes <see cref="BinaryBackward"/>.</summary>
    protected abstract void BinaryBackwardCore(
        BinaryFunction function, bool byRight, Tensor outputGradient, Tensor left, Tensor right, Tensor gradient, bool accumulate);

    /// <summary>Computes <see cref="Where"/>.</summary>
    protected abstract void WhereCore(Tensor condition, Tensor left, Tensor right, Tensor output);

    /// <summary>Computes <see cref="SumAxes"/>.</summary>
    protected abstract void SumAxesCore(Tensor input, double factor, Tensor output, bool accumulate);

    /// <summary>Computes <see cref="MaxAxes"/>.</summary>
    protected abstract void MaxAxesCore(Tensor input, Tensor output);

    /// <summary>Computes <see cref="CopyStrided"/>.</summary>
    protected abstract void CopyStridedCore(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate);

    /// <summary>Computes <see cref="Gather"/>.</summary>
    protected abstract void GatherCore(Tensor input, Tensor indices, int axis, Tensor output);

    /// <summary>Computes <see cref="GatherBackward"/>.</summary>
    protected abstract void GatherBackwardCore(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="Softmax"/>.</summary>
    protected abstract void SoftmaxCore(Tensor input, bool isLog, Tensor output);

    /// <summary>Computes <see cref="SoftmaxBackward"/>.</summary>
    protected abstract void SoftmaxBackwardCore(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate);

    /// <summary>Computes <see cref="SoftCrossEntropy"/>.</summary>
    protected abstract void SoftCrossEntropyCore(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient);

    /// <summary>Computes <see cref="PointwiseLoss"/>.</summary>
    protected abstract void PointwiseLossCore(
        LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient);
}
