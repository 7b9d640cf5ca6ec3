using Engine.Devices.Cpu.Loops;

namespace Engine;

/// <content>Batch normalization and the bias. Both directions read what they need twice: once for the sums, once for the result.</content>
public sealed unsafe partial class CpuDevice
{
    /// <inheritdoc/>
    protected override void BatchNormTrainingCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor? shortcut, bool relu, Tensor? runningMean, Tensor? runningVariance,
        double momentum, double epsilon, Tensor output, Tensor savedMean, Tensor savedInverseDeviation)
    {
        BatchNormStatisticsCore(input, new NormStatistics(savedMean, savedInverseDeviation, runningMean, runningVariance, momentum, epsilon));
        BatchNormApplyCore(input, gamma, beta, savedMean, savedInverseDeviation, shortcut, relu, output);
    }

    /// <inheritdoc/>
    protected override void BatchNormStatisticsCore(Tensor input, in NormStatistics statistics)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        int pixels = input.Shape.Rows;
        int tasks = TaskCount(pixels, tile.SumPixels(pixels));
        long momentCount = RoundUp(Math.Max(tasks, 1) * 2L * tile.Channels);
        long workFloats = (long)_team.Size * Moments.WorkFloats(tile);
        using Scratch scratch = new(Memory, (momentCount * sizeof(double)) + (workFloats * sizeof(float)));
        double* moments = (double*)scratch.Start;
        Run(new MomentsJob(Floats(input), pixels, tile, moments, (float*)(moments + momentCount)), tasks);
        JoinTasks(moments, tile.Channels, tasks, pixels, tile.SumPixels(pixels));
        SetStatistics(moments, pixels, statistics);
    }

    // From C means and C sums of squared distances from them.
    private static void SetStatistics(double* moments, int pixels, in NormStatistics statistics)
    {
        int channels = statistics.Mean.Shape.Last;
        double momentum = statistics.Momentum;
        float* means = FloatsToWrite(statistics.Mean), inverseDeviations = FloatsToWrite(statistics.InverseDeviation);
        float* runningMeans = FloatsToWrite(statistics.RunningMean), runningVariances = FloatsToWrite(statistics.RunningVariance);
        for (int c = 0; c < channels; c++)
        {
            double mean = moments[c];
            double squares = moments[channels + c];
            means[c] = (float)mean;
            inverseDeviations[c] = (float)(1 / Math.Sqrt((squares / pixels) + statistics.Epsilon));
            if (runningMeans is not null && runningVariances is not null)
            {
                // A single pixel has no unbiased variance; its deviation from its own mean, zero, stands in for it.
                runningMeans[c] = (float)(((1 - momentum) * runningMeans[c]) + (momentum * mean));
                runningVariances[c] = (float)(((1 - momentum) * runningVariances[c]) + (momentum * squares / Math.Max(pixels - 1, 1)));
            }
        }
    }

    /// <inheritdoc/>
    protected override void BatchNormInferenceCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, Tensor? shortcut, bool relu, Tensor output)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, 2L * tile.Length * sizeof(float));
        float* scale = (float*)scratch.Start;
        float* shift = scale + tile.Length;
        SetInferenceMap(gamma, beta, mean, variance, epsilon, scale, shift);
        Affine(input, tile, scale, shift, shortcut, relu, output);
    }

    /// <inheritdoc/>
    protected override void BatchNormApplyCore(
        Tensor input, Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, Tensor? shortcut, bool relu, Tensor output)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, 2L * tile.Length * sizeof(float));
        float* scale = (float*)scratch.Start;
        float* shift = scale + tile.Length;
        Affine(gamma, beta, mean, inverseDeviation, scale, shift);
        Affine(input, tile, scale, shift, shortcut, relu, output);
    }

    /// <inheritdoc/>
    protected override void BatchNormBackwardCore(
        Tensor outputGradient, Tensor input, Tensor? output, Tensor gamma, Tensor? beta, Tensor mean, Tensor inverseDeviation, bool relu, bool batchStatistics,
        GradientTarget inputGradient, GradientTarget shortcutGradient, GradientTarget gammaGradient, GradientTarget betaGradient)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        int channels = tile.Channels;
        int pixels = input.Shape.Rows;
        int tasks = TaskCount(pixels, tile.SumPixels(pixels));
        long sumCount = RoundUp(Math.Max(tasks, 1) * 2L * channels);
        long workFloats = (long)_team.Size * 2 * tile.Length;
        using Scratch scratch = new(Memory, (sumCount * sizeof(double)) + ((workFloats + (6 * tile.Length)) * sizeof(float)));
        double* sums = (double*)scratch.Start;
        float* work = (float*)(sums + sumCount);
        float* center = work + workFloats;
        float* direct = center + tile.Length;
        float* slope = direct + tile.Length;
        float* offset = slope + tile.Length;
        float* scale = offset + tile.Length;
        float* shift = scale + tile.Length;
        new Span<double>(sums, 2 * channels).Clear();
        new ReadOnlySpan<float>(Floats(mean), channels).CopyTo(new Span<float>(center, channels));
        tile.Repeat(center);

        // The ReLU's mask is the output's sign, or else computed again from the input.
        bool isComputedAgain = relu && output is null;
        if (isComputedAgain)
        {
            Affine(gamma, beta!, mean, inverseDeviation, scale, shift);
            tile.Repeat(scale);
            tile.Repeat(shift);
        }

        NormGradientInputs inputs = new()
        {
            OutputGradient = Floats(outputGradient),
            Input = Floats(input),
            Output = relu ? Floats(output) : null,
            Scale = isComputedAgain ? scale : null,
            Shift = isComputedAgain ? shift : null,
            ShortcutGradient = FloatsToWrite(shortcutGradient.Gradient),
            AccumulateShortcut = shortcutGradient.Accumulate,
        };
        bool isSummed = gammaGradient.Gradient is not null || betaGradient.Gradient is not null || (batchStatistics && inputGradient.Gradient is not null);
        if (isSummed || shortcutGradient.Gradient is not null)
        {
            SumGradients(inputs, center, tile, pixels, sums, work, tasks);
        }

        float* gammas = Floats(gamma), inverseDeviations = Floats(inverseDeviation);
        float* gammaGradients = FloatsToWrite(gammaGradient.Gradient), betaGradients = FloatsToWrite(betaGradient.Gradient);
        for (int c = 0; c < channels; c++)
        {
            double sum = sums[c];
            double sumNormalized = sums[channels + c] * inverseDeviations[c];
            Put(gammaGradients, c, sumNormalized, gammaGradient.Accumulate);
            Put(betaGradients, c, sum, betaGradient.Accumulate);
            (direct[c], slope[c], offset[c]) = GradientMap(gammas[c], inverseDeviations[c], sum, sumNormalized, pixels, batchStatistics);
        }

        if (inputGradient.Gradient is null)
        {
            return;
        }

        tile.Repeat(direct);
        tile.Repeat(slope);
        tile.Repeat(offset);

        if (shortcutGradient.Gradient is not null && !inputs.AccumulateShortcut)
        {
            // The shortcut's gradient has been overwritten with g, clipped already.
            inputs = new NormGradientInputs { OutputGradient = inputs.ShortcutGradient, Input = inputs.Input };
        }

        int mapTasks = TaskCount(pixels, tile.MapPixels);
        float* result = FloatsToWrite(inputGradient.Gradient);
        bool accumulateInput = inputGradient.Accumulate;
        switch (inputs.Output is not null, inputs.Scale is not null)
        {
            case (true, _):
                Run(new ChannelGradientJob<OutputMask>(new(inputs, direct, center, slope, offset, result, accumulateInput), tile, pixels), mapTasks);
                break;
            case (_, true):
                Run(new ChannelGradientJob<InputMask>(new(inputs, direct, center, slope, offset, result, accumulateInput), tile, pixels), mapTasks);
                break;
            default:
                Run(new ChannelGradientJob<NoMask>(new(inputs, direct, center, slope, offset, result, accumulateInput), tile, pixels), mapTasks);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor input, Tensor bias, Tensor output)
    {
        ChannelTile tile = ChannelTile.For(input.Shape.Last, Width);
        using Scratch scratch = new(Memory, 2L * tile.Length * sizeof(float));
        float* scale = (float*)scratch.Start;
        float* shift = scale + tile.Length;
        new Span<float>(scale, tile.Channels).Fill(1);
        new ReadOnlySpan<float>(Floats(bias), tile.Channels).CopyTo(new Span<float>(shift, tile.Channels));
        Affine(input, tile, scale, shift, null, false, output);
    }

    /// <inheritdoc/>
    protected override void BiasBackwardCore(Tensor outputGradient, Tensor biasGradient, bool accumulate)
    {
        ChannelTile tile = ChannelTile.For(outputGradient.Shape.Last, Width);
        int pixels = outputGradient.Shape.Rows;
        int tasks = TaskCount(pixels, tile.SumPixels(pixels));
        long sumCount = RoundUp((long)tasks * tile.Channels);
        using Scratch scratch = new(Memory, (sumCount * sizeof(double)) + ((long)_team.Size * tile.Length * sizeof(float)));
        double* sums = (double*)scratch.Start;
        Run(new PlainSumsJob(Floats(outputGradient), tile, pixels, sums, (float*)(sums + sumCount)), tasks);
        for (int c = 0; c < tile.Channels; c++)
        {
            double sum = 0;
            for (int task = 0; task < tasks; task++)
            {
                sum += sums[((nint)task * tile.Channels) + c];
            }

            Put(FloatsToWrite(biasGradient), c, sum, accumulate);
        }
    }

    // gamma (x - mean) r + beta as x * scale + shift. From the statistics as they are saved, so that a backward which asks for an
    // output, or for its sign, again gets the forward's to the last bit.
    private static (float Scale, float Shift) Affine(float gamma, float beta, float mean, float inverseDeviation)
    {
        // The shift is that of the rounded scale: what the rounding does to x and to the mean then cancels.
        float scale = (float)((double)gamma * inverseDeviation);
        return (scale, (float)(beta - ((double)mean * scale)));
    }

    // gamma r (g - (sum g + x^ sum g x^) / M) as direct * g + slope * (x - mean) + offset.
    private static (float Direct, float Slope, float Offset) GradientMap(
        float gamma, float inverseDeviation, double sum, double sumNormalized, int pixels, bool batchStatistics)
    {
        double factor = (double)gamma * inverseDeviation;
        return batchStatistics
            ? ((float)factor, (float)(-factor * inverseDeviation * sumNormalized / pixels), (float)(-factor * sum / pixels))
            : ((float)factor, 0, 0);
    }

    private static void Affine(Tensor gamma, Tensor beta, Tensor mean, Tensor inverseDeviation, float* scale, float* shift)
    {
        float* gammas = Floats(gamma), betas = Floats(beta), means = Floats(mean), inverseDeviations = Floats(inverseDeviation);
        for (int c = 0; c < gamma.Shape.Count; c++)
        {
            (scale[c], shift[c]) = Affine(gammas[c], betas[c], means[c], inverseDeviations[c]);
        }
    }

    // Batch norm with running statistics as a factor and an offset for each channel.
    private static void SetInferenceMap(Tensor gamma, Tensor beta, Tensor mean, Tensor variance, double epsilon, float* scale, float* shift)
    {
        float* gammas = Floats(gamma), betas = Floats(beta), means = Floats(mean), variances = Floats(variance);
        for (int c = 0; c < gamma.Shape.Count; c++)
        {
            (scale[c], shift[c]) = Affine(gammas[c], betas[c], means[c], (float)(1 / Math.Sqrt(variances[c] + epsilon)));
        }
    }

    // Repeats scale and shift, given for the first C floats of their rows, and applies them.
    private void Affine(Tensor input, ChannelTile tile, float* scale, float* shift, Tensor? shortcut, bool relu, Tensor output)
    {
        tile.Repeat(scale);
        tile.Repeat(shift);
        float* x = Floats(input), s = Floats(shortcut), y = FloatsToWrite(output);
        int pixels = input.Shape.Rows;
        int tasks = TaskCount(pixels, tile.MapPixels);
        switch (shortcut is not null, relu)
        {
            case (true, true): Run(new ChannelAffineJob<Yes, Yes>(new(x, scale, shift, s, y), tile, pixels), tasks); break;
            case (true, false): Run(new ChannelAffineJob<Yes, No>(new(x, scale, shift, s, y), tile, pixels), tasks); break;
            case (false, true): Run(new ChannelAffineJob<No, Yes>(new(x, scale, shift, s, y), tile, pixels), tasks); break;
            default: Run(new ChannelAffineJob<No, No>(new(x, scale, shift, s, y), tile, pixels), tasks); break;
        }
    }

    // Leaves the sums over all tasks in the first task's place.
    private void SumGradients(in NormGradientInputs inputs, float* center, ChannelTile tile, int pixels, double* sums, float* work, int tasks)
    {
        switch (inputs.Output is not null, inputs.Scale is not null, inputs.ShortcutGradient is not null)
        {
            case (true, _, true): Run(new GradientMomentsJob<OutputMask, Yes>(inputs, center, tile, pixels, sums, work), tasks); break;
            case (true, _, false): Run(new GradientMomentsJob<OutputMask, No>(inputs, center, tile, pixels, sums, work), tasks); break;
            case (_, true, true): Run(new GradientMomentsJob<InputMask, Yes>(inputs, center, tile, pixels, sums, work), tasks); break;
            case (_, true, false): Run(new GradientMomentsJob<InputMask, No>(inputs, center, tile, pixels, sums, work), tasks); break;
            case (_, _, true): Run(new GradientMomentsJob<NoMask, Yes>(inputs, center, tile, pixels, sums, work), tasks); break;
            default: Run(new GradientMomentsJob<NoMask, No>(inputs, center, tile, pixels, sums, work), tasks); break;
        }

        for (int task = 1; task < tasks; task++)
        {
            double* added = sums + ((nint)task * 2 * tile.Channels);
            for (int i = 0; i < 2 * tile.Channels; i++)
            {
                sums[i] += added[i];
            }
        }
    }

    // Leaves the moments over all tasks in the first task's place.
    private static void JoinTasks(double* moments, int channels, int tasks, long pixels, long perTask)
    {
        for (int task = 1; task < tasks; task++)
        {
            double* added = moments + ((nint)task * 2 * channels);
            long count = task * perTask;
            double share = (double)Math.Min(perTask, pixels - count) / Math.Min(pixels, count + perTask);
            for (int c = 0; c < channels; c++)
            {
                Moments.Join(ref moments[c], ref moments[channels + c], count, share, added[c], added[channels + c]);
            }
        }
    }

    // Doubles to a multiple of 64 bytes, so that vectors behind them are aligned.
    private static long RoundUp(long doubles) => (doubles + 7) / 8 * 8;

    private static void Put(float* output, int index, double value, bool accumulate)
    {
        if (output is not null)
        {
            output[index] = (float)(accumulate ? output[index] + value : value);
        }
    }
}
