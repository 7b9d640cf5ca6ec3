using Engine.Devices.Cpu.Simd;

namespace Engine.Devices.Cpu.Convolution;

/// <summary>What all jobs of one correlation know.</summary>
internal unsafe struct WinogradWork
{
    public WinogradGrid Grid;
    public WinogradPlan Plan;

    /// <summary>A row of the source, all zeros.</summary>
    public float* Zeros;

    /// <summary>The transformed filter, block after block; not used where each thread transforms its own block.</summary>
    public float* Filter;

    /// <summary>All transformed windows, where they are shared.</summary>
    public float* Windows;

    /// <summary>Memory of each thread, and the floats between two threads'.</summary>
    public float* Scratch;
    public long ScratchPitch;
}

/// <summary>Transforms one block of the filter a task.</summary>
internal readonly unsafe struct WinogradFilterJob<S, V>(WinogradWork work) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public void Run(int task, int thread)
    {
        float* temporary = work.Scratch + (thread * work.ScratchPitch);
        WinogradSteps<S, V>.Filter(
            work.Grid, work.Plan, task, temporary + WinogradTransform<S, V>.TemporaryFloats, temporary, work.Filter + (task * work.Plan.FilterBlockSize));
    }
}

/// <summary>Takes one block of tiles a task from input to output.</summary>
internal readonly unsafe struct WinogradTilesJob<S, V, TEpilogue>(WinogradWork work, TEpilogue epilogue) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
    where TEpilogue : struct, IEpilogue
{
    public void Run(int task, int thread)
    {
        WinogradPlan plan = work.Plan;
        TEpilogue finish = epilogue;
        finish.Begin(task, 0, work.Grid.Work.DestinationChannels);
        float* temporary = work.Scratch + (thread * work.ScratchPitch);
        float* windows = temporary + WinogradTransform<S, V>.TemporaryFloats;
        float* sums = windows + ((nint)WinogradGrid.Frequencies * plan.WindowPlane);
        int first = task * plan.BlockTiles;
        int count = Math.Min(plan.BlockTiles, work.Grid.Tiles - first);
        WinogradSteps<S, V>.Windows(work.Grid, work.Zeros, first, count, 0, plan.Channels, temporary, windows, plan.WindowPlane);
        Prefetcher outputs = work.Grid.FetchOutputs(work.Grid.Work.Destination, first, count, WinogradGrid.Frequencies);
        Prefetcher firstRead = TEpilogue.Reads > 0
            ? work.Grid.FetchOutputs(work.Grid.Work.Destination + epilogue.FirstDistance, first, count, WinogradGrid.Frequencies)
            : default;
        Prefetcher secondRead = TEpilogue.Reads > 1
            ? work.Grid.FetchOutputs(work.Grid.Work.Destination + epilogue.SecondDistance, first, count, WinogradGrid.Frequencies)
            : default;
        Prefetcher sources = work.Grid.FetchSource(first + count, plan.BlockTiles, WinogradGrid.Frequencies * plan.Blocks);
        for (int block = 0; block < plan.Blocks; block++)
        {
            WinogradSteps<S, V>.Multiply(
                plan, windows, work.Filter + (block * plan.FilterBlockSize), count, sums, ref outputs, ref firstRead, ref secondRead, ref sources);
            WinogradSteps<S, V>.Tiles(work.Grid, plan, first, count, block * plan.BlockWidth, sums, temporary, finish);
        }
    }
}

/// <summary>Transforms the windows of one step of tiles a task, for all to share.</summary>
internal readonly unsafe struct WinogradWindowsJob<S, V>(WinogradWork work) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
{
    public void Run(int task, int thread)
    {
        WinogradPlan plan = work.Plan;
        int first = task * plan.TileRows;
        WinogradSteps<S, V>.Windows(
            work.Grid, work.Zeros, first, Math.Min(plan.TileRows, work.Grid.Tiles - first), 0, plan.Channels,
            work.Scratch + (thread * work.ScratchPitch), work.Windows + ((nint)first * plan.Channels), plan.WindowPlane);
    }
}

/// <summary>
/// Takes one block of output channels a task, or one of <paramref name="splits"/> shares of its tiles: transforms its filter, multiplies, and transforms back.
/// </summary>
internal readonly unsafe struct WinogradChannelsJob<S, V, TEpilogue>(WinogradWork work, int splits, TEpilogue epilogue) : IParallelJob
    where S : struct, ISimd<V>
    where V : struct
    where TEpilogue : struct, IEpilogue
{
    public void Run(int task, int thread)
    {
        WinogradPlan plan = work.Plan;
        int block = task / splits;
        int split = task % splits;
        TEpilogue finish = epilogue;
        float* temporary = work.Scratch + (thread * work.ScratchPitch);
        float* sums = temporary + WinogradTransform<S, V>.TemporaryFloats;
        float* filter = sums + ((nint)WinogradGrid.Frequencies * plan.SumPlane);
        float* packed = filter + plan.FilterBlockSize;
        WinogradSteps<S, V>.Filter(work.Grid, plan, block, packed, temporary, filter);
        Prefetcher none = default;
        int end = (int)((long)plan.TileBlocks * (split + 1) / splits);
        for (int tiles = (int)((long)plan.TileBlocks * split / splits); tiles < end; tiles++)
        {
            int first = tiles * plan.BlockTiles;
            int count = Math.Min(plan.BlockTiles, work.Grid.Tiles - first);
            finish.Begin(tiles, block * plan.BlockWidth, plan.BlockWidth);
            WinogradSteps<S, V>.Multiply(plan, work.Windows + ((nint)first * plan.Channels), filter, count, sums, ref none, ref none, ref none, ref none);
            WinogradSteps<S, V>.Tiles(work.Grid, plan, first, count, block * plan.BlockWidth, sums, temporary, finish);
        }
    }
}
