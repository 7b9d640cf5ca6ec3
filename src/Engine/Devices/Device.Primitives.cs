using Engine.Tensors;

namespace Engine.Devices;

/// <content>The primitives. Shapes: activations [N, H, W, C], filters [K, R, S, C / groups], matrices [rows, columns], per-channel vectors [C].</content>
public abstract partial class Device
{
    // ---- Memory ------------------------------------------------------------------------------------------------------------

    /// <summary>Sets every element to one number (rounded to the tensor's type).</summary>
    public abstract void Fill(Tensor output, double value);

    /// <summary>output = input, converted to the output's element type. Any shapes of equal element count.</summary>
    public abstract void Copy(Tensor input, Tensor output);

    /// <summary>
    /// output[n, y, x, c] = (pixels[n, y + top, x' + left, c] / 255 - mean) * scale, zero outside the picture: crop, mirror and
    /// normalise a batch of byte images in one pass.
    /// </summary>
    /// <param name="pixels">UInt8 [N, H, W, C].</param>
    /// <param name="placements">Int32 [N, 3]: top, left (each may be negative or reach past the picture) and 1 to mirror, 0 not to;
    /// x' is x, or outputWidth - 1 - x when mirrored.</param>
    /// <param name="mean">Floating point, [C], or [H, W, C] for a mean per pixel.</param>
    /// <param name="scale">Floating point, [C]: one over the standard deviation.</param>
    /// <param name="output">Floating point [N, P, Q, C]. The padding is zero after normalisation, as the paper's recipe has it.</param>
    public abstract void PrepareImages(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output);

    // ---- Elementwise -------------------------------------------------------------------------------------------------------

    /// <summary>output = left + right.</summary>
    public abstract void Add(Tensor left, Tensor right, Tensor output);

    /// <summary>output = max(left + right, 0): the end of a residual block.</summary>
    public abstract void AddRelu(Tensor left, Tensor right, Tensor output);

    /// <summary>output = max(input, 0). A NaN stays one.</summary>
    public abstract void Relu(Tensor input, Tensor output);

    /// <summary>inputGradient (+)= outputGradient where output &gt; 0, else 0. inputGradient may be outputGradient when not accumulating.</summary>
    public abstract void ReluBackward(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate);

    /// <summary>output = left * right, element by element, added to output when accumulating.</summary>
    public abstract void Multiply(Tensor left, Tensor right, Tensor output, bool accumulate = false);

    /// <summary>output = 1 / (1 + exp(-input)).</summary>
    public abstract void Sigmoid(Tensor input, Tensor output);

    /// <summary>inputGradient (+)= outputGradient * output * (1 - output).</summary>
    public abstract void SigmoidBackward(Tensor outputGradient, Tensor output, Tensor inputGradient, bool accumulate);

    /// <summary>output (+)= factor * input, the factor a number on the host.</summary>
    public abstract void Scale(Tensor input, double factor, Tensor output, bool accumulate);

    /// <summary>output (+)= factor * input, the factor a tensor of one element on the device.</summary>
    public abstract void ScaleBy(Tensor input, Tensor factor, Tensor output, bool accumulate);

    // ---- Convolution -------------------------------------------------------------------------------------------------------

    /// <summary>output[n, p, q, k] = sum over r, s, c of input[n, p * stride + r * dilation - padding, ..., c] * filter[k, r, s, c] within k's group.</summary>
    public abstract void ConvolutionForward(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output);

    /// <summary>The transposed map: inputGradient (+)= for every output pixel its gradient times the filter, scattered to the pixels that it read.</summary>
    public abstract void ConvolutionBackwardData(Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor inputGradient, bool accumulate);

    /// <summary>filterGradient[k, r, s, c] (+)= sum over n, p, q of outputGradient[n, p, q, k] * input at the pixel that tap (r, s) read.</summary>
    public abstract void ConvolutionBackwardFilter(Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate);

    // ---- Matrix product and bias -------------------------------------------------------------------------------------------

    /// <summary>output [M, N] (+)= op(left) op(right), where op transposes when asked: left is [M, K] or transposed [K, M], right [K, N] or [N, K].</summary>
    public abstract void MatrixProduct(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate);

    /// <summary>output[..., c] = input[..., c] + bias[c].</summary>
    public abstract void AddBias(Tensor input, Tensor bias, Tensor output);

    /// <summary>biasGradient[c] (+)= sum of outputGradient[..., c] over all other axes.</summary>
    public abstract void BiasBackward(Tensor outputGradient, Tensor biasGradient, bool accumulate);

