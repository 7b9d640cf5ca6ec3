namespace Engine;

/// <content>The primitives of optimizers.</content>
public abstract partial class Device
{
    /// <summary>
    /// Sets the first elements of a tensor to values of the host, in the order of the queued work and without waiting for it. Recorded
    /// in a step, each replay sets the values of the recording again.
    /// </summary>
    /// <param name="output">Floating point.</param>
    /// <param name="values">1 to <see cref="MaxValues"/> values, at most as many as the tensor has elements.</param>
    public void SetValues(Tensor output, ReadOnlySpan<double> values)
    {
        using DeviceUse use = Work();
        SetValuesCore(output, values);
    }

    /// <summary>The most values that <see cref="SetValues"/> takes.</summary>
    public const int MaxValues = 8;

    /// <summary>
    /// One step of stochastic gradient descent for many parameters in one call. For each: d = gradient + weightDecay * value;
    /// first = momentum * first + d; value -= rate * rateFactor * (nesterov ? d + momentum * first : first).
    /// </summary>
    /// <param name="parameters">What to update. First is the velocity, which starts as zeros; null only where momentum is 0.</param>
    /// <param name="settings">[3]: the learning rate; the momentum; 1 for Nesterov momentum, otherwise 0.</param>
    public void SgdStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings)
    {
        using DeviceUse use = Work();
        SgdStepCore(parameters, settings);
    }

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
    public void AdamWStep(ReadOnlySpan<ParameterUpdate> parameters, Tensor settings)
    {
        using DeviceUse use = Work();
        AdamWStepCore(parameters, settings);
    }

    /// <summary>Moves averages toward weights, many in one call: value += settings[0] * (gradient - value), where gradient stands for the weight.</summary>
    /// <param name="averages">The averages as Value and the weights that they follow as Gradient; nothing else is used.</param>
    /// <param name="settings">[1]: 1 - decay.</param>
    public void MoveAverages(ReadOnlySpan<ParameterUpdate> averages, Tensor settings)
    {
        using DeviceUse use = Work();
        MoveAveragesCore(averages, settings);
    }

    /// <summary>norm (one element) = the square root of the sum of all squares, over all elements of all gradients, summed in a fixed order.</summary>
    /// <param name="gradients">At least one tensor of <see cref="FloatType"/>.</param>
    /// <param name="norm">Of <see cref="FloatType"/>.</param>
    public void GradientNorm(ReadOnlySpan<Tensor> gradients, Tensor norm)
    {
        using DeviceUse use = Work();
        GradientNormCore(gradients, norm);
    }

    /// <summary>
    /// gradient *= min(1, maximum / (norm + 1e-6)) for every gradient, as PyTorch's clip_grad_norm_; where the norm is not a number, neither are the
    /// gradients then.
    /// </summary>
    /// <param name="gradients">Tensors of <see cref="FloatType"/>, updated in place.</param>
    /// <param name="norm">What <see cref="GradientNorm"/> computed.</param>
    /// <param name="maximum">Above 0.</param>
    public void ClipByNorm(ReadOnlySpan<Tensor> gradients, Tensor norm, double maximum)
    {
        using DeviceUse use = Work();
        ClipByNormCore(gradients, norm, maximum);
    }

    /// <summary>gradient = min(max(gradient, -limit), limit) for every element of every gradient; a NaN stays one.</summary>
    /// <param name="gradients">Tensors of <see cref="FloatType"/>, updated in place.</param>
    /// <param name="limit">Above 0.</param>
    public void ClipByValue(ReadOnlySpan<Tensor> gradients, double limit)
    {
        using DeviceUse use = Work();
        ClipByValueCore(gradients, limit);
    }
}
