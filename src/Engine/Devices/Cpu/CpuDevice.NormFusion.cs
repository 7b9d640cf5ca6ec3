using Engine.Devices.Cpu.Convolution;
using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Batch norm inside the convolutions around it: mapped as their input is read, summed while their output is in the cache.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    public override bool FusesNorms => true;

    /// <inheritdoc/>
    protected override void NormalizedConvolutionCore(
        Tensor input, NormMap? map, Tensor filter, in ConvolutionGeometry geometry, Tensor output, NormStatistics? statistics)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, 2L * tile.Length * sizeof(float));
        OutputSums sums = statistics is null ? default : OutputSums.OfMoments(ChannelTile.For(output.Shape.Last, Width), FloatsToWrite(output));
        _convolution.Forward(input, MapOf(map, tile, (float*)scratch.Start), filter, geometry, output, default(PlainEpilogue), ref sums);
        if (statistics is { } wanted)
        {
            SetStatistics(sums.Result, output.Shape.Rows, wanted);
        }
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

        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, 3L * tile.Length * sizeof(float));
        SourceMap sign = MapOf(map, tile, (float*)scratch.Start);
        float* center = (float*)scratch.Start + (2 * tile.Length);
        new ReadOnlySpan<float>(Floats(map.Mean), tile.Channels).CopyTo(new Span<float>(center, tile.Channels));
        tile.Repeat(center);
        float* gradient = FloatsToWrite(g);
        NormGradientInputs inputs = new()
        {
            OutputGradient = gradient,
            Input = Floats(input),
            Output = Floats(output),
            Scale = sign.Scale,
            Shift = sign.Shift,
            ShortcutGradient = gradient,
        };
        OutputSums sums = OutputSums.OfGradient(tile, inputs, center);
        _convolution.BackwardData(outputGradient, filter, geometry, g, accumulate, ref sums);
        float* inverseDeviations = Floats(map.InverseDeviation), sumOutput = FloatsToWrite(sum), sumNormalizedOutput = FloatsToWrite(sumNormalized);
        for (int c = 0; c < tile.Channels; c++)
        {
            sumOutput[c] = (float)sums.Result[c];
            sumNormalizedOutput[c] = (float)(sums.Result[tile.Channels + c] * inverseDeviations[c]);
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
