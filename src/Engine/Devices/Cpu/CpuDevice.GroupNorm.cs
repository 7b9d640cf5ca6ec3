using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Group normalization.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void GroupNormCore(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, _team.Size * GroupNormArguments.ThreadBytes(tile));
        GroupNormArguments arguments = GroupNormOf(
            input, tile, groups, gamma, FloatsToWrite(savedMean), FloatsToWrite(savedInverseDeviation), scratch.Start);
        Run(new GroupNormJob(arguments, Floats(beta), epsilon, FloatsToWrite(output)), input.Shape[0]);
    }

    /// <inheritdoc/>
    protected override void GroupNormBackwardCore(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        int channels = tile.Channels;
        int images = input.Shape[0];
        long sumCount = RoundUp(images * 2L * channels);
        using Scratch scratch = new(Memory, (sumCount * sizeof(double)) + (_team.Size * GroupNormArguments.ThreadBytes(tile)));
        double* sums = (double*)scratch.Start;
        GroupNormArguments arguments = GroupNormOf(
            input, tile, groups, gamma, Floats(savedMean), Floats(savedInverseDeviation), (byte*)(sums + sumCount));
        Run(
            new GroupNormBackwardJob(
                arguments, Floats(outputGradient), FloatsToWrite(inputGradient.Gradient), inputGradient.Accumulate, sums),
            images);
        for (int c = 0; c < channels; c++)
        {
            double betaSum = 0, gammaSum = 0;
            for (int n = 0; n < images; n++)
            {
                betaSum += sums[(n * 2L * channels) + c];
                gammaSum += sums[(n * 2L * channels) + channels + c];
            }

            Put(FloatsToWrite(gammaGradient.Gradient), c, gammaSum, gammaGradient.Accumulate);
            Put(FloatsToWrite(betaGradient.Gradient), c, betaSum, betaGradient.Accumulate);
        }
    }

    private static GroupNormArguments GroupNormOf(
        Tensor input, ChannelTile tile, int groups, Tensor gamma, float* mean, float* inverseDeviation, byte* work) => new()
        {
            Input = Floats(input),
            Tile = tile,
            Groups = groups,
            Pixels = input.Shape[0] == 0 ? 0 : input.Shape.Rows / input.Shape[0],
            Gamma = Floats(gamma),
            Mean = mean,
            InverseDeviation = inverseDeviation,
            Work = work,
        };
}
