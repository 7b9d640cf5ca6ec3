using Engine.Kernels.Interop;

namespace Engine.Kernels;

/// <content>What works per channel: bias, batch norm, group norm.</content>
public sealed partial class CudaDevice
{
    /// <summary>How a matrix of rows x channels is cut for kernels.cu's row tile.</summary>
    internal readonly record struct RowTile(KernelVariant Variant, Dim3 Grid, Dim3 Block)
    {
        internal int Chunks => (int)Grid.Y;
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor input, Tensor bias, Tensor output)
    {
        RowTile tile = Tile(output.Shape, Storage(output, input));
        Launch(
            "add_bias", tile.Variant, tile.Grid, tile.Block, input.ReadAddress, AddressOf(bias), output.WriteAddress(), output.Shape.Rows, output.Shape.Last);
    }

    /// <inheritdoc/>
    protected override void BiasBackwardCore(Tensor outputGradient, Tensor biasGradient, bool accumulate) =>
        SumColumns(outputGradient, outputGradient.Shape, biasGradient, accumulate);

    /// <summary>sums (+)= the sums over all axes but the last, of a tensor that is taken for one of the given shape.</summary>
    private void SumColumns(Tensor input, Shape shape, Tensor sums, bool accumulate)
    {
        int channels = shape.Last;
        RowTile tile = Tile(shape, Storage(input));
        using Tensor partials = Temporary(4L * tile.Chunks * channels);
        Launch("column_sums", tile.Variant, tile.Grid, tile.Block, input.ReadAddress, partials.WriteAddress(), shape.Rows, channels);
        FinishSums(partials, tile, channels, 1, new(sums, accumulate), null, null);
    }

    /// <inheritdoc/>
    protected override void BatchNormTrainingCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        if (BatchNorm == CudaBatchNorm.Cudnn)
        {
            CudnnBatchNormTraining(
                input, gamma, beta, shortcut, relu, runningMean, runningVariance, momentum, epsilon, output, savedMean, savedInverseDeviation);
            return;
        }

        int channels = input.Shape.Last;
        RowTile tile = StatisticsTile(input.Shape, Storage(output, input, shortcut));
        using (Tensor partials = Temporary(12L * tile.Chunks * channels))
        {
            Launch("bn_statistics_3", tile.Variant, tile.Grid, tile.Block, input.ReadAddress, partials.WriteAddress(), input.Shape.Rows, channels);
            Launch(
                "bn_statistics_finish", KernelVariant.Only, GridForWarps(channels), ThreadsPerBlock, partials.ReadAddress, tile.Chunks, channels,
                (float)momentum, (float)epsilon, WriteAddressOf(savedMean), WriteAddressOf(savedInverseDeviation), WriteAddressOf(runningMean),
                WriteAddressOf(runningVariance));
        }

