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
    public static bool Fits(in Correlation work) => work.Groups == 1 && Fits(work.Rows) && Fits(work.Columns);

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