    // ---- Normalisation -----------------------------------------------------------------------------------------------------

    /// <summary>
    /// Batch norm with the batch's own statistics: output = gamma * (input - mean) / sqrt(variance + epsilon) + beta, then plus
    /// shortcut where one is given, then ReLU where asked. Mean and biased variance are taken over N, H, W. The running mean and
    /// the running variance move by momentum towards the batch's mean and unbiased variance.
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
    public abstract void BatchNormTraining(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation);

    /// <summary>
    /// Batch norm with given statistics: output = gamma * (input - mean) / sqrt(variance + epsilon) + beta, then plus shortcut
    /// where one is given, then ReLU where asked. The output may be the input.
    /// </summary>
    public abstract void BatchNormInference(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output);

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
    public abstract void BatchNormApply(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output);

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
    public virtual void ConvolutionNormInference(
        Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon,
        Tensor? shortcut, bool relu, Tensor output)
    {
        ConvolutionForward(input, filter, geometry, output);
        BatchNormInference(output, gamma, beta, mean, variance, epsilon, shortcut, relu, output);
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
    /// <param name="accumulate">Which of the four are added to what they hold.</param>
    public abstract void BatchNormBackward(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu, bool batchStatistics,
        Tensor? inputGradient, Tensor? shortcutGradient, Tensor? gammaGradient, Tensor? betaGradient, NormAccumulate accumulate);

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
    public abstract void GroupNorm(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation);

    /// <summary>The gradients of <see cref="GroupNorm"/>; null for one that is not wanted.</summary>
    public abstract void GroupNormBackward(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        Tensor? inputGradient, Tensor? gammaGradient, Tensor? betaGradient, NormAccumulate accumulate);

    // ---- Pooling -----------------------------------------------------------------------------------------------------------

    /// <summary>output = the largest element of each window, the first of equals; a NaN wins. positions (UInt8, the output's shape) receives its r * kernelWidth + s.</summary>
    public abstract void MaxPool(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions);

    /// <summary>inputGradient (+)= each output's gradient, at the pixel that won its window.</summary>
    public abstract void MaxPoolBackward(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, Tensor inputGradient, bool accumulate);

    /// <summary>output = the mean of each window; the divisor counts padding (always kernel height times width) or only real pixels.</summary>
    public abstract void AveragePool(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output);

    /// <summary>inputGradient (+)= each output's gradient over its window's divisor, at every pixel of the window.</summary>
    public abstract void AveragePoolBackward(Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, Tensor inputGradient, bool accumulate);

    /// <summary>output [N, P, Q, C] = means of the input [N, H, W, C] over rows floor(p H / P) to ceil((p + 1) H / P) - 1, columns likewise; P = Q = 1 is the global mean.</summary>
    public abstract void AdaptiveAveragePool(Tensor input, Tensor output);

    /// <summary>inputGradient (+)= each output's gradient over its window's size, at every pixel of the window.</summary>
    public abstract void AdaptiveAveragePoolBackward(Tensor outputGradient, Tensor inputGradient, bool accumulate);

    /// <summary>
    /// Shortcut A: output[n, y, x, padBefore + c] = input[n, y * stride, x * stride, c], zero in all other channels.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="stride">Every how many pixels one is taken, both ways.</param>
    /// <param name="padBefore">Channels of zeros before the input's; those after fill the output.</param>
    /// <param name="output">[N, ceil(H / stride), ceil(W / stride), K] with K at least padBefore + C.</param>
    public abstract void PadSubsample(Tensor input, int stride, int padBefore, Tensor output);

    /// <summary>inputGradient (+)= the transposed map of <see cref="PadSubsample"/>: the gradient where a pixel was taken, zero elsewhere.</summary>
    public abstract void PadSubsampleBackward(Tensor outputGradient, int stride, int padBefore, Tensor inputGradient, bool accumulate);

    // ---- Loss and metrics --------------------------------------------------------------------------------------------------

    /// <summary>
    /// loss = mean over n of -sum over k of t[n, k] log softmax(logits)[n, k], where t is 1 - smoothing at the label plus
    /// smoothing / K everywhere; and its gradient (softmax - t) / N in the same pass. A label that is no class is an
    /// <see cref="EngineException"/>, or on a device whose memory the host does not see a loss of NaN.
    /// </summary>
    /// <param name="logits">[N, K].</param>
    /// <param name="labels">Int32 [N], each from 0 to K - 1.</param>
    /// <param name="smoothing">Label smoothing, from 0 to 1.</param>
    /// <param name="loss">One element.</param>
    /// <param name="logitsGradient">[N, K], or null when not wanted.</param>
    public abstract void SoftmaxCrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient);

