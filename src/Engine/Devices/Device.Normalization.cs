namespace Engine;

/// <content>The primitives of normalization.</content>
public abstract partial class Device
{
    /// <summary>
    /// Batch norm with the batch's own statistics: output = gamma * (input - mean) / sqrt(variance + epsilon) + beta, then plus
    /// shortcut where one is given, then ReLU where asked. Mean and biased variance are taken over N, H, W. The running mean and
    /// the running variance move by momentum toward the batch's mean and unbiased variance.
    /// </summary>
    /// <param name="input">[N, H, W, C] (or [N, C]).</param>
    /// <param name="gamma">[C].</param>
    /// <param name="beta">[C].</param>
    /// <param name="shortcut">The shape of the input, or null.</param>
    /// <param name="relu">Whether the output is clipped at zero, after the shortcut.</param>
    /// <param name="runningMean">[C], updated in place; null to leave no trace.</param>
    /// <param name="runningVariance">[C], updated in place; null together with the mean.</param>
    /// <param name="momentum">The share of the batch's statistics in the running ones, 0.1 as a rule.</param>
    /// <param name="epsilon">Added to the variance inside the root, 1e-5 as a rule.</param>
    /// <param name="output">The shape of the input.</param>
    /// <param name="savedMean">[C]: the batch's mean, for the backward.</param>
    /// <param name="savedInverseDeviation">[C]: 1 / sqrt(variance + epsilon), for the backward.</param>
    public void BatchNormTraining(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        using DeviceUse use = Work();
        BatchNormTrainingCore(input, gamma, beta, shortcut, relu, runningMean, runningVariance, momentum, epsilon, output, savedMean, savedInverseDeviation);
    }

    /// <summary>
    /// Batch norm with given statistics: output = gamma * (input - mean) / sqrt(variance + epsilon) + beta, then plus shortcut
    /// where one is given, then ReLU where asked. The output may be the input.
    /// </summary>
    public void BatchNormInference(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
        using DeviceUse use = Work();
        BatchNormInferenceCore(input, gamma, beta, mean, variance, epsilon, shortcut, relu, output);
    }

    /// <summary>
    /// output = gamma[c] * (input - mean[c]) * inverseDeviation[c] + beta[c] (+ shortcut) (then ReLU): what a batch norm computed once it
    /// had its statistics, again and to the same bits, for a backward that did not keep the output.
    /// </summary>
    /// <param name="input">[N, H, W, C] or [N, C].</param>
    /// <param name="gamma">[C].</param>
    /// <param name="beta">[C].</param>
    /// <param name="mean">[C]: the mean that the forward used.</param>
    /// <param name="inverseDeviation">[C]: 1 / sqrt(variance + epsilon).</param>
    /// <param name="shortcut">Added before the ReLU; of the input's shape, or null.</param>
    /// <param name="relu">Whether the output is clipped at zero.</param>
    /// <param name="output">Of the input's shape.</param>
    public void BatchNormApply(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output)
    {
        using DeviceUse use = Work();
        BatchNormApplyCore(input, gamma, beta, mean, inverseDeviation, shortcut, relu, output);
    }

    /// <summary>
    /// A convolution and <see cref="BatchNormInference"/> of its result, plus shortcut, then ReLU, as one: the whole step of a network in
    /// evaluation. A device that does not override it computes the one, then the other in place.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="filter">[K, R, S, C / groups].</param>
    /// <param name="geometry">Stride, padding, dilation and groups.</param>
    /// <param name="gamma">[K].</param>
    /// <param name="beta">[K].</param>
    /// <param name="mean">[K].</param>
    /// <param name="variance">[K].</param>
    /// <param name="epsilon">Added to the variance inside the root, 1e-5 as a rule.</param>
    /// <param name="shortcut">The shape of the output, or null.</param>
    /// <param name="relu">Whether the output is clipped at zero, after the shortcut.</param>
    /// <param name="output">[N, P, Q, K]; none of the inputs.</param>
    public void ConvolutionNormInference(
        Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon,
        Tensor? shortcut, bool relu, Tensor output)
    {
        using DeviceUse use = Work();
        Describe(filter, input.Shape, output.Shape);
        ConvolutionNormInferenceCore(input, filter, in geometry, gamma, beta, mean, variance, epsilon, shortcut, relu, output);
    }

    /// <summary>
    /// The gradients of both batch norms. With g the output's gradient (zero where relu and output &lt;= 0),
    /// x^ = (input - mean) * inverseDeviation and M pixels: betaGradient (+)= sum g; gammaGradient (+)= sum g x^;
    /// shortcutGradient (+)= g; inputGradient (+)= gamma * inverseDeviation * (g - (sum g + x^ sum g x^) / M) with batch
    /// statistics, gamma * inverseDeviation * g with given ones.
    /// </summary>
    /// <param name="outputGradient">The gradient by the output; also the <paramref name="shortcutGradient"/> where that is the same tensor.</param>
    /// <param name="input">The forward's input.</param>
    /// <param name="output">The forward's output, whose sign is the ReLU's mask; read only with <paramref name="relu"/>. Null where the
    /// sign is to be computed again from the input, which reads a tensor less; only a forward without shortcut has it there.</param>
    /// <param name="gamma">[C].</param>
    /// <param name="beta">[C]; read only where the sign is computed again, and may be null elsewhere.</param>
    /// <param name="mean">[C]: the mean that the forward used.</param>
    /// <param name="inverseDeviation">[C]: 1 / sqrt(variance + epsilon).</param>
    /// <param name="relu">Whether the forward ended in a ReLU.</param>
    /// <param name="batchStatistics">Whether mean and variance were the batch's own, and so depend on the input.</param>
    /// <param name="inputGradient">Where the gradient by the input goes; null when not wanted. May be <paramref name="input"/> itself
    /// when not accumulating, which is then overwritten.</param>
    /// <param name="shortcutGradient">Where the gradient by the shortcut goes; null when there is none or it is not wanted. May be
    /// <paramref name="outputGradient"/> itself, which is then masked in place.</param>
    /// <param name="gammaGradient">[C], or null when not wanted.</param>
    /// <param name="betaGradient">[C], or null when not wanted.</param>
    public void BatchNormBackward(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu, bool batchStatistics,
        GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        using DeviceUse use = Work();
        BatchNormBackwardCore(
            outputGradient, input, output, gamma, beta, mean, inverseDeviation, relu, batchStatistics, inputGradient, shortcutGradient, gammaGradient,
            betaGradient);
    }

    /// <summary>
    /// output = gamma[c] * (input - mean[n, g]) * inverseDeviation[n, g] + beta[c], with the mean and the biased variance of each
    /// image's group g of C / groups channels.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="groups">Into how many groups the channels are split; divides C.</param>
    /// <param name="gamma">[C].</param>
    /// <param name="beta">[C].</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <param name="output">The shape of the input.</param>
    /// <param name="savedMean">[N, groups].</param>
    /// <param name="savedInverseDeviation">[N, groups].</param>
    public void GroupNorm(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        using DeviceUse use = Work();
        GroupNormCore(input, groups, gamma, beta, epsilon, output, savedMean, savedInverseDeviation);
    }

    /// <summary>The gradients of <see cref="GroupNorm"/>; null for one that is not wanted.</summary>
    public void GroupNormBackward(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        using DeviceUse use = Work();
        GroupNormBackwardCore(outputGradient, input, groups, gamma, savedMean, savedInverseDeviation, inputGradient, gammaGradient, betaGradient);
    }
}
