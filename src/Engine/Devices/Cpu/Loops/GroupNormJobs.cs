using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Loops;

/// <summary>What both directions of group norm know.</summary>
internal unsafe struct GroupNormArguments
{
    public float* Input;
    public ChannelTile Tile;
    public int Groups;

    /// <summary>Pixels in one image.</summary>
    public int Pixels;

    public float* Gamma;
    public float* Mean;
    public float* InverseDeviation;

    /// <summary>Scratch memory: <see cref="ThreadBytes"/> for each thread.</summary>
    public byte* Work;

    public readonly int ChannelsPerGroup => Tile.Channels / Groups;

    /// <summary>2 C doubles and six rows of the tile.</summary>
    public static long ThreadBytes(ChannelTile tile) => ((((2L * tile.Channels) + 7) / 8 * 8) * sizeof(double)) + (6L * tile.Length * sizeof(float));
}

/// <summary>Group norm of an image a task: statistics by channel, joined by group, then the map, all while the image is in the cache.</summary>
internal readonly unsafe struct GroupNormJob(GroupNormArguments arguments, float* beta, double epsilon, float* output) : IVectorJob
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        ChannelTile tile = arguments.Tile;
        double* means = (double*)(arguments.Work + (thread * GroupNormArguments.ThreadBytes(tile)));
        double* squares = means + tile.Channels;
        float* work = (float*)(means + (((2 * tile.Channels) + 7) / 8 * 8));
        float* scale = work + Moments.WorkFloats(tile);
        float* shift = scale + tile.Length;
        nint start = (nint)task * arguments.Pixels * tile.Channels;
        new Span<double>(means, 2 * tile.Channels).Clear();
        Moments.Add<S, V>(arguments.Input + start, arguments.Pixels, tile, work, 0, means, squares);
        for (int group = 0; group < arguments.Groups; group++)
        {
            int first = group * arguments.ChannelsPerGroup;
            double mean = 0, square = 0;
            for (int i = 0; i < arguments.ChannelsPerGroup; i++)
            {
                Moments.Join(ref mean, ref square, (long)i * arguments.Pixels, 1.0 / (i + 1), means[first + i], squares[first + i]);
            }

            double inverseDeviation = 1 / Math.Sqrt((square / ((double)arguments.Pixels * arguments.ChannelsPerGroup)) + epsilon);
            arguments.Mean[(task * arguments.Groups) + group] = (float)mean;
            arguments.InverseDeviation[(task * arguments.Groups) + group] = (float)inverseDeviation;
            for (int c = first; c < first + arguments.ChannelsPerGroup; c++)
            {
                double factor = arguments.Gamma[c] * inverseDeviation;
                scale[c] = (float)factor;
                shift[c] = (float)(beta[c] - (mean * factor));
            }
        }

        tile.Repeat(scale);
        tile.Repeat(shift);
        new ChannelAffine<No, No>(arguments.Input, scale, shift, null, output).Apply<S, V>(tile, start, arguments.Pixels);
    }
}

/// <summary>The backward of group norm, an image a task; leaves each image's share of the gradients by beta and gamma.</summary>
/// <remarks>
/// With x^ = (x - mean) * inverseDeviation, h = dy * gamma and M elements in a group:
/// dx = inverseDeviation * (h - (sum h + x^ sum h x^) / M).
/// </remarks>
internal readonly unsafe struct GroupNormBackwardJob(
    GroupNormArguments arguments, float* outputGradient, float* inputGradient, bool accumulateInput, double* sums) : IVectorJob
{
    public void Run<S, V>(int task, int thread) where S : struct, ISimd<V> where V : struct
    {
        ChannelTile tile = arguments.Tile;
        float* work = (float*)(arguments.Work + (thread * GroupNormArguments.ThreadBytes(tile)));
        float* center = work + (2 * tile.Length);
        float* direct = center + tile.Length;
        float* slope = direct + tile.Length;
        float* offset = slope + tile.Length;
        double* betaSums = sums + ((nint)task * 2 * tile.Channels);
        double* gammaSums = betaSums + tile.Channels;
        new Span<double>(betaSums, 2 * tile.Channels).Clear();
        for (int c = 0; c < tile.Channels; c++)
        {
            center[c] = arguments.Mean[(task * arguments.Groups) + (c / arguments.ChannelsPerGroup)];
        }

        tile.Repeat(center);
        NormGradientInputs inputs = new() { OutputGradient = outputGradient, Input = arguments.Input };
        GradientMoments.Add<NoMask, No, S, V>(inputs, center, tile, (long)task * arguments.Pixels, arguments.Pixels, work, betaSums, gammaSums);
        double elements = (double)arguments.Pixels * arguments.ChannelsPerGroup;
        for (int group = 0; group < arguments.Groups; group++)
        {
            int first = group * arguments.ChannelsPerGroup;
            double inverseDeviation = arguments.InverseDeviation[(task * arguments.Groups) + group];
            double sum = 0, sumNormalized = 0;
            for (int c = first; c < first + arguments.ChannelsPerGroup; c++)
            {
                gammaSums[c] *= inverseDeviation;
                sum += betaSums[c] * arguments.Gamma[c];
                sumNormalized += gammaSums[c] * arguments.Gamma[c];
            }

            for (int c = first; c < first + arguments.ChannelsPerGroup; c++)
            {
                direct[c] = (float)(inverseDeviation * arguments.Gamma[c]);
                slope[c] = (float)(-inverseDeviation * inverseDeviation * sumNormalized / elements);
                offset[c] = (float)(-inverseDeviation * sum / elements);
            }
        }

        if (inputGradient is not null)
        {
            tile.Repeat(direct);
            tile.Repeat(slope);
            tile.Repeat(offset);
            new ChannelGradient<NoMask>(inputs, direct, center, slope, offset, inputGradient, accumulateInput)
                .Apply<S, V>(tile, (nint)task * arguments.Pixels * tile.Channels, arguments.Pixels);
        }
    }
}