    /// <summary>
    /// count (Int32, one element) = in how many rows fewer than k logits rank above the label's: greater ones, and equal ones of a lower index.
    /// A row with a NaN counts as wrong. A label that is no class is an <see cref="EngineException"/>, or on a device whose memory the host does
    /// not see counts as wrong.
    /// </summary>
    public abstract void TopKCount(Tensor logits, Tensor labels, int k, Tensor count);

    /// <summary>output (Int32 [N]) = the index of each row's largest element, the first of equals.</summary>
    public abstract void ArgMax(Tensor input, Tensor output);

    /// <summary>output (one element) = a statistic over all elements of the input.</summary>
    public abstract void Reduce(Reduction reduction, Tensor input, Tensor output);

    // ---- Optimizers --------------------------------------------------------------------------------------------------------
    // Settings are tensors on the device, so that a recorded step can be replayed with another learning rate.

    /// <summary>
    /// Sets the first elements of a tensor to values of the host, in the order of the queued work and without waiting for it. Recorded
    /// in a step, each replay sets the values of the recording again.
    /// </summary>
    /// <param name="output">Floating point.</param>
    /// <param name="values">1 to <see cref="MaxValues"/> values, at most as many as the tensor has elements.</param>
    public abstract void SetValues(Tensor output, ReadOnlySpan<double> values);

    /// <summary>The most values that <see cref="SetValues"/> takes.</summary>
    public const int MaxValues = 8;

    /// <summary>
    /// One step of stochastic gradient descent for many parameters in one call. For each: d = gradient + weightDecay * value;
    /// first = momentum * first + d; value -= rate * rateFactor * (nesterov ? d + momentum * first : first).
    /// </summary>
    /// <param name="parameters">What to update. First is the velocity, which starts as zeros; null only where momentum is 0.</param>
    /// <param name="settings">[3]: the learning rate; the momentum; 1 for Nesterov momentum, otherwise 0.</param>
    public abstract void SgdStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings);

    /// <summary>
    /// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2, as PyTorch computes it) for many parameters in one call. For
    /// each: value -= rate * rateFactor * weightDecay * value; first = beta1 * first + (1 - beta1) * gradient; second = beta2 * second + (1 - beta2) *
    /// gradient^2; value -= stepSize * rateFactor * first / (sqrt(second) / rootOfCorrection2 + epsilon).
    /// </summary>
    /// <param name="parameters">What to update. First and Second are the means of gradient and squared gradient, which start as zeros.</param>
    /// <param name="settings">
    /// [8]: the learning rate; stepSize = rate / (1 - beta1^t) in the t-th step; beta1; 1 - beta1; beta2; 1 - beta2; epsilon;
    /// rootOfCorrection2 = sqrt(1 - beta2^t).
    /// </param>
    public abstract void AdamWStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings);

    /// <summary>Moves averages towards weights, many in one call: value += settings[0] * (gradient - value), where gradient stands for the weight.</summary>
    /// <param name="averages">The averages as Value and the weights that they follow as Gradient; nothing else is used.</param>
    /// <param name="settings">[1]: 1 - decay.</param>
    public abstract void MoveAverages(ReadOnlySpan<ParameterUpdate> averages, Tensor settings);

    /// <summary>norm (one element) = the square root of the sum of all squares, over all elements of all gradients, summed in a fixed order.</summary>
    /// <param name="gradients">At least one tensor of <see cref="FloatType"/>.</param>
    /// <param name="norm">Of <see cref="FloatType"/>.</param>
    public abstract void GradientNorm(ReadOnlySpan<Tensor> gradients, Tensor norm);

    /// <summary>
    /// gradient *= min(1, maximum / (norm + 1e-6)) for every gradient, as PyTorch's clip_grad_norm_; where the norm is not a number, neither are the
    /// gradients then.
    /// </summary>
    /// <param name="gradients">Tensors of <see cref="FloatType"/>, updated in place.</param>
    /// <param name="norm">What <see cref="GradientNorm"/> computed.</param>
    /// <param name="maximum">Above 0.</param>
    public abstract void ClipByNorm(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum);

    /// <summary>gradient = min(max(gradient, -limit), limit) for every element of every gradient; a NaN stays one.</summary>
    /// <param name="gradients">Tensors of <see cref="FloatType"/>, updated in place.</param>
    /// <param name="limit">Above 0.</param>
    public abstract void ClipByValue(ReadOnlySpan<Tensor> gradients, double limit);
}
