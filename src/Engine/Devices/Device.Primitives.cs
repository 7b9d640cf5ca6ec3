namespace Engine;

/// <content>The primitives. Shapes: activations [N, H, W, C], filters [K, R, S, C / groups], matrices [rows, columns], per-channel vectors [C].</content>
public abstract partial class Device
{
    // ---- Memory ------------------------------------------------------------------------------------------------------------

    /// <summary>Sets every element to one number (rounded to the tensor's type).</summary>
    public void Fill(Tensor output, double value)
    {
        using DeviceUse use = Work();
        FillCore(output, value);
    }

    /// <summary>output = input, converted to the output's element type. Any shapes of equal element count.</summary>
    public void Copy(Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        CopyCore(input, output);
    }

    /// <summary>
    /// output[n, y, x, c] = (pixels[n, y + top, x' + left, c] / 255 - mean) * scale, zero outside the image: crop, mirror and
    /// normalize a batch of byte images in one pass.
    /// </summary>
    /// <param name="pixels">UInt8 [N, H, W, C].</param>
    /// <param name="placements">Int32 [N, 3]: top, left (each may be negative or reach past the image) and 1 to mirror, 0 not to;
    /// x' is x, or outputWidth - 1 - x when mirrored.</param>
    /// <param name="mean">Floating point, [C], or [H, W, C] for a mean per pixel.</param>
    /// <param name="scale">Floating point, [C]: one over the standard deviation.</param>
    /// <param name="output">Floating point [N, P, Q, C]. The padding is zero after normalization, as the paper's recipe has it.</param>
    public void PrepareImages(Tensor pixels, Tensor placements, Tensor mean, Tensor scale, Tensor output)
    {
        using DeviceUse use = Work();
        PrepareImagesCore(pixels, placements, mean, scale, output);
    }

    // ---- Elementwise -------------------------------------------------------------------------------------------------------

    /// <summary>output = left + right.</summary>
    public void Add(Tensor left, Tensor right, Tensor output)
    {
        using DeviceUse use = Work();
        AddCore(left, right, output);
    }

    /// <summary>output = max(left + right, 0): the end of a residual block.</summary>
    public void AddRelu(Tensor left, Tensor right, Tensor output)
    {
        using DeviceUse use = Work();
        AddReluCore(left, right, output);
    }

    /// <summary>output = max(input, 0). A NaN stays one.</summary>
    public void Relu(Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        ReluCore(input, output);
    }

