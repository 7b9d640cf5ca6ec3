namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// How a correlation is computed by <see cref="WinogradTransform{S, V}"/>: in blocks of output channels, and either in blocks of tiles
/// that one thread takes from input to output, or, where the transformed filter is larger than all transformed windows, with all
/// windows transformed first and one thread taking a block of output channels. What is computed is the same, to the last bit.
/// </summary>
internal readonly struct WinogradPlan
{
    // Floats of transformed windows in a thread's block: half of a second-level cache of 1 MB.
    private const int BlockBudget = 128 * 1024;
    private const int MostTiles = 48;

    // A single image's layer is cut into so many blocks, as far as a block then has tiles enough to be worth the filter's way into the cache.
    private const int WantedBlocks = 8, FewestTiles = 16;

    // Floats of all transformed windows together where they are shared: 48 MB.
    private const long SharedBudget = 12 * 1024 * 1024;

    // Floats of a transformed filter that stays in a second-level cache: 512 KB.
    private const long CachedFilter = 128 * 1024;

    // Planes a power of two apart would fall into the same few lines of the first-level cache.
    private const int PlaneGap = 16;

    public WinogradPlan(in WinogradGrid grid, int width, int vectors, int tileRows)
    {
        Channels = grid.Work.SourceChannels;
        BlockWidth = width * vectors;
        Vectors = vectors;
        TileRows = tileRows;
        Blocks = grid.Work.DestinationChannels / BlockWidth;
        long all = WinogradGrid.RoundUp(grid.Tiles, tileRows) * (long)WinogradGrid.Frequencies * Channels;
        int tiles = Math.Min(BlockBudget / (WinogradGrid.Frequencies * Channels), Math.Min(MostTiles, grid.Tiles));
        tiles = Math.Min(tiles, Math.Max(FewestTiles, grid.Tiles / WantedBlocks));
        BlockTiles = WinogradGrid.RoundUp(Math.Max(tiles, 1), tileRows);
        TileBlocks = (grid.Tiles + BlockTiles - 1) / BlockTiles;

        // Who reads what how often: each block of tiles the whole filter, or each block of channels all windows. A filter that no cache
        // holds is also written first.
        long filter = FilterBlockSize * Blocks;
        IsShared = all <= SharedBudget && (filter * TileBlocks) + (filter > CachedFilter ? filter : -filter) > (Blocks + 2) * all;
        if (IsShared)
        {
            BlockTiles = WinogradGrid.RoundUp(Math.Min(MostTiles, grid.Tiles), tileRows);
            TileBlocks = (grid.Tiles + BlockTiles - 1) / BlockTiles;
        }

        WindowPlane = ((IsShared ? TileBlocks : 1) * BlockTiles * Channels) + PlaneGap;
        SumPlane = (BlockTiles * BlockWidth) + PlaneGap;
    }

    /// <summary>Source channels.</summary>
    public int Channels { get; }

    /// <summary>Destination channels in a block, and the vectors that hold them.</summary>
    public int BlockWidth { get; }

    public int Vectors { get; }

    /// <summary>Blocks of destination channels.</summary>
    public int Blocks { get; }

    /// <summary>Tiles that the innermost loop takes at once.</summary>
    public int TileRows { get; }

    /// <summary>Tiles in a block, a multiple of <see cref="TileRows"/>, and blocks of tiles.</summary>
    public int BlockTiles { get; }

    public int TileBlocks { get; }

    /// <summary>Whether all windows are transformed before the first product.</summary>
    public bool IsShared { get; }

    /// <summary>Floats from a frequency to the next, in the transformed windows and in the sums of a block.</summary>
    public int WindowPlane { get; }

    public int SumPlane { get; }

    /// <summary>Floats from a frequency to the next in a block of the transformed filter.</summary>
    public int FilterPlane => (Channels * BlockWidth) + PlaneGap;

    /// <summary>Floats of one block of the transformed filter [frequency, source channel, channel of the block].</summary>
    public long FilterBlockSize => (long)WinogradGrid.Frequencies * FilterPlane;
}
