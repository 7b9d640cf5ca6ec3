namespace Engine;

/// <content>
/// The five primitives by which a batch norm travels inside the convolutions around it: its statistics are summed where its input is
/// made, its map is applied where its result is read, and the sums of its backward are taken where its gradient is made. A device that
/// does not override them composes them of the primitives that it has, which defines them.
/// </content>
public abstract partial class Device
{
    /// <summary>
    /// Whether a batch norm in training leaves its result pending for the next convolution to compute on its way (<see cref="NormMap"/>),
    /// which pays where the primitives below are more than their compositions.
    /// </summary>
    public virtual bool FusesNorms => false;

    /// <summary>The statistics of <see cref="BatchNormTraining"/> without its result.</summary>
    /// <param name="input">[N, H, W, C] or [N, C].</param>
    /// <param name="statistics">Where they go.</param>
    public void BatchNormStatistics(Tensor input, in NormStatistics statistics)
    {
        using DeviceUse use = Work();
        BatchNormStatisticsCore(input, in statistics);
    }

    /// <summary>
    /// A convolution whose input is the result of a norm and a ReLU that nobody has stored, and the statistics of what it makes:
    /// output = <see cref="ConvolutionForward"/> of map(input).
    /// </summary>
    /// <param name="input">[N, H, W, C]: the norm's input.</param>
    /// <param name="map">The norm of the input, applied before the padding of zeros; null for none.</param>
    /// <param name="filter">[K, R, S, C / groups].</param>
    /// <param name="geometry">Stride, padding, dilation and groups.</param>
    /// <param name="output">[N, P, Q, K].</param>
    /// <param name="statistics">Where the output's statistics go, if they are wanted.</param>
    public void NormalizedConvolution(
        Tensor input, NormMap? map, Tensor filter, in ConvolutionGeometry geometry, Tensor output, NormStatistics? statistics)
    {
        using DeviceUse use = Work();
        Describe(filter, input.Shape, output.Shape);
        NormalizedConvolutionCore(input, map, filter, in geometry, output, statistics);
    }

    /// <summary>filterGradient (+)= <see cref="ConvolutionBackwardFilter"/> of map(input).</summary>
    /// <param name="input">[N, H, W, C]: the norm's input.</param>
    /// <param name="map">The norm of the input.</param>
    /// <param name="outputGradient">[N, P, Q, K].</param>
    /// <param name="geometry">Stride, padding, dilation and groups.</param>
    /// <param name="filterGradient">[K, R, S, C / groups].</param>
    public void NormalizedConvolutionBackwardFilter(
        Tensor input, in NormMap map, Tensor outputGradient, in ConvolutionGeometry geometry, GradientTarget filterGradient)
    {
        using DeviceUse use = Work();
        if (filterGradient.Gradient is { } gradient)
        {
            Describe(gradient, input.Shape, outputGradient.Shape);
            NormalizedConvolutionBackwardFilterCore(input, in map, outputGradient, in geometry, gradient, filterGradient.Accumulate);
        }
    }

    /// <summary>
    /// The gradient by a norm's result behind its ReLU, complete and masked, and the sums that lead on to the norm's input:
    /// g (+)= <see cref="ConvolutionBackwardData"/>, then 0 where the ReLU clipped; sum = sum of g, sumNormalized = sum of g x^ over all
    /// pixels, with x^ = (input - mean) * inverseDeviation.
    /// </summary>
    /// <param name="outputGradient">[N, P, Q, K].</param>
    /// <param name="filter">[K, R, S, C / groups].</param>
    /// <param name="geometry">Stride, padding, dilation and groups.</param>
    /// <param name="input">[N, H, W, C]: the norm's input.</param>
    /// <param name="map">The norm.</param>
    /// <param name="output">[N, H, W, C]: the norm's result, whose sign is the ReLU's mask; null where nothing was added to it before the
    /// ReLU, so that map(input) has that sign.</param>
    /// <param name="g">[N, H, W, C].</param>
    /// <param name="accumulate">Whether to add to what g holds, before the mask.</param>
    /// <param name="sum">[C]; also the gradient by beta.</param>
    /// <param name="sumNormalized">[C]; also the gradient by gamma.</param>
    public void NormalizedConvolutionBackwardData(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor input, in NormMap map, Tensor? output, Tensor g, bool accumulate,
        Tensor sum, Tensor sumNormalized)
    {
        using DeviceUse use = Work();
        Describe(filter, input.Shape, outputGradient.Shape);
        NormalizedConvolutionBackwardDataCore(outputGradient, filter, in geometry, input, in map, output, g, accumulate, sum, sumNormalized);
    }

