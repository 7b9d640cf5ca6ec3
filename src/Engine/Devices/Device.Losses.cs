namespace Engine;

/// <content>Losses beside <see cref="SoftmaxCrossEntropy"/>; each gives the gradient in the same pass.</content>
public abstract partial class Device
{
    /// <summary>
    /// loss = mean over n of weights[n] * -sum over k of t[n, k] log softmax(logits)[n, k], where t = (1 - smoothing) * target + smoothing / K; and its
    /// gradient weights[n] (softmax * sum of t[n] - t) / N.
    /// </summary>
    /// <param name="logits">[N, K].</param>
    /// <param name="target">
    /// Probabilities, of <see cref="FloatType"/> [N, K]; or labels, Int32 [N], which stand for 1 at the label and 0 elsewhere. A label that is no class is
    /// an error, or gives NaN on a device that works asynchronously.
    /// </param>
    /// <param name="weights">A factor for each row, of <see cref="FloatType"/> [N]; null for ones.</param>
    /// <param name="smoothing">Label smoothing, from 0 to 1.</param>
    /// <param name="loss">One element.</param>
    /// <param name="logitsGradient">[N, K], or null when not wanted.</param>
    public void SoftCrossEntropy(Tensor logits, Tensor target, Tensor? weights, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        using DeviceUse use = Work();
        SoftCrossEntropyCore(logits, target, weights, smoothing, loss, logitsGradient);
    }

    /// <summary>loss = mean over all elements of weights[n] * function(input, target); and its gradient weights[n] * slope / count.</summary>
    /// <param name="function">The loss of one element.</param>
    /// <param name="input">[N, ...].</param>
    /// <param name="target">Of <see cref="FloatType"/> and the input's shape.</param>
    /// <param name="weights">A factor for each index n of the first axis, of <see cref="FloatType"/> [N]; null for ones.</param>
    /// <param name="parameter">Delta of <see cref="LossFunction.Huber"/>; not used by the others.</param>
    /// <param name="loss">One element.</param>
    /// <param name="inputGradient">Of the input's shape, or null when not wanted.</param>
    public void PointwiseLoss(LossFunction function, Tensor input, Tensor target, Tensor? weights, double parameter, Tensor loss, Tensor? inputGradient)
    {
        using DeviceUse use = Work();
        PointwiseLossCore(function, input, target, weights, parameter, loss, inputGradient);
    }
}
