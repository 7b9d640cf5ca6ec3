namespace Engine.Devices.Cpu.Convolution;

/// <summary>
/// The outputs of a correlation with a dense 3x3 filter, cut into tiles of 4x4 pixels; each reads a window of 6x6 source pixels.
/// Tiles are numbered image by image and row by row; those at the right and at the bottom may reach past the outputs.
/// </summary>
internal readonly unsafe struct WinogradGrid
{
    /// <summary>Outputs of a tile, and sources of its window, along each axis.</summary>
    public const int Tile = 4, Window = 6;

    /// <summary>Products of a tile.</summary>
    public const int Frequencies = Window * Window;

    public WinogradGrid(in Correlation work)
    {
        Work = work;
        Rows = (work.Rows.Outputs + Tile - 1) / Tile;
        Columns = (work.Columns.Outputs + Tile - 1) / Tile;
        Tiles = checked(work.Batch * Rows * Columns);
    }

    /// <summary>The correlation. Its destination is the output [N, P, Q, K], or, for the gradient by the filter, is not used here.</summary>
    public readonly Correlation Work;

    /// <summary>Rows and columns of tiles in an image, and tiles in the batch.</summary>
    public int Rows { get; }

    public int Columns { get; }

    public int Tiles { get; }

    /// <summary>Whether the transforms can compute it: a dense 3x3 filter of stride 1 in one group.</summary>
    public static bool Fits(in Correlation work) => work is { Groups: 1, MergedChannels: 0 } && Fits(work.Rows) && Fits(work.Columns);

    /// <summary>Plans to fetch the source rows that some tiles read, as far as there are such tiles.</summary>
    public Prefetcher FetchSource(int first, int count, int pieces)
    {
        (int start, int end) = RowsOf(first, count, Work.Rows.Start, Work.SourceHeight, Window - Tile);
        nint pitch = (nint)Work.SourceWidth * Work.SourceChannels;
        return new Prefetcher(Work.Source + (start * pitch), Work.Source + (end * pitch), pieces);
    }

    /// <summary>Plans to fetch the rows of outputs, K channels wide, that some tiles cover, as far as there are such tiles.</summary>
    public Prefetcher FetchOutputs(float* outputs, int first, int count, int pieces)
    {
        (int start, int end) = RowsOf(first, count, 0, Work.Rows.Outputs, 0);
        nint pitch = (nint)Work.Columns.Outputs * Work.DestinationChannels;
        return new Prefetcher(outputs + (start * pitch), outputs + (end * pitch), pieces);
    }

    // Rows of the batch, image after image, from the first tile's first to the last tile's last.
    private (int Start, int End) RowsOf(int first, int count, int offset, int height, int halo)
    {
        int last = Math.Min(first + count, Tiles) - 1;
        if (last < first)
        {
            return (0, 0);
        }

        int start = first / Columns % Rows * Tile, end = last / Columns % Rows * Tile;
        return (
            (first / (Rows * Columns) * height) + Math.Clamp(start + offset, 0, height),
            (last / (Rows * Columns) * height) + Math.Clamp(end + offset + Tile + halo, 0, height));
    }

    /// <summary>The least multiple that is not below a count, for plans that cut work into whole pieces.</summary>
    public static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;

    /// <summary>Goes through tiles from a first one on.</summary>
    public Cursor StartAt(int tile) => new(this, tile);

    private static bool Fits(in CorrelationAxis axis) => axis is { Taps: 3, Step: 1, TapStep: 1, DestinationStep: 1 };

    /// <summary>A tile's place.</summary>
    public struct Cursor(in WinogradGrid grid, int tile)
    {
        private readonly int _rows = grid.Rows, _columns = grid.Columns;

        public int Image { get; private set; } = tile / (grid.Rows * grid.Columns);

        public int Row { get; private set; } = tile / grid.Columns % grid.Rows;

        public int Column { get; private set; } = tile % grid.Columns;

        /// <summary>Goes to the next tile; tells whether it is in another row.</summary>
        public bool Next()
        {
            if (++Column < _columns)
            {
                return false;
            }

            Column = 0;
            if (++Row == _rows)
            {
                Row = 0;
                Image++;
            }

            return true;
        }
    }
}
