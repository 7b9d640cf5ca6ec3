using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// Convolutions by transforms, where they are less work than the direct ones. All their memory but a row of zeros is the scratch memory given.
/// </summary>
internal sealed unsafe class WinogradConvolution(ThreadTeam team, NativeBuffer scratch) : IDisposable
{
    private readonly NativeBuffer _zeros = new();

    /// <summary>
    /// Whether a correlation is better computed by transforms, judged by its multiplications of vectors: 36 a tile in place of nine a pixel,
    /// and the transforms of windows, sums and filter, in the time of so many. Their costs are fitted to measurements (docs/cpu.md); the
    /// choice depends on the shapes and the vector width alone, so that a run repeats itself.
    /// </summary>
    /// <param name="correlation">The work.</param>
    /// <param name="isFilterGradient">Whether its gradient by the filter is wanted, for which no filter has to be transformed.</param>
    public static bool Pays<S, V>(in Correlation correlation, bool isFilterGradient)
        where S : struct, ISimd<V>
        where V : struct
    {
        if (!WinogradGrid.Fits(correlation) || correlation.SourceChannels % S.Width != 0 || correlation.DestinationChannels % S.Width != 0)
        {
            return false;
        }

        WinogradGrid grid = new(correlation);
        const double perWindow = 660, perTile = 480;
        double perFilter = isFilterGradient ? 150 : 600, perCall = isFilterGradient ? 150_000 : 40_000;
        double sources = correlation.SourceChannels, sourceVectors = sources / S.Width, vectors = (double)correlation.DestinationChannels / S.Width;
        double direct = (double)correlation.Batch * correlation.Rows.Outputs * correlation.Columns.Outputs * 9 * sources * vectors;
        double transformed = (grid.Tiles * ((WinogradGrid.Frequencies * sources * vectors) + (perWindow * sourceVectors) + (perTile * vectors)))
            + (perFilter * sources * vectors) + perCall;
        return transformed < direct;
    }

    /// <summary>Computes the correlation.</summary>
    public void Correlate<S, V, TEpilogue>(in Correlation correlation, TEpilogue epilogue)
        where S : struct, ISimd<V>
        where V : struct
        where TEpilogue : struct, IEpilogue
    {
        WinogradGrid grid = new(correlation);
        int vectors = correlation.DestinationChannels % (2 * S.Width) == 0 ? 2 : 1;
        WinogradPlan plan = new(grid, S.Width, vectors, ProductTile<S, V>.Rows(vectors));
        WinogradWork work = new() { Grid = grid, Plan = plan, Zeros = Zeros((long)correlation.SourceWidth * correlation.SourceChannels) };
        long sums = (long)WinogradGrid.Frequencies * plan.SumPlane;
        long windows = (long)WinogradGrid.Frequencies * plan.WindowPlane;
        long packed = 9L * plan.Channels * plan.BlockWidth;
        long own = plan.IsShared ? sums + plan.FilterBlockSize + packed : Math.Max(windows + sums, packed);
        work.ScratchPitch = NativeBuffer.WholeLines(WinogradTransform<S, V>.TemporaryFloats + own);
        long filters = plan.FilterBlockSize * plan.Blocks;
        work.Scratch = scratch.Ensure((work.ScratchPitch * team.Size) + (plan.IsShared ? windows : filters));
        float* behind = work.Scratch + (work.ScratchPitch * team.Size);
        if (plan.IsShared)
        {
            work.Windows = behind;
            WinogradWindowsJob<S, V> transform = new(work);
            team.Run(ref transform, (grid.Tiles + plan.TileRows - 1) / plan.TileRows);
            int splits = Math.Clamp(2 * team.Size / plan.Blocks, 1, plan.TileBlocks);
            epilogue.Prepare(plan.TileBlocks);
            WinogradChannelsJob<S, V, TEpilogue> multiply = new(work, splits, epilogue);
            team.Run(ref multiply, plan.Blocks * splits);
            return;
        }

        work.Filter = behind;
        WinogradFilterJob<S, V> filter = new(work);
        team.Run(ref filter, plan.Blocks);
        epilogue.Prepare(plan.TileBlocks);
        WinogradTilesJob<S, V, TEpilogue> tiles = new(work, epilogue);
        team.Run(ref tiles, plan.TileBlocks);
    }

    /// <summary>Computes the gradient by the filter: the correlation is the forward's, its destination the filter's gradient [K, 3, 3, C].</summary>
    public void SumFilter<S, V>(in Correlation correlation, float* gradient)
        where S : struct, ISimd<V>
        where V : struct
    {
        WinogradGrid grid = new(correlation);
        int vectors = S.Registers >= 32 && correlation.SourceChannels % (2 * S.Width) == 0 ? 2 : 1;
        WinogradGradientPlan plan = new(grid, S.Width, vectors, vectors == 1 && S.Registers >= 32 ? 16 : 8);
        long source = (long)correlation.SourceWidth * correlation.SourceChannels, output = (long)correlation.Columns.Outputs * correlation.DestinationChannels;
        long windows = NativeBuffer.WholeLines((long)WinogradGrid.Frequencies * plan.WindowPlane);
        long gradients = NativeBuffer.WholeLines((long)WinogradGrid.Frequencies * plan.GradientPlane);
        WinogradGradientWork work = new()
        {
            Grid = grid,
            Plan = plan,
            Zeros = Zeros(Math.Max(source, output)),
            Gradient = gradient,
            FilterGradient = correlation.Destination,
            Accumulate = correlation.Accumulate,
        };
        bool keepsSums = plan.Chunks > 1 || !plan.IsChunked;
        long own = !plan.IsChunked ? windows + gradients : keepsSums ? 0 : plan.SumSize;
        work.ScratchPitch = NativeBuffer.WholeLines(WinogradTransform<S, V>.TemporaryFloats + own);
        long threads = work.ScratchPitch * team.Size, shared = plan.IsChunked ? windows + gradients : 0;
        work.Scratch = scratch.Ensure(threads + shared + (keepsSums ? plan.PartialSize * plan.Partials : 0));
        work.Windows = work.Scratch + threads;
        work.Gradients = work.Windows + windows;
        work.Sums = work.Scratch + threads + shared;
        if (plan.IsChunked)
        {
            for (int chunk = 0; chunk < plan.Chunks; chunk++)
            {
                int tiles = Math.Min(plan.BlockTiles, grid.Tiles - (chunk * plan.BlockTiles));
                WinogradChunkJob<S, V> transform = new(work, chunk);
                team.Run(ref transform, (tiles + WinogradChunkJob<S, V>.Tiles - 1) / WinogradChunkJob<S, V>.Tiles);
                WinogradGradientChannelsJob<S, V> multiply = new(work, chunk);
                team.Run(ref multiply, plan.Ranges * plan.OutputRanges);
            }

            return;
        }

        WinogradGradientTilesJob<S, V> add = new(work);
        team.Run(ref add, plan.Partials * plan.Ranges);
        const int outputsPerTask = 8;
        WinogradGradientSumJob<S, V> sum = new(work, outputsPerTask);
        team.Run(ref sum, plan.Ranges * ((plan.Outputs + outputsPerTask - 1) / outputsPerTask));
    }

    public void Dispose() => _zeros.Dispose();

    private float* Zeros(long floats)
    {
        bool isNew = floats > _zeros.Capacity;
        float* zeros = _zeros.Ensure(floats);
        if (isNew)
        {
            new Span<float>(zeros, checked((int)floats)).Clear();
        }

        return zeros;
    }
}