        BatchNormApply(input, gamma, beta, savedMean, savedInverseDeviation, shortcut, relu, output);
    }

    /// <inheritdoc/>
    protected override void BatchNormInferenceCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
        RowTile tile = Tile(input.Shape, Storage(output, input, shortcut));
        Launch(
            "bn_apply", tile.Variant, tile.Grid, tile.Block, input.ReadAddress, AddressOf(gamma), AddressOf(beta), AddressOf(mean), AddressOf(variance),
            1, (float)epsilon, shortcut?.ReadAddress ?? 0, Flag(relu), output.WriteAddress(), input.Shape.Rows, input.Shape.Last);
    }

    /// <inheritdoc/>
    protected override void BatchNormApplyCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output)
    {
        RowTile tile = Tile(input.Shape, Storage(output, input, shortcut));
        Launch(
            "bn_apply", tile.Variant, tile.Grid, tile.Block, input.ReadAddress, AddressOf(gamma), AddressOf(beta), AddressOf(mean),
            AddressOf(inverseDeviation), 0, 0f, shortcut?.ReadAddress ?? 0, Flag(relu), output.WriteAddress(), input.Shape.Rows, input.Shape.Last);
    }

    /// <inheritdoc/>
    protected override void BatchNormBackwardCore(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu, bool batchStatistics,
        GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        // cuDNN differentiates only through the batch's own statistics.
        if (BatchNorm == CudaBatchNorm.Cudnn && batchStatistics)
        {
            CudnnBatchNormBackward(
                outputGradient, input, output, gamma, beta, mean, inverseDeviation, relu, inputGradient, shortcutGradient, gammaGradient, betaGradient);
            return;
        }

        (int rows, int channels) = (input.Shape.Rows, input.Shape.Last);
        KernelVariant storage = Storage(outputGradient, input, relu ? output : null, inputGradient.Gradient, shortcutGradient.Gradient);
        RowTile tile = Tile(input.Shape, storage, blocks: 3, rows: 2);
        // The ReLU's mask is the output's sign; or else beta lets the kernels compute that sign again.
        nint mask = relu ? output?.ReadAddress ?? 0 : 0;
        nint offset = relu && output is null ? AddressOf(beta) : 0;
        nint gradient = outputGradient.ReadAddress;

        // A shortcut's gradient that is overwritten is the masked gradient itself: written by the first pass, read by the second.
        bool isShortcutFirst = shortcutGradient.Gradient is not null && !shortcutGradient.Accumulate;
        using Tensor sums = Temporary(8L * channels);
        using (Tensor partials = Temporary(8L * tile.Chunks * channels))
        {
            Launch(
                "bn_backward_sums", tile.Variant, tile.Grid, tile.Block, gradient, input.ReadAddress, mask, AddressOf(gamma), offset, AddressOf(mean),
                AddressOf(inverseDeviation),
                isShortcutFirst ? shortcutGradient.Gradient!.WriteAddress() : 0, partials.WriteAddress(), rows, channels);
            FinishSums(partials, tile, channels, 2, betaGradient, gammaGradient, sums);
        }

        if (isShortcutFirst)
        {
            (gradient, mask, offset) = (shortcutGradient.Gradient!.ReadAddress, 0, 0);
        }

        nint intoShortcut = isShortcutFirst ? 0 : shortcutGradient.Gradient?.WriteAddress() ?? 0;
        if (inputGradient.Gradient is not null || intoShortcut != 0)
        {
            tile = Tile(input.Shape, storage);
            Launch(
                "bn_backward_apply", tile.Variant, tile.Grid, tile.Block, gradient, input.ReadAddress, mask, AddressOf(gamma), offset, mean.ReadAddress,
                inverseDeviation.ReadAddress, sums.ReadAddress, batchStatistics ? 1f / rows : 0f, inputGradient.Gradient?.WriteAddress() ?? 0,
                Flag(inputGradient.Accumulate), intoShortcut, Flag(shortcutGradient.Accumulate), rows, channels);
        }
    }

    /// <inheritdoc/>
    protected override void GroupNormCore(
        Tensor input, int groups, Tensor gamma, Tensor beta, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation) => Launch(
        "group_norm", GroupVariant(Storage(output, input), input, groups), input.Shape[0] * groups, ThreadsPerBlock, input.ReadAddress, AddressOf(gamma),
        AddressOf(beta), (float)epsilon, output.WriteAddress(), WriteAddressOf(savedMean), WriteAddressOf(savedInverseDeviation), PixelsOf(input),
        input.Shape.Last, groups);

    /// <inheritdoc/>
    protected override void GroupNormBackwardCore(
        Tensor outputGradient, Tensor input, int groups, Tensor gamma, Tensor savedMean, Tensor savedInverseDeviation,
        GradientTarget inputGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        KernelVariant variant = GroupVariant(Storage(outputGradient, input, inputGradient.Gradient), input, groups);
        int channels = input.Shape.Last;
        if (inputGradient.Gradient is not null)
        {
            Launch(
                "group_norm_backward", variant, input.Shape[0] * groups, ThreadsPerBlock, outputGradient.ReadAddress, input.ReadAddress, AddressOf(gamma),
                AddressOf(savedMean), AddressOf(savedInverseDeviation), inputGradient.Gradient.WriteAddress(), Flag(inputGradient.Accumulate),
                PixelsOf(input), channels, groups);
        }

        if (gammaGradient.Gradient is not null || betaGradient.Gradient is not null)
        {
            RowTile tile = Tile(input.Shape, variant);
            using Tensor partials = Temporary(8L * tile.Chunks * channels);
            Launch(
                "group_norm_backward_sums", tile.Variant, tile.Grid, tile.Block, outputGradient.ReadAddress, input.ReadAddress, AddressOf(savedMean),
                AddressOf(savedInverseDeviation), partials.WriteAddress(), input.Shape.Rows, PixelsOf(input), channels, groups);
            FinishSums(partials, tile, channels, 2, betaGradient, gammaGradient, null);
        }
    }

    /// <summary>For bn_statistics_3, of whose blocks four fit a multiprocessor, and whose threads take four rows at once.</summary>
    internal RowTile StatisticsTile(Shape shape, KernelVariant variant) => Tile(shape, variant, blocks: 4, rows: 4);

    private static int PixelsOf(Tensor input) => input.Shape.Rows / input.Shape[0];

    /// <summary>Packs only where no pack crosses from one group into the next.</summary>
    private static KernelVariant GroupVariant(KernelVariant variant, Tensor input, int groups) =>
        input.Shape.Last / groups % PackWidth(input.Type) == 0 ? variant : Scalar(variant);

    /// <summary>
    /// Packs where the channels divide by them (and <paramref name="variant"/> is not scalar already), and as many chunks of rows
    /// as give every multiprocessor so many blocks.
    /// </summary>
    /// <param name="shape">Of the matrix of rows x channels.</param>
    /// <param name="variant">Its storage.</param>
    /// <param name="blocks">Blocks a multiprocessor. Where a kernel's loads are many, as many as run at once, so that no second wave is half empty.</param>
    /// <param name="rows">The fewest rows a thread: fewer chunks leave less to put together.</param>
    internal RowTile Tile(Shape shape, KernelVariant variant, int blocks = 8, int rows = 1)
    {
        int width = variant switch { KernelVariant.Float32 => 4, KernelVariant.BFloat16 => 8, _ => 1 };
        if (shape.Last % width != 0)
        {
            (variant, width) = (Scalar(variant), 1);
        }

        int packs = Math.Max(1, shape.Last / width);
        int across = Math.Min(packs, ThreadsPerBlock);
        int down = ThreadsPerBlock / across;
        int columns = (packs + across - 1) / across;
        int mostChunks = Math.Max(1, (int)(((long)shape.Rows + ((long)down * rows) - 1) / ((long)down * rows)));
        int chunks = Math.Clamp(_queue.Properties.MultiprocessorCount * blocks / columns, 1, Math.Min(mostChunks, ushort.MaxValue));
        return new RowTile(variant, new Dim3((uint)columns, (uint)chunks), new Dim3((uint)across, (uint)down));
    }

    private void FinishSums(
        Tensor partials, RowTile tile, int channels, int sumsPerChannel, GradientTarget first, GradientTarget second, Tensor? sums) =>
        Launch(
            "column_sums_finish", KernelVariant.Only, GridForWarps(channels), ThreadsPerBlock, partials.ReadAddress, tile.Chunks, channels, sumsPerChannel,
            WriteAddressOf(first.Gradient), Flag(first.Accumulate), WriteAddressOf(second.Gradient), Flag(second.Accumulate), sums?.WriteAddress() ?? 0);
}