    /// <summary>inputGradient (+)= outputGradient where output &gt; 0, else 0. inputGradient may be outputGradient when not accumulating.</summary>
    public void ReluBackward(Tensor outputGradient, Tensor output, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            ReluBackwardCore(outputGradient, output, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>output = left * right, element by element, added to output when accumulating.</summary>
    public void Multiply(Tensor left, Tensor right, Tensor output, bool accumulate = false)
    {
        using DeviceUse use = Work();
        MultiplyCore(left, right, output, accumulate);
    }

    /// <summary>output = 1 / (1 + exp(-input)).</summary>
    public void Sigmoid(Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        SigmoidCore(input, output);
    }

    /// <summary>inputGradient (+)= outputGradient * output * (1 - output).</summary>
    public void SigmoidBackward(Tensor outputGradient, Tensor output, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            SigmoidBackwardCore(outputGradient, output, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>output (+)= factor * input, the factor a number on the host.</summary>
    public void Scale(Tensor input, double factor, Tensor output, bool accumulate)
    {
        using DeviceUse use = Work();
        ScaleCore(input, factor, output, accumulate);
    }

    /// <summary>output (+)= factor * input, the factor a tensor of one element on the device.</summary>
    public void ScaleBy(Tensor input, Tensor factor, Tensor output, bool accumulate)
    {
        using DeviceUse use = Work();
        ScaleByCore(input, factor, output, accumulate);
    }

    // ---- Convolution -------------------------------------------------------------------------------------------------------

    /// <summary>output[n, p, q, k] = sum over r, s, c of input[n, p * stride + r * dilation - padding, ..., c] * filter[k, r, s, c] within k's group.</summary>
    public void ConvolutionForward(Tensor input, Tensor filter, in ConvolutionGeometry geometry, Tensor output)
    {
        using DeviceUse use = Work();
        Describe(filter, input.Shape, output.Shape);
        ConvolutionForwardCore(input, filter, in geometry, output);
    }

    /// <summary>The transposed map: inputGradient (+)= for every output pixel its gradient times the filter, scattered to the pixels that it read.</summary>
    public void ConvolutionBackwardData(Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            Describe(filter, gradient.Shape, outputGradient.Shape);
            ConvolutionBackwardDataCore(outputGradient, filter, in geometry, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>filterGradient[k, r, s, c] (+)= sum over n, p, q of outputGradient[n, p, q, k] * input at the pixel that tap (r, s) read.</summary>
    public void ConvolutionBackwardFilter(Tensor input, Tensor outputGradient, in ConvolutionGeometry geometry, GradientTarget filterGradient)
    {
        using DeviceUse use = Work();
        if (filterGradient.Gradient is { } gradient)
        {
            Describe(gradient, input.Shape, outputGradient.Shape);
            ConvolutionBackwardFilterCore(input, outputGradient, in geometry, gradient, filterGradient.Accumulate);
        }
    }

    // ---- Matrix product and bias -------------------------------------------------------------------------------------------

    /// <summary>output [M, N] (+)= op(left) op(right), where op transposes when asked: left is [M, K] or transposed [K, M], right [K, N] or [N, K].</summary>
    public void MatMul(Tensor left, bool transposeLeft, Tensor right, bool transposeRight, Tensor output, bool accumulate)
    {
        using DeviceUse use = Work();
        Profile?.Describe(
            transposeLeft ? output : right, left.Shape, output.Shape, output.Shape.ElementCount * left.Shape[transposeLeft ? 0 : 1]);
        MatMulCore(left, transposeLeft, right, transposeRight, output, accumulate);
    }

    /// <summary>output[..., c] = input[..., c] + bias[c].</summary>
    public void AddBias(Tensor input, Tensor bias, Tensor output)
    {
        using DeviceUse use = Work();
        AddBiasCore(input, bias, output);
    }

    /// <summary>biasGradient[c] (+)= sum of outputGradient[..., c] over all other axes.</summary>
    public void BiasBackward(Tensor outputGradient, GradientTarget biasGradient)
    {
        using DeviceUse use = Work();
        if (biasGradient.Gradient is { } gradient)
        {
            BiasBackwardCore(outputGradient, gradient, biasGradient.Accumulate);
        }
    }

    // ---- Pooling -----------------------------------------------------------------------------------------------------------

    /// <summary>
    /// output = the largest element of each window, the first of equals; a NaN wins. positions (UInt8, the output's shape) receives its r * kernelWidth + s.
    /// </summary>
    public void MaxPool(Tensor input, in PoolingGeometry geometry, Tensor output, Tensor positions)
    {
        using DeviceUse use = Work();
        MaxPoolCore(input, in geometry, output, positions);
    }

    /// <summary>inputGradient (+)= each output's gradient, at the pixel that won its window.</summary>
    public void MaxPoolBackward(Tensor outputGradient, Tensor positions, in PoolingGeometry geometry, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            MaxPoolBackwardCore(outputGradient, positions, in geometry, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>output = the mean of each window; the divisor counts padding (always kernel height times width) or only real pixels.</summary>
    public void AveragePool(Tensor input, in PoolingGeometry geometry, bool countPadding, Tensor output)
    {
        using DeviceUse use = Work();
        AveragePoolCore(input, in geometry, countPadding, output);
    }

    /// <summary>inputGradient (+)= each output's gradient over its window's divisor, at every pixel of the window.</summary>
    public void AveragePoolBackward(Tensor outputGradient, in PoolingGeometry geometry, bool countPadding, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            AveragePoolBackwardCore(outputGradient, in geometry, countPadding, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>
    /// output [N, P, Q, C] = means of the input [N, H, W, C] over rows floor(p H / P) to ceil((p + 1) H / P) - 1, columns likewise; P = Q = 1 is the global
    /// mean.
    /// </summary>
    public void AdaptiveAveragePool(Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        AdaptiveAveragePoolCore(input, output);
    }

    /// <summary>inputGradient (+)= each output's gradient over its window's size, at every pixel of the window.</summary>
    public void AdaptiveAveragePoolBackward(Tensor outputGradient, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            AdaptiveAveragePoolBackwardCore(outputGradient, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>
    /// Shortcut A: output[n, y, x, padBefore + c] = input[n, y * stride, x * stride, c], zero in all other channels.
    /// </summary>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="stride">Every how many pixels one is taken, both ways.</param>
    /// <param name="padBefore">Channels of zeros before the input's; those after fill the output.</param>
    /// <param name="output">[N, ceil(H / stride), ceil(W / stride), K] with K at least padBefore + C.</param>
    public void PadSubsample(Tensor input, int stride, int padBefore, Tensor output)
    {
        using DeviceUse use = Work();
        PadSubsampleCore(input, stride, padBefore, output);
    }

    /// <summary>inputGradient (+)= the transposed map of <see cref="PadSubsample"/>: the gradient where a pixel was taken, zero elsewhere.</summary>
    public void PadSubsampleBackward(Tensor outputGradient, int stride, int padBefore, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            PadSubsampleBackwardCore(outputGradient, stride, padBefore, gradient, inputGradient.Accumulate);
        }
    }

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
    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? logitsGradient)
    {
        using DeviceUse use = Work();
        SoftmaxCrossEntropyCore(logits, labels, smoothing, loss, logitsGradient);
    }

    /// <summary>
    /// count (Int32, one element) = in how many rows fewer than k logits rank above the label's: greater ones, and equal ones of a lower index.
    /// A row with a NaN counts as wrong. A label that is no class is an <see cref="EngineException"/>, or on a device whose memory the host does
    /// not see counts as wrong.
    /// </summary>
    public void TopKCount(Tensor logits, Tensor labels, int k, Tensor count)
    {
        using DeviceUse use = Work();
        TopKCountCore(logits, labels, k, count);
    }

    /// <summary>output (Int32 [N]) = the index of each row's largest element, the first of equals.</summary>
    public void ArgMax(Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        ArgMaxCore(input, output);
    }

    /// <summary>output (one element) = a statistic over all elements of the input.</summary>
    public void Reduce(Reduction reduction, Tensor input, Tensor output)
    {
        using DeviceUse use = Work();
        ReduceCore(reduction, input, output);
    }
}