    /// <summary>
    /// The rest of a norm's backward: inputGradient (+)= gamma r (g - (sum + x^ sumNormalized) / M) with batch statistics and M pixels,
    /// gamma r g with given ones, where r is the inverse deviation.
    /// </summary>
    /// <param name="g">[N, H, W, C]: the gradient by the norm's result, zero where the ReLU clipped.</param>
    /// <param name="input">[N, H, W, C]: the norm's input.</param>
    /// <param name="map">The norm.</param>
    /// <param name="sum">[C].</param>
    /// <param name="sumNormalized">[C].</param>
    /// <param name="inputGradient">[N, H, W, C]; may be <paramref name="input"/> or <paramref name="g"/> when not accumulating.</param>
    public void BatchNormBackwardApply(
        Tensor g, Tensor input, in NormMap map, Tensor sum, Tensor sumNormalized, GradientTarget inputGradient)
    {
        using DeviceUse use = Work();
        if (inputGradient.Gradient is { } gradient)
        {
            BatchNormBackwardApplyCore(g, input, in map, sum, sumNormalized, gradient, inputGradient.Accumulate);
        }
    }

    /// <summary>Computes <see cref="BatchNormStatistics"/>.</summary>
    protected virtual void BatchNormStatisticsCore(Tensor input, in NormStatistics statistics)
    {
        using Tensor result = Tensor.Borrow(this, input.Shape, input.Type);
        using Tensor ones = Vector(statistics.Mean, 1);
        BatchNormTrainingCore(
            input, ones, ones, shortcut: null, relu: false, statistics.RunningMean, statistics.RunningVariance, statistics.Momentum, statistics.Epsilon,
            result, statistics.Mean, statistics.InverseDeviation);
    }

    /// <summary>Computes <see cref="NormalizedConvolution"/>.</summary>
    protected virtual void NormalizedConvolutionCore(
        Tensor input, NormMap? map, Tensor filter, in ConvolutionGeometry geometry, Tensor output, NormStatistics? statistics)
    {
        if (map is { } norm)
        {
            using Tensor normalized = Normalized(input, norm);
            ConvolutionForwardCore(normalized, filter, in geometry, output);
        }
        else
        {
            ConvolutionForwardCore(input, filter, in geometry, output);
        }

        if (statistics is { } wanted)
        {
            BatchNormStatisticsCore(output, in wanted);
        }
    }

    /// <summary>Computes <see cref="NormalizedConvolutionBackwardFilter"/>.</summary>
    protected virtual void NormalizedConvolutionBackwardFilterCore(
        Tensor input, in NormMap map, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        using Tensor normalized = Normalized(input, map);
        ConvolutionBackwardFilterCore(normalized, outputGradient, in geometry, filterGradient, accumulate);
    }

    /// <summary>Computes <see cref="NormalizedConvolutionBackwardData"/>.</summary>
    protected virtual void NormalizedConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor input, in NormMap map, Tensor? output, Tensor g, bool accumulate,
        Tensor sum, Tensor sumNormalized)
    {
        ConvolutionBackwardDataCore(outputGradient, filter, in geometry, g, accumulate);

        // The gradient by a shortcut beside the norm would be g.
        BatchNormBackwardCore(
            g, input, output, map.Gamma, map.Beta, map.Mean, map.InverseDeviation, relu: true, map.BatchStatistics,
            inputGradient: null, shortcutGradient: g, sumNormalized, sum);
    }

    /// <summary>Computes <see cref="BatchNormBackwardApply"/>.</summary>
    protected virtual void BatchNormBackwardApplyCore(
        Tensor g, Tensor input, in NormMap map, Tensor sum, Tensor sumNormalized, Tensor inputGradient, bool accumulate)
    {
        // A g, then, as a map of the input beside it, -A (sum + x^ sumNormalized) / M, with A = gamma r.
        using Tensor zeros = Vector(sum, 0);
        using Tensor ones = Vector(sum, 1);
        using Tensor factor = Vector(sum, 0);
        using Tensor result = Tensor.Borrow(this, g.Shape, g.Type);
        MultiplyCore(map.Gamma, map.InverseDeviation, factor, accumulate: false);
        BatchNormApplyCore(g, factor, zeros, zeros, ones, shortcut: null, relu: false, result);
        if (map.BatchStatistics)
        {
            using Tensor slope = Vector(sum, 0);
            using Tensor offset = Vector(sum, 0);
            ScaleCore(factor, -1.0 / input.Shape.Rows, ones, accumulate: false);
            MultiplyCore(ones, sumNormalized, slope, accumulate: false);
            MultiplyCore(ones, sum, offset, accumulate: false);
            BatchNormApplyCore(input, slope, offset, map.Mean, map.InverseDeviation, shortcut: result, relu: false, result);
        }

        ScaleCore(result, 1, inputGradient, accumulate);
    }

    private Tensor Normalized(Tensor input, in NormMap map)
    {
        Tensor normalized = Tensor.Borrow(this, input.Shape, input.Type);
        BatchNormApplyCore(input, map.Gamma, map.Beta, map.Mean, map.InverseDeviation, shortcut: null, relu: true, normalized);
        return normalized;
    }

    private Tensor Vector(Tensor like, double value)
    {
        Tensor vector = Tensor.Borrow(this, like.Shape, like.Type);
        FillCore(vector, value);
        return vector;
    }
}
