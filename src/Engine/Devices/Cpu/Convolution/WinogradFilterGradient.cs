using System.Runtime.CompilerServices;
using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// How the gradient by the filter is computed by <see cref="WinogradTransform{S, V}"/>: for each frequency it is the product of the
/// transformed output gradients [K, tiles] and the transformed windows [tiles, C]. Where one range of channels' sums fit the cache,
/// threads take blocks of tiles from input to partial sums; else all tiles of a chunk are transformed first and threads take ranges
/// of channels. All this depends on the shapes alone, so that the sums are always added in the same order.
/// </summary>
internal readonly struct WinogradGradientPlan
{
    // Floats of one range's sums that stay in a second-level cache, and of transformed windows and gradients beside them.
    private const long SumBudget = 96 * 1024;
    private const int BlockBudget = 96 * 1024;
    private const int MostBlockTiles = 64;

    // Floats of a chunk's windows and gradients: 8 MB, together, or as many as the sums take that several chunks would have to keep.
    private const long ChunkBudget = 2 * 1024 * 1024;
    private const int WantedTasks = 16;

    // So that clearing, adding and transforming a partial sum is little beside filling it.
    private const int TilesPerPartial = 128;

    // Channels of a range; where whole chunks are transformed, a range has so many of both kinds.
    private const int RangeChannels = 32, RangeOutputs = 64;
    private const int PlaneGap = 16;

    public WinogradGradientPlan(in WinogradGrid grid, int width, int vectors, int tileRows)
    {
        Channels = grid.Work.SourceChannels;
        Outputs = grid.Work.DestinationChannels;
        BlockWidth = width * vectors;
        Vectors = vectors;
        TileRows = tileRows;
        GradientPitch = WinogradGrid.RoundUp(Outputs, tileRows);
        RangeWidth = BlockWidth * Math.Max(1, RangeChannels / BlockWidth);
        Ranges = (Channels + RangeWidth - 1) / RangeWidth;
        IsChunked = (long)WinogradGrid.Frequencies * RangeWidth * Outputs > SumBudget;
        if (IsChunked)
        {
            long perTile = (long)WinogradGrid.Frequencies * (Channels + GradientPitch);
            long budget = Math.Max(ChunkBudget, (long)WinogradGrid.Frequencies * Channels * Outputs);
            int most = (int)Math.Max(64, budget / perTile);
            Chunks = (grid.Tiles + most - 1) / most;
            BlockTiles = (grid.Tiles + Chunks - 1) / Chunks;
            Chunks = (grid.Tiles + BlockTiles - 1) / BlockTiles;
            OutputRange = Math.Min(WinogradGrid.RoundUp(RangeOutputs, tileRows), GradientPitch);
            Partials = 1;
        }
        else
        {
            int most = Math.Clamp(BlockBudget / (WinogradGrid.Frequencies * (RangeWidth + GradientPitch)), 8, MostBlockTiles);
            BlockTiles = Math.Min(most, grid.Tiles);
            Chunks = (grid.Tiles + BlockTiles - 1) / BlockTiles;
            OutputRange = GradientPitch;
            Partials = Math.Min(Math.Clamp(grid.Tiles / TilesPerPartial, 1, WantedTasks), Chunks);
        }

        OutputRanges = (Outputs + OutputRange - 1) / OutputRange;
        WindowPlane = (BlockTiles * (IsChunked ? Channels : RangeWidth)) + PlaneGap;
        GradientPlane = (BlockTiles * GradientPitch) + PlaneGap;
    }

    /// <summary>C and K.</summary>
    public int Channels { get; }

    public int Outputs { get; }

    /// <summary>Channels C that the innermost loop holds, and the vectors they fill.</summary>
    public int BlockWidth { get; }

    public int Vectors { get; }

    /// <summary>Channels K that the innermost loop holds, and K rounded up to them.</summary>
    public int TileRows { get; }

    public int GradientPitch { get; }

    /// <summary>Channels C in a range, whole blocks of them, and ranges; channels K in a range, and ranges.</summary>
    public int RangeWidth { get; }

    public int Ranges { get; }

    public int OutputRange { get; }

    public int OutputRanges { get; }

    /// <summary>Whether threads share transformed windows and gradients.</summary>
    public bool IsChunked { get; }

    /// <summary>Tiles in a chunk or block, and how many of those there are.</summary>
    public int BlockTiles { get; }

    public int Chunks { get; }

    /// <summary>Into how many partial sums the blocks are dealt.</summary>
    public int Partials { get; }

    /// <summary>Floats from a frequency to the next, in the windows and in the gradients.</summary>
    public int WindowPlane { get; }

    public int GradientPlane { get; }

    /// <summary>Floats of the sums of one range: [block of C, frequency, K of the range, channel of the block].</summary>
    public long SumSize => (long)WinogradGrid.Frequencies * OutputRange * RangeWidth;

    /// <summary>Floats of all ranges' sums.</summary>
    public long PartialSize => SumSize * Ranges * OutputRanges;
}

