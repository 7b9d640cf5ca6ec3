namespace Engine.Layers;

/// <summary>
/// A convolution, the norm behind it, a shortcut and a ReLU, as networks have them in a row: in one pass over the result where that is possible, otherwise by
/// calls of the layers, one after the other. The values are the same.
/// </summary>
public static class ConvolutionNorm
{
    /// <summary>Convolves, normalizes, adds a shortcut where one is given, and applies a ReLU layer.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="norm">The norm of its output.</param>
    /// <param name="input">[N, H, W, C].</param>
    /// <param name="shortcut">Makes what is added, of the shape of the convolution's output; null for none. It is called as late as possible, after the
    /// convolution, so that the backward, which runs the other way, is done with the shortcut's gradient before those of the convolution take memory.</param>
    /// <param name="activation">The layer that clips at zero, after the shortcut; null for none.</param>
    /// <param name="consume">Whether the caller made the input and reads it no more, so that its memory may go as soon as it is convolved.</param>
    public static Tensor Forward(
        Conv2d convolution, Normalization norm, Tensor input, Func<Tensor>? shortcut = null, ReLU? activation = null, bool consume = false)
    {
        Tape tape = input.Device.Tape;
        bool isActivationObserved = activation is { IsObserved: true }, relu = activation is not null && !isActivationObserved;
        Tensor output;
        Tensor? added = Folds(convolution, norm, input) ? shortcut?.Invoke() : null;
        if (Folds(convolution, norm, input) && !tape.ShouldRecord(added))
        {
            BatchNorm2d batchNorm = (BatchNorm2d)norm;
            output = BatchNormOperation.ApplyToConvolution(
                input, convolution.Weight.Value, convolution.Geometry, batchNorm.Weight.Value, batchNorm.Bias.Value, batchNorm.RunningMean.Value,
                batchNorm.RunningVariance.Value, batchNorm.Epsilon, added, relu);
            if (consume)
            {
                Release(tape, input, output);
            }
        }
        else
        {
            BatchNorm2d? summed = SummedBy(convolution, norm, input);
            NormStatistics? statistics = summed?.BeginBatch();
            Tensor result = summed is null
                ? convolution.Forward(input)
                : ConvolveOperation.Apply(input, convolution.Weight.Value, convolution.Geometry, statistics);
            if (consume)
            {
                Release(tape, input, result);
            }

            added ??= shortcut?.Invoke();
            output = summed is null
                ? norm.Forward(result, added, relu)
                : BatchNormOperation.ApplyStatistics(result, summed.Weight.Value, summed.Bias.Value, statistics!.Value, added, relu);
            Release(tape, result, output);
        }

        if (!isActivationObserved)
        {
            return output;
        }

        Tensor activated = activation!.Forward(output);
        Release(tape, output, activated);
        return activated;
    }

    /// <summary>
    /// Whether a convolution of this input and the norm behind it can be one primitive now: in evaluation with a batch norm, when no gradient is recorded, the
    /// convolution has no bias and neither layer is observed.
    /// </summary>
    public static bool Folds(Conv2d convolution, Normalization norm, Tensor input) =>
        norm is BatchNorm2d { UsesBatchStatistics: false, IsObserved: false } batchNorm && !convolution.IsObserved && convolution.Bias is null
        && !input.Device.Tape.ShouldRecord(input, convolution.Weight.Value, batchNorm.Weight.Value, batchNorm.Bias.Value);

    // The norm whose statistics the convolution can take of its result, in training.
    private static BatchNorm2d? SummedBy(Conv2d convolution, Normalization norm, Tensor input) =>
        input.Device.FusesNorms && norm is BatchNorm2d { UsesBatchStatistics: true, IsObserved: false } batchNorm
        && !convolution.IsObserved && convolution.Bias is null
        && convolution.Geometry.OutputShape(input.Shape, convolution.Weight.Value.Shape).Rows > 1
        && input.Device.Tape.ShouldRecord(input, convolution.Weight.Value, batchNorm.Weight.Value, batchNorm.Bias.Value)
            ? batchNorm
            : null;

    private static void Release(Tape tape, Tensor consumed, Tensor result)
    {
        if (!ReferenceEquals(consumed, result))
        {
            tape.ReleaseEarly(consumed);
        }
    }
}
