using Engine.Devices.Cpu.Convolution;
using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Batch norm inside the convolutions around it: mapped as their input is read, summed while their output is in the cache.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    public override bool FusesNorms { get; }

    /// <inheritdoc/>
    protected override void NormalizedConvolutionCore(
        Tensor input, NormMap? map, Tensor filter, in ConvolutionGeometry geometry, Tensor output, NormStatistics? statistics)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        int channels = output.Shape.Last;
        using Scratch scratch = new(Memory, ((2L * tile.Length) + channels) * sizeof(float));
        SourceMap source = MapOf(map, tile, (float*)scratch.Start);
        if (statistics is not { } wanted)
        {
            _convolution.Forward(input, source, filter, geometry, output, default(PlainEpilogue));
            return;
        }

        // The running mean is near the batch's, as a rule.
        float* center = (float*)scratch.Start + (2 * tile.Length);
        Span<float> centers = new(center, channels);
        if (wanted.RunningMean is { } runningMean)
        {
            new ReadOnlySpan<float>(Floats(runningMean), channels).CopyTo(centers);
        }
        else
        {
            centers.Clear();
        }

        _convolution.Forward(input, source, filter, geometry, output, new MomentsEpilogue(_convolution.Sums, channels, center));
        if (!TryStatistics(center, output.Shape.Rows, wanted))
        {
            BatchNormStatisticsCore(output, wanted);
        }
    }

    // Sums of squares around a center lose the digits that their distance from the mean takes: beyond a few deviations, one channel's is
    // reason to read the output once more.
    private bool TryStatistics(float* center, int pixels, in NormStatistics statistics)
    {
        const double mostVariances = 16;
        int channels = statistics.Mean.Shape.Last;
        using Scratch scratch = new(Memory, 2L * channels * sizeof(double));
        double* means = (double*)scratch.Start, squares = means + channels;
        _convolution.Sums.Join(new Span<double>(means, channels), new Span<double>(squares, channels));
        for (int c = 0; c < channels; c++)
        {
            double distance = means[c] / pixels;
            squares[c] = Math.Max(squares[c] - (distance * means[c]), 0);
            means[c] = center[c] + distance;
            if (!(distance * distance <= mostVariances * ((squares[c] / pixels) + statistics.Epsilon)))
            {
                return false;
            }
        }

        SetStatistics(means, pixels, statistics);
        return true;
    }

    /// <inheritdoc/>
    protected override void NormalizedConvolutionBackwardFilterCore(
        Tensor input, in NormMap map, Tensor outputGradient, in ConvolutionGeometry geometry, Tensor filterGradient, bool accumulate)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, 2L * tile.Length * sizeof(float));
        _convolution.BackwardFilter(input, MapOf(map, tile, (float*)scratch.Start), outputGradient, geometry, filterGradient, accumulate);
    }

    /// <inheritdoc/>
    protected override void NormalizedConvolutionBackwardDataCore(
        Tensor outputGradient, Tensor filter, in ConvolutionGeometry geometry, Tensor input, in NormMap map, Tensor? output, Tensor g, bool accumulate,
        Tensor sum, Tensor sumNormalized)
    {
        if (geometry.Stride != (Size2)1 || geometry.Dilation != (Size2)1)
        {
            // Each phase of a stride writes only some of the pixels, and taps apart may leave some out.
            base.NormalizedConvolutionBackwardDataCore(outputGradient, filter, geometry, input, map, output, g, accumulate, sum, sumNormalized);
            return;
        }

        int channels = input.Shape.Last;
        using Scratch scratch = new(Memory, 2L * channels * (sizeof(float) + sizeof(double)));
        double* sums = (double*)scratch.Start;
        float* scale = (float*)(sums + (2 * channels)), shift = scale + channels;
        float* gradient = FloatsToWrite(g);
        nint inputDistance = (nint)(Floats(input) - gradient);
        if (output is null)
        {
            Affine(map.Gamma, map.Beta, map.Mean, map.InverseDeviation, scale, shift);
            NormGradientEpilogue<InputMask> epilogue = new(_convolution.Sums, channels, inputDistance, 0, scale, shift, Floats(map.Mean));
            _convolution.BackwardData(outputGradient, filter, geometry, g, accumulate, epilogue);
        }
        else
        {
            nint outputDistance = (nint)(Floats(output) - gradient);
            NormGradientEpilogue<OutputMask> epilogue = new(_convolution.Sums, channels, inputDistance, outputDistance, null, null, Floats(map.Mean));
            _convolution.BackwardData(outputGradient, filter, geometry, g, accumulate, epilogue);
        }

        _convolution.Sums.Join(new Span<double>(sums, channels), new Span<double>(sums + channels, channels));
        float* inverseDeviations = Floats(map.InverseDeviation), sumOutput = FloatsToWrite(sum), sumNormalizedOutput = FloatsToWrite(sumNormalized);
        for (int c = 0; c < channels; c++)
        {
            sumOutput[c] = (float)sums[c];
            sumNormalizedOutput[c] = (float)(sums[channels + c] * inverseDeviations[c]);
        }
    }

    /// <inheritdoc/>
    protected override void BatchNormBackwardApplyCore(
        Tensor g, Tensor input, in NormMap map, Tensor sum, Tensor sumNormalized, Tensor inputGradient, bool accumulate)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        int pixels = input.Shape.Rows;
        using Scratch scratch = new(Memory, 4L * tile.Length * sizeof(float));
        float* center = (float*)scratch.Start;
        float* direct = center + tile.Length;
        float* slope = direct + tile.Length;
        float* offset = slope + tile.Length;
        float* gammas = Floats(map.Gamma), means = Floats(map.Mean), inverseDeviations = Floats(map.InverseDeviation);
        float* sumsOfG = Floats(sum), sumsNormalized = Floats(sumNormalized);
        for (int c = 0; c < tile.Channels; c++)
        {
            center[c] = means[c];
            (direct[c], slope[c], offset[c]) = GradientMap(gammas[c], inverseDeviations[c], sumsOfG[c], sumsNormalized[c], pixels, map.BatchStatistics);
        }

        tile.Repeat(center);
        tile.Repeat(direct);
        tile.Repeat(slope);
        tile.Repeat(offset);
        NormGradientInputs inputs = new() { OutputGradient = Floats(g), Input = Floats(input) };
        ChannelGradient<NoMask> gradient = new(inputs, direct, center, slope, offset, FloatsToWrite(inputGradient), accumulate);
        Run(new ChannelGradientJob<NoMask>(gradient, tile, pixels), TaskCount(pixels, tile.MapPixels));
    }

    // The scale and the shift of a norm, in two rows of the tile.
    private static SourceMap MapOf(NormMap? map, ChannelTile tile, float* rows)
    {
        if (map is not { } norm)
        {
            return default;
        }

        float* shift = rows + tile.Length;
        Affine(norm.Gamma, norm.Beta, norm.Mean, norm.InverseDeviation, rows, shift);
        tile.Repeat(rows);
        tile.Repeat(shift);
        return new SourceMap(rows, shift, tile);
    }
}