/// <summary>What all jobs of one gradient know.</summary>
internal unsafe struct WinogradGradientWork
{
    public WinogradGrid Grid;
    public WinogradGradientPlan Plan;

    /// <summary>A row of the input or of the gradient, whichever is longer, all zeros.</summary>
    public float* Zeros;

    /// <summary>The output's gradient [N, P, Q, K], and where the filter's goes [K, 3, 3, C].</summary>
    public float* Gradient, FilterGradient;
    public bool Accumulate;

    /// <summary>Partial sums, and a chunk's windows and gradients.</summary>
    public float* Sums, Windows, Gradients;

    /// <summary>Memory of each thread, and the floats between two threads'.</summary>
    public float* Scratch;
    public long ScratchPitch;
}

/// <summary>What the jobs have in common.</summary>
internal static unsafe class WinogradGradientSteps<S, V>
    where S : struct, ISimd<V>
    where V : struct
{
    // Tiles that meet one block of sums before the next is taken: their windows and gradients stay in the first-level cache.
    private const int TilesAtOnce = 128;

    /// <summary>Adds the products of some tiles to one range's sums.</summary>
    /// <param name="plan">How the work is cut.</param>
    /// <param name="windows">The range's first channel of the first tile, at the first frequency.</param>
    /// <param name="windowPitch">Floats from a tile to the next.</param>
    /// <param name="gradients">The range's first channel of the first tile's gradient.</param>
    /// <param name="count">How many tiles.</param>
    /// <param name="channels">Channels C in this range.</param>
    /// <param name="outputCount">Channels K in this range.</param>
    /// <param name="sums">The range's sums.</param>
    /// <param name="sources">Fetches what is needed next.</param>
    /// <param name="outputs">Fetches what is needed next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(
        in WinogradGradientPlan plan, float* windows, int windowPitch, float* gradients, int count, int channels, int outputCount, float* sums,
        ref Prefetcher sources, ref Prefetcher outputs)
    {
        int width = plan.BlockWidth, rows = plan.TileRows;
        nint blockSize = (nint)WinogradGrid.Frequencies * plan.OutputRange * width;
        PixelPairs pairs = new() { Images = 1, Rows = 1, InputColumnPitch = plan.GradientPitch, GradientColumnPitch = windowPitch };
        for (int frequency = 0; frequency < WinogradGrid.Frequencies; frequency++)
        {
            sources.Step();
            outputs.Step();
            for (int tile = 0; tile < count; tile += TilesAtOnce)
            {
                pairs.Columns = Math.Min(TilesAtOnce, count - tile);
                float* gradient = gradients + ((nint)frequency * plan.GradientPlane) + ((nint)tile * plan.GradientPitch);
                pairs.Gradient = windows + ((nint)frequency * plan.WindowPlane) + ((nint)tile * windowPitch);
                float* block = sums + ((nint)frequency * plan.OutputRange * width);
                for (int channel = 0; channel < channels; channel += width, pairs.Gradient += width, block += blockSize)
                {
                    float* into = block;
                    for (int output = 0; output < outputCount; output += rows, into += rows * (nint)width)
                    {
                        pairs.Input = gradient + output;
                        Accumulate(plan.Vectors, pairs, into);
                    }
                }
            }
        }
    }

    /// <summary>Transforms one range's sums back and writes them to the filter's gradient.</summary>
    public static void Write(in WinogradGradientWork work, int range, int outputRange, int firstOutput, int endOutput, float* sums, float* temporary)
    {
        WinogradGradientPlan plan = work.Plan;
        int width = plan.BlockWidth, channels = Math.Min(plan.RangeWidth, plan.Channels - (range * plan.RangeWidth));
        nint plane = (nint)plan.OutputRange * width;
        for (int channel = 0; channel < channels; channel += width, sums += WinogradGrid.Frequencies * plane)
        {
            for (int output = firstOutput; output < endOutput; output++)
            {
                float* to = work.FilterGradient + ((((nint)outputRange * plan.OutputRange) + output) * 9 * plan.Channels) + (range * plan.RangeWidth) + channel;
                for (int lane = 0; lane < width; lane += S.Width)
                {
                    WinogradTransform<S, V>.FilterGradient(
                        sums + ((nint)output * width) + lane, plane, temporary, to + lane, plan.Channels, work.Accumulate);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(int vectors, in PixelPairs pairs, float* sums)
    {
        if (vectors == 2)
        {
            FilterTile<S, V>.Accumulate8x2(pairs, sums);
        }
        else if (S.Registers >= 32)
        {
            FilterTile<S, V>.Accumulate16x1(pairs, sums);
        }
        else
        {
            FilterTile<S, V>.Accumulate8x1(pairs, sums);
        }
    }
}

/// <summary>Takes one range of channels for one share of the blocks of tiles a task, from input to partial sums.</summary>
internal readonly unsafe struct WinogradGradientTilesJob<S, V>(WinogradGradientWork work) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public void Run(int task, int thread)
    {
        WinogradGradientPlan plan = work.Plan;
        int partial = task / plan.Ranges;
        int range = task % plan.Ranges;
        int firstChannel = range * plan.RangeWidth;
        int channels = Math.Min(plan.RangeWidth, plan.Channels - firstChannel);
        float* temporary = work.Scratch + (thread * work.ScratchPitch);
        float* windows = temporary + WinogradTransform<S, V>.TemporaryFloats;
        float* gradients = windows + ((nint)WinogradGrid.Frequencies * plan.WindowPlane);
        float* sums = work.Sums + (partial * plan.PartialSize) + (range * plan.SumSize);
        Unsafe.InitBlockUnaligned(sums, 0, checked((uint)(plan.SumSize * sizeof(float))));
        int end = (int)((long)plan.Chunks * (partial + 1) / plan.Partials);
        for (int block = (int)((long)plan.Chunks * partial / plan.Partials); block < end; block++)
        {
            int first = block * plan.BlockTiles;
            int count = Math.Min(plan.BlockTiles, work.Grid.Tiles - first);
            WinogradSteps<S, V>.Windows(work.Grid, work.Zeros, first, count, firstChannel, channels, temporary, windows, plan.WindowPlane);
            WinogradSteps<S, V>.Gradients(work.Grid, work.Gradient, work.Zeros, first, count, plan.GradientPitch, temporary, gradients, plan.GradientPlane);
            int next = block + 1 < end ? first + count : work.Grid.Tiles;
            Prefetcher sources = work.Grid.FetchSource(next, plan.BlockTiles, WinogradGrid.Frequencies);
            Prefetcher outputs = work.Grid.FetchOutputs(work.Gradient, next, plan.BlockTiles, WinogradGrid.Frequencies);
            WinogradGradientSteps<S, V>.Multiply(
                plan, windows, channels, gradients, count, channels, plan.Outputs, sums, ref sources, ref outputs);
        }
    }
}

/// <summary>Adds the partial sums of one range and a few output channels a task, in order, transforms them back and writes them.</summary>
internal readonly unsafe struct WinogradGradientSumJob<S, V>(WinogradGradientWork work, int outputsPerTask) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public void Run(int task, int thread)
    {
        WinogradGradientPlan plan = work.Plan;
        int range = task % plan.Ranges;
        int first = task / plan.Ranges * outputsPerTask;
        int end = Math.Min(first + outputsPerTask, plan.Outputs);
        float* sums = work.Sums + (range * plan.SumSize);
        int rows = plan.RangeWidth / plan.BlockWidth * WinogradGrid.Frequencies;
        for (int row = 0; row < rows; row++)
        {
            float* to = sums + ((((nint)row * plan.OutputRange) + first) * plan.BlockWidth);
            for (nint i = 0; i < (end - first) * plan.BlockWidth; i += S.Width)
            {
                V sum = S.Load(to + i);
                for (int partial = 1; partial < plan.Partials; partial++)
                {
                    sum = S.Add(sum, S.Load(to + i + (partial * (nint)plan.PartialSize)));
                }

                S.Store(sum, to + i);
            }
        }

        WinogradGradientSteps<S, V>.Write(work, range, 0, first, end, sums, work.Scratch + (thread * work.ScratchPitch));
    }
}

/// <summary>Transforms the windows and the gradients of a few of a chunk's tiles a task, for all to share.</summary>
internal readonly unsafe struct WinogradChunkJob<S, V>(WinogradGradientWork work, int chunk) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    /// <summary>Tiles in a task.</summary>
    public const int Tiles = 8;

    public void Run(int task, int thread)
    {
        WinogradGradientPlan plan = work.Plan;
        float* temporary = work.Scratch + (thread * work.ScratchPitch);
        int offset = task * Tiles;
        int first = (chunk * plan.BlockTiles) + offset;
        int count = Math.Min(Math.Min(Tiles, plan.BlockTiles - offset), work.Grid.Tiles - first);
        WinogradSteps<S, V>.Windows(
            work.Grid, work.Zeros, first, count, 0, plan.Channels, temporary, work.Windows + ((nint)offset * plan.Channels), plan.WindowPlane);
        WinogradSteps<S, V>.Gradients(
            work.Grid, work.Gradient, work.Zeros, first, count, plan.GradientPitch, temporary,
            work.Gradients + ((nint)offset * plan.GradientPitch), plan.GradientPlane);
    }
}

/// <summary>Multiplies a chunk for one range of both kinds of channels a task; after the last chunk writes the result.</summary>
internal readonly unsafe struct WinogradGradientChannelsJob<S, V>(WinogradGradientWork work, int chunk) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public void Run(int task, int thread)
    {
        WinogradGradientPlan plan = work.Plan;
        int range = task / plan.OutputRanges;
        int outputRange = task % plan.OutputRanges;
        int firstChannel = range * plan.RangeWidth, firstOutput = outputRange * plan.OutputRange;
        int channels = Math.Min(plan.RangeWidth, plan.Channels - firstChannel), outputs = Math.Min(plan.OutputRange, plan.Outputs - firstOutput);
        float* temporary = work.Scratch + (thread * work.ScratchPitch);
        float* sums = plan.Chunks == 1 ? temporary + WinogradTransform<S, V>.TemporaryFloats : work.Sums + (task * plan.SumSize);
        if (chunk == 0)
        {
            Unsafe.InitBlockUnaligned(sums, 0, checked((uint)(plan.SumSize * sizeof(float))));
        }

        Prefetcher none = default;
        int count = Math.Min(plan.BlockTiles, work.Grid.Tiles - (chunk * plan.BlockTiles));
        WinogradGradientSteps<S, V>.Multiply(
            plan, work.Windows + firstChannel, plan.Channels, work.Gradients + firstOutput, count, channels, outputs, sums,
            ref none, ref none);
        if (chunk == plan.Chunks - 1)
        {
            WinogradGradientSteps<S, V>.Write(work, range, outputRange, 0, outputs, sums, temporary);
        }
    }
}
